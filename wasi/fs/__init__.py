"""File systems for guests: one interface, and what stands behind it.

What belongs here: the public names.  ``base`` is the interface; each other
file is one kind.  What does not: paths (``wasi.paths``), descriptors and
rights (``wasi.fdtable``), and the functions that guests call
(``wasi.preview1``).
"""
