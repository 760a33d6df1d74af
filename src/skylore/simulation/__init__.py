"""Display images of galaxies whose structure is known because it was put there."""
