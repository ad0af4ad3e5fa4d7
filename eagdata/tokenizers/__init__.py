"""Tokenizers: how many tokens a text costs, with vocabularies that are checked by hash and never downloaded."""
