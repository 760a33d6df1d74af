"""Bringing objects and catalogue columns into an archive."""
