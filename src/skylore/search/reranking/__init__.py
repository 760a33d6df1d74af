"""Answers put into a new order by a judge that looks at the images."""
