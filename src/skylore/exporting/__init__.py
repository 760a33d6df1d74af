"""Archives as files that other programs read."""
