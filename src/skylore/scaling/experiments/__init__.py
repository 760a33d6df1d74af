"""Training runs over amounts of data, seeds and model sizes: what to run, and how it is run."""
