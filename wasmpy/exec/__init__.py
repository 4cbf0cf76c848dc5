"""The execution chapter: store, instantiation and the reference tier."""
