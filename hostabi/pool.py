"""A pool of guards in the threads of this process.

What belongs here: one module, decoded once, and an instance of it for each
place.  What does not: turns, policies and closing (``pooling``); instances in
processes of their own (``processes``).
"""

from __future__ import annotations

import dataclasses
from typing import Any, Optional

from hostabi import abi
from hostabi.backend import Backend
from hostabi.caches import GLOBAL, Choice, held
from hostabi.guard import Guard
from hostabi.load import Source, load_module
from hostabi.pooling import Pool
from wasmpy.api.module import Module
from wasmpy.config import DEFAULT_LIMITS, Features, Limits


class GuardPool(Pool):
    """``size`` instances of one guard, for calls from many threads or tasks at once.

    As many calls overlap as there are instances; the others wait in line, each
    at most ``wait`` seconds (None for any time).  ``options`` are those of
    ``Guard``; ``log``, ``stdout`` and ``stderr`` are called by several threads.
    An instance that traps is replaced, the others go on.

    Python runs one thread at a time, so threads overlap while a backend is
    waited for, not while guests compute; for that there is ``ProcessPool``.

    >>> from hostabi import bundled
    >>> policy = {"allow-only": {"repos": "all", "min-integrity": "none"}}
    >>> with GuardPool(bundled.guard_bytes(), size=2) as pool:
    ...     agent = pool.label_agent(policy)
    ...     call = pool.label_resource("get_me", {})
    >>> call.operation.value
    'read'

    Raises: GuardLoadError.
    """

    def __init__(
        self, source: Source, *, size: int = 4, name: str = "",
        backend: Optional[Backend] = None, wait: Optional[float] = None,
        limits: Optional[Limits] = None, max_memory_pages: int = abi.MAX_MEMORY_PAGES,
        features: Features = Features.WASM2, compat: Optional[str] = None,
        cache: Choice = GLOBAL, **options: Any,
    ) -> None:  # fmt: skip
        super().__init__(name, size, wait, backend)
        allowed = dataclasses.replace(limits or DEFAULT_LIMITS, memory_pages=max_memory_pages)
        self._options = dict(
            options, name=name, backend=backend, limits=allowed, max_memory_pages=max_memory_pages,
            features=features, compat=compat,
        )  # fmt: skip
        with held(None if isinstance(source, Module) else cache, self) as self._cache:
            self.module = load_module(source, allowed, features, self._cache)
            self._begin()

    def close(self) -> None:
        """As of any pool."""
        super().close()
        if self._cache is not None:
            self._cache.released(self)

    def _make(self) -> Guard:
        return Guard(self.module, **self._options)
