"""Skylore: search, classify and measure an archive of unlabelled science images."""

__version__ = "0.1.0"
