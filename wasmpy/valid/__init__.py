"""The validation chapter: is a module valid, and where does its control flow go."""
