"""One adapter per engine: how to compile, instantiate, call, and touch memory.

An adapter is a module of this package named after its engine. It has the functions of
``Adapter`` in ``base.py`` and imports its engine at the top, so that importing the
adapter fails where the engine is not installed.
"""
