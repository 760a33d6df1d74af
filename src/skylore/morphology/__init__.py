"""Learning what galaxies look like from votes, classes, measurements and images alone."""
