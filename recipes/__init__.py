"""Commands that make what ships with Skylore."""
