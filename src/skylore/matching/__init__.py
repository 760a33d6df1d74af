"""Cross-matching lists of positions with archives."""
