"""Retrieval metrics and their uncertainty."""
