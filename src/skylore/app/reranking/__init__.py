"""Hits that a model looks at on behalf of the clients of a server."""
