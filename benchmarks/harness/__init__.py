"""The parts of the benchmark harness: arithmetic, processes, measurements, tables.

``figures`` and ``tables`` know no engine; ``work`` runs in the process of one engine;
``workers`` starts such processes; ``kernels``, ``guard``, ``load`` and ``start`` decide
what is measured in which order; ``plot`` draws.
"""
