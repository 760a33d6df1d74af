"""Sentences about objects."""
