"""What trainings of all networks share: rates, averages, checkpoints, and the folder of a model."""
