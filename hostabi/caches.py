"""The cache that guards' modules come out of: decoded once, and kept on disk where that is wanted.

What belongs here: one cache for the process, exchanged in one step; whose
guards are still open; which of several caches a guard uses.  What does not:
the format and the directory on disk (``wasmpy.tiers.cache``), and where that
directory is (``settings``).

Guards are closed before the cache that they came out of: a cache that is
closed earlier says so (``CacheInUse``) and stays open.

ABI: section 7, cache lifecycle.
"""

from __future__ import annotations

import contextlib
import os
import threading
import warnings
import weakref
from collections import OrderedDict
from typing import Any, Callable, Iterator, List, Optional, Protocol, Tuple, Union

from hostabi.errors import CacheInUse, GuardCacheError, one_line
from wasmpy.api.module import Module
from wasmpy.config import Features, Limits
from wasmpy.tiers.cache import Cache, CacheWarning
from wasmpy.tiers.folder import CacheError, folder

MAX_MODULES = 16
"""Modules that a cache keeps in memory; the one that was not used for the longest time goes."""

Directory = Union[str, "os.PathLike[str]"]


class Named(Protocol):
    """What uses a cache: it has a name, and can be held weakly."""

    name: str


class ModuleCache:
    """Decoded and validated modules, by their bytes; on disk too, with ``directory``.

    A directory that cannot be used is a warning, once (``warn`` is told
    instead of ``warnings``), and then memory is all there is: ``directory`` is
    None.

    >>> with ModuleCache() as cache:
    ...     a, b = (cache.module('(module)', Features.WASM2, Limits()) for _ in "ab")
    >>> a is b
    True
    """

    def __init__(
        self, directory: Optional[Directory] = None, *, max_modules: int = MAX_MODULES,
        warn: Optional[Callable[[str], None]] = None,
    ) -> None:  # fmt: skip
        self._lock = threading.Lock()
        self._modules: OrderedDict[Tuple[Any, ...], Module] = OrderedDict()
        self._max_modules = max_modules
        self._open: weakref.WeakSet[Any] = weakref.WeakSet()
        self._disk = None if directory is None else _disk(directory, warn or _warn)
        self.closed = False

    @property
    def directory(self) -> Optional[str]:
        """The directory on disk, None for a cache in memory alone."""
        return None if self._disk is None else self._disk.directory

    def module(self, source: Union[bytes, str], features: Features, limits: Limits) -> Module:
        """The module that ``source`` is, decoded if it is not there.

        Raises: MalformedError, InvalidError; GuardCacheError if the cache is closed.
        """
        key = source, features, limits
        with self._lock:
            if self.closed:
                raise GuardCacheError("the cache is closed")
            found = self._modules.get(key)
            if found is not None:
                self._modules.move_to_end(key)
                return found
        # Not held: two that decode the same at once share it in wasmpy.
        made = Module(source, features=features, limits=limits, cache=self._disk)
        with self._lock:
            kept = self._modules.setdefault(key, made)
            while len(self._modules) > self._max_modules:
                self._modules.popitem(last=False)
            return kept

    def opened(self, guard: Named) -> bool:
        """A guard is about to come out of the cache; False if it is closed."""
        with self._lock:
            if not self.closed:
                self._open.add(guard)
            return not self.closed

    def released(self, guard: Named) -> None:
        """It is closed."""
        with self._lock:
            self._open.discard(guard)

    @property
    def guards(self) -> List[str]:
        """The names of the guards that are still open."""
        with self._lock:
            return sorted(guard.name for guard in self._open)

    def close(self) -> None:
        """Write what is to be kept, and let go of the modules; twice is harmless.

        Raises: CacheInUse while guards that came out of it are open.
        """
        with self._lock:
            if self.closed:
                return
            guards = sorted(guard.name for guard in self._open)
            if guards:
                raise CacheInUse(guards)
            self.closed = True
            self._modules.clear()
        if self._disk is not None:
            self._disk.save()

    def __enter__(self) -> ModuleCache:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<hostabi.ModuleCache {self.directory or 'in memory'}>"


