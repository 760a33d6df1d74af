"""Queries as values, and their answers."""
