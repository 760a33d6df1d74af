"""Routes: each takes a request apart, asks, and puts the answer together."""
