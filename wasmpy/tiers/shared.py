"""Modules in memory: what is alive in this process is decoded and compiled once.

What belongs here: that equal sources, with equal features and limits, give
one decoded module with its side tables, for all threads.  What does not:
disk (``cache``), decoding and validation, which the caller brings.

A module stays as long as somebody uses it, no longer: there is nothing to
bound.
"""

from __future__ import annotations

import os
import threading
import weakref
from typing import Any, Callable, Dict, List, Optional, Sequence, Tuple, Union

from wasmpy.config import Features, Limits
from wasmpy.tiers.cache import Cache, Source, key_of

Make = Callable[[], Tuple[Any, Sequence[Any]]]
"""Decodes and validates: the module and its side tables."""

Where = Union[Cache, str, "os.PathLike[str]", None]
"""A cache, or the directory of one."""


class Unit:
    """A validated module with its side tables; shared, and never written to."""

    __slots__ = ("__weakref__", "sidetables", "syntax")

    def __init__(self, syntax: Any, sidetables: Sequence[Any]) -> None:
        self.syntax = syntax
        self.sidetables = sidetables


_Key = Tuple[Source, Features, Limits, Optional[str]]

_lock = threading.Lock()
_units: weakref.WeakValueDictionary[_Key, Unit] = weakref.WeakValueDictionary()
_making: Dict[_Key, threading.Lock] = {}
_caches: Dict[str, Cache] = {}
_default: List[Optional[Cache]] = [None]


def use_by_default(cache: Optional[Cache]) -> Optional[Cache]:
    """Use a cache wherever none is named; the one that was used before.

    For programs, such as the command line: a library has no business to.
    """
    before, _default[0] = _default[0], cache
    return before


def cache_at(where: Where) -> Optional[Cache]:
    """The cache that is named, or the default.  Raises: CacheError."""
    if where is None:
        return _default[0]
    if isinstance(where, Cache):
        return where
    path = os.path.abspath(os.fspath(where))  # noqa: PTH100 - a link stays one
    found = _caches.get(path)
    if found is None:
        found = _caches[path] = Cache(path)
    return found


def unit_of(source: Source, features: Features, limits: Limits, where: Where, make: Make) -> Unit:
    """The module that ``make`` makes of ``source``, if it is not there yet.

    Raises: CacheError, and whatever ``make`` raises.
    """
    cache = cache_at(where)
    key = source, features, limits, None if cache is None else cache.directory
    with _lock:
        found = _units.get(key)
        if found is not None:
            return found
        making = _making.setdefault(key, threading.Lock())
    with making:
        try:
            with _lock:
                found = _units.get(key)
            if found is None:
                found = Unit(*(make() if cache is None else _kept(cache, key, make)))
                with _lock:
                    _units[key] = found
            return found
        finally:
            with _lock:
                _making.pop(key, None)


def _kept(cache: Cache, key: _Key, make: Make) -> Tuple[Any, Sequence[Any]]:
    """By way of the cache on disk."""
    source, features, limits, _ = key
    digest, parts = key_of(source, features, limits)
    return cache.entry(digest, parts).module(source, make)
