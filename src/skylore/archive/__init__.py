"""The table that holds everything, and the one mechanism that fills its columns."""
