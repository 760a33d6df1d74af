"""Compact codes of vectors beside the table: built from it, checked against it, not the truth."""
