"""The embedding: modules, stores, instances and host functions for Python users.

The only place that joins text, binary, validation, execution and WASI.
Everything here is re-exported by ``wasmpy``.

Spec: ``appendix/embedding.html``.
"""
