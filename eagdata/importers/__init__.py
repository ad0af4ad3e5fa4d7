"""Rows of any known format, read: as documents for curation."""
