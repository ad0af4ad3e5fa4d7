"""Answers that people write: read from LaTeX or plain notation into exact values, and compared by meaning."""
