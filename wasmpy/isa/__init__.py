"""The one table of instructions and what is derived from it."""
