"""The published density emulator (arXiv 2407.15703), its defects kept as switches: a baseline."""
