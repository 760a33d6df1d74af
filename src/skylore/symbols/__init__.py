"""Schematic symbols: line drawings of what a class of galaxies looks like."""
