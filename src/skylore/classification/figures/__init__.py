"""Figures of a classifier: its space, its answers, and how far to believe them."""
