"""Pixels: decoding, rendering, detection, cutouts and structural measurement."""
