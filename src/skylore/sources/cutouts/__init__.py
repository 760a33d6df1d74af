"""Images of positions on the sky, from the cutout services of surveys."""
