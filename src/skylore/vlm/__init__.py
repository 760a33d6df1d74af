"""Asking vision-language models, within a budget, and never twice for the same answer."""
