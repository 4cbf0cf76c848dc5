"""The numerics chapter: each operator once, generic in its width."""
