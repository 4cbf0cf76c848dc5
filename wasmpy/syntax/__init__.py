"""The structure chapter: types and modules as pure data."""
