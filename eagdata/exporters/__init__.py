"""Branches as text and as rows."""