def _disk(directory: Directory, warn: Callable[[str], None]) -> Optional[Cache]:
    """The cache in a directory; None, with one warning, if it cannot be used."""
    path = os.path.abspath(os.fspath(directory))  # noqa: PTH100 - a link stays one
    try:
        with folder(path, create=True):
            pass
        if not os.access(path, os.W_OK | os.X_OK):
            raise CacheError("it cannot be written", path, "unusable")
        return Cache(path, warn=warn)
    except (CacheError, OSError, ValueError) as error:
        warn(f"modules are kept in memory alone: {error}")
        return None


def _warn(text: str) -> None:
    warnings.warn(f"the cache of guards: {text}", CacheWarning, stacklevel=4)


# -- the one of the process ------------------------------------------------------


class _Global:
    """The type of :data:`GLOBAL`."""

    def __repr__(self) -> str:
        return "GLOBAL"


GLOBAL = _Global()
"""For a guard's ``cache``: that of the process, whichever it is then."""

Choice = Union[ModuleCache, _Global, None]
"""A guard's cache: one of its own choice, that of the process, or None for none."""

_swap = threading.RLock()
_current: List[Optional[ModuleCache]] = [ModuleCache()]


def current() -> Optional[ModuleCache]:
    """The cache of the process; in memory from the start, None after ``close``."""
    return _current[0]


def chosen(cache: Choice) -> Optional[ModuleCache]:
    """The cache that a guard uses: none, if that is what it wants; its own; that of the process."""
    return current() if isinstance(cache, _Global) else cache


@contextlib.contextmanager
def held(cache: Choice, guard: Named) -> Iterator[Optional[ModuleCache]]:
    """The cache that ``guard`` comes out of, not to be closed before it; let go of if it fails.

    Raises: GuardCacheError if it is closed.
    """
    found = chosen(cache)
    while found is not None and not found.opened(guard):
        if not isinstance(cache, _Global):
            raise GuardCacheError("the cache is closed")
        found = current()  # it was exchanged just now
    try:
        yield found
    except BaseException:
        if found is not None:
            found.released(guard)
        raise


def configure(
    directory: Optional[Directory] = None, *, make: Callable[..., ModuleCache] = ModuleCache,
    warn: Optional[Callable[[str], None]] = None,
) -> ModuleCache:  # fmt: skip
    """Put a new cache in the place of the process's; the new one.

    It is made first, so a failure leaves the old one where it is.  The old one
    is closed; if it cannot be, it stays and the new one is closed.

    Raises: GuardCacheError with what went wrong as its cause.
    """
    made = make(directory, warn=warn)
    with _swap:
        old = _current[0]
        if old is not None:
            try:
                old.close()
            except Exception as error:
                second = _closed(made)
                if isinstance(error, CacheInUse) and second is None:
                    raise
                raise _joined("the cache was not exchanged", error, second) from error
        _current[0] = made
    return made


def close() -> None:
    """Close the cache of the process, after which there is none; twice is harmless.

    Raises: CacheInUse while guards are open, and then it stays; any other
    failure leaves none.
    """
    with _swap:
        old = _current[0]
        if old is None:
            return
        try:
            old.close()
        except CacheInUse:
            raise
        except Exception as error:
            _current[0] = None
            raise _joined("the cache did not close", error) from error
        _current[0] = None


def _closed(cache: ModuleCache) -> Optional[Exception]:
    """Close a cache that nobody has used; what went wrong."""
    try:
        cache.close()
    except Exception as error:  # noqa: BLE001 - it is told together with the first
        return error
    return None


def _joined(what: str, *errors: Optional[Exception]) -> GuardCacheError:
    """One error for several."""
    texts = [str(error) for error in errors if error is not None]
    return GuardCacheError(one_line(f"{what}: {'; '.join(texts)}"))
