"""Captions measured by what volunteers said of the same images."""
