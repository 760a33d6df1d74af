"""Proving that an archive is whole, or saying what is wrong with it."""
