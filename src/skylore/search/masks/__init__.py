"""Which rows satisfy a predicate, by scanning memory-mapped copies of the columns."""
