"""The density of any column of a table given any others."""
