"""The compilation cache: modules that need not be decoded, validated or compiled again.

What belongs here: what an entry is kept under, and what becomes of it: found,
filled, written.  What does not: its format (``entry``), the directory
(``folder``), modules in memory (``shared``).

An entry has a decoded and validated module, and the functions that were
compiled so far, in both variants.  It is kept under a hash of everything that
decides what is in it: the module's bytes, the features and limits it was
validated with, wasmpy and the interpreter.  What is compiled later is added
when the module is let go, when the process ends, or by ``Cache.save``.
"""

from __future__ import annotations

import contextlib
import hashlib
import marshal
import os
import sys
import weakref
from pathlib import Path
from typing import Any, Callable, Dict, List, Optional, Sequence, Tuple, Union

from wasmpy.config import Features, Limits
from wasmpy.tiers import entry as file
from wasmpy.tiers import folder
from wasmpy.tiers.entry import BINARY, BODY, DESCRIPTION, DIRECT, METERED, MODULE, Damaged, Sections
from wasmpy.tiers.folder import CacheError
from wasmpy.tiers.stored import body_data, body_of, module_data, module_of

FORMAT = 1
"""Of what stands in the sections."""

MAX_BYTES = 512 << 20
"""What the files of a cache may take unless its owner says otherwise."""

_OF_EXECUTION = frozenset((
    "call_depth", "stack_slots", "host_depth", "memory_pages", "table_elements", "gc_objects",
    "gc_bytes", "instances",
))  # fmt: skip
"""The limits that decoding and validation do not look at."""

_PARTS = ("", "syntax", "isa", "numerics", "binary", "text", "valid", "exec", "tiers",
          "tiers/pysource")  # fmt: skip
"""The folders whose code decides what is in an entry."""

Source = Union[bytes, str]
Made = Tuple[Any, Sequence[Any]]
"""A module and its side tables."""

_HIT_AGE = 3600.0
"""Seconds for which an entry's time of use is exact enough."""


class CacheWarning(UserWarning):
    """Something is wrong with the cache; all works without it."""


class Cache:
    """A directory in which decoded, validated and compiled modules are kept.

    It is made if it is not there.  ``max_bytes`` bounds the files; those that
    were not used for the longest time go first.  ``warn`` is told, once each
    in a process, that an entry is damaged or that nothing can be written.

    An entry is code: whoever can write it decides what this process executes.

    Raises: CacheError if others can write to the directory, or it is not the
    user's.
    """

    def __init__(
        self,
        directory: Union[str, os.PathLike[str]],
        *,
        max_bytes: int = MAX_BYTES,
        warn: Optional[Callable[[str], None]] = None,
    ) -> None:
        self.directory = os.path.abspath(os.fspath(directory))  # noqa: PTH100 - a link stays one
        self.max_bytes = max_bytes
        self._warn = warn or _warn
        self._live: weakref.WeakSet[Entry] = weakref.WeakSet()
        try:
            with folder.folder(self.directory, create=True):
                pass
        except OSError as error:
            self.complain("unusable", f"{self.directory}: {error.strerror}")

    def entry(self, key: bytes, description: Dict[str, Any]) -> Entry:
        """What is kept under a key; empty if there is nothing."""
        made = Entry(self, key, description)
        made.sections = self.open(key)
        self._live.add(made)
        return made

    def open(self, key: bytes) -> Optional[Sections]:
        """The file under a key, checked; None if there is none that is good."""
        name = key.hex() + folder.SUFFIX
        try:
            with folder.folder(self.directory) as fd:
                found = folder.open_entry(fd, name)
                sections = _sections(found, key)
                if _age(found) > _HIT_AGE:
                    os.utime(found)
                return sections
        except FileNotFoundError:
            return None
        except CacheError as error:
            own = error.path == self.directory
            self.complain("unusable" if own else "entry", str(error))
            return None
        except (Damaged, OSError) as error:
            self.complain("entry", f"{name}: {error}")
            return None

    def write(self, key: bytes, sections: Dict[file.Place, bytes]) -> Optional[Sections]:
        """Put a file under a key in one step, and remove the oldest for it.

        What stands there then; None if nothing could be written.
        """
        data = file.pack(key, sections)
        if len(data) > self.max_bytes:
            return None
        name = key.hex() + folder.SUFFIX
        temporary = f"{key.hex()}.{os.getpid()}-{os.urandom(8).hex()}{folder.TEMPORARY}"
        try:
            with folder.folder(self.directory, create=True) as fd:
                file.write(fd, name, temporary, data)
                folder.evict(fd, self.max_bytes)
        except (CacheError, OSError) as error:
            self.complain("unusable", f"nothing is kept in {self.directory}: {error}")
            return None
        return self.open(key)

    def save(self) -> None:
        """Write what was compiled since."""
        for live in list(self._live):
            live.save()

    def entries(self) -> List[Tuple[folder.Stored, Optional[Sections]]]:
        """The files, the last used at the end, each with its sections if it is sound.

        All of each file is read for that.  Raises: CacheError, OSError.
        """
        found = []
        with folder.folder(self.directory, create=True) as fd:
            for stored in folder.entries(fd):
                sections = None
                with contextlib.suppress(CacheError, Damaged, OSError):
                    there = _sections(folder.open_entry(fd, stored.name), None)
                    there.check()
                    sections = there
                found.append((stored, sections))
        return found

    def clear(self) -> Tuple[int, int]:
        """Remove every entry; how many, and their bytes.  Raises: CacheError, OSError."""
        with folder.folder(self.directory, create=True) as fd:
            folder.remove(fd, folder.abandoned(fd))
            return folder.remove(fd, folder.entries(fd))

    def complain(self, about: str, text: str) -> None:
        """Say once in a process that something is wrong."""
        if about not in _complained:
            _complained.add(about)
            self._warn(text)

    def __repr__(self) -> str:
        return f"<wasmpy.Cache {self.directory}>"


_complained: set[str] = set()


def _warn(text: str) -> None:
    import warnings

    warnings.warn(f"wasmpy's cache: {text}", CacheWarning, stacklevel=2)


def _sections(fd: int, key: Optional[bytes]) -> Sections:
    """The sections of an open file, which is closed if it is none of ours."""
    try:
        return Sections(fd, key)
    except BaseException:
        with contextlib.suppress(OSError):
            os.close(fd)
        raise


def _age(fd: int) -> float:
    import time

    return time.time() - os.fstat(fd).st_mtime


class Entry:
    """What is kept of one module, and what is to be added.

    ``sections`` is its file, None where there is none yet.
    """

    def __init__(self, cache: Cache, key: bytes, description: Dict[str, Any]) -> None:
        self.sections: Optional[Sections] = None
        self._cache = cache
        self._key = key
        self._description = description
        self._new: Dict[file.Place, Any] = {}
        self._made: Optional[Made] = None
        self._make: Optional[Callable[[], Made]] = None
        self._again: Optional[Made] = None

    # The module -----------------------------------------------------------------------

    def module(self, source: Source, make: Callable[[], Made]) -> Made:
        """The module: that of the file, or what ``make`` makes of its source."""
        self._make = make
        try:
            found = None if self.sections is None else self._stored_module(source)
        except (Damaged, OSError) as error:
            self._cache.complain("entry", f"{self._key.hex()}: {error}")
            found = self.sections = None
        if found is None:
            syntax, sidetables = make()
            # The same parts in another object, which does not keep the first alive.
            self._made = type(syntax)(**vars(syntax)), sidetables
            found = syntax, sidetables
        syntax = found[0]
        syntax.__dict__["_kept"] = self
        weakref.finalize(syntax, self.save)
        return found

    def _stored_module(self, source: Source) -> Optional[Made]:
        assert self.sections is not None
        data = self.sections.read(MODULE)
        binary = source if isinstance(source, bytes) else self.sections.read(BINARY)
        if data is None or binary is None:
            return None
        return module_of(marshal.loads(data), binary, self._bodies)  # noqa: S302 - its hash is right

    def _bodies(self, place: int) -> Any:
        """A body and its side table; the whole module is decoded again if they are damaged."""
        data = self._read(BODY, place)
        if data is not None:
            return body_of(marshal.loads(data))  # noqa: S302 - its hash is right
        if self._again is None:
            assert self._make is not None
            self._again = self._made = self._make()
        syntax, sidetables = self._again
        body, table = syntax.funcs[place].body, sidetables[place]
        return body.ops, body.imms, table.branches, table.heights

    def _read(self, kind: int, number: int) -> Optional[bytes]:
        """A section, or None if there is none, or it is damaged."""
        if self.sections is None:
            return None
        try:
            return self.sections.read(kind, number)
        except (Damaged, OSError) as error:
            self._cache.complain("entry", f"{self._key.hex()}: {error}")
            return None

    # Compiled functions ----------------------------------------------------------------

    def compiled(self, index: int, *, metered: bool) -> Any:
        """The compiled function that was kept, or None; see ``add``."""
        data = self._read(METERED if metered else DIRECT, index)
        return None if data is None else marshal.loads(data)  # noqa: S302 - its hash is right

    def add(self, index: int, found: Any, *, metered: bool) -> None:
        """Keep a compiled function: whatever ``marshal`` takes."""
        self._new[METERED if metered else DIRECT, index] = found

    def save(self) -> None:
        """Write what is not in the file yet; what cannot be written now is tried again."""
        new, made = dict(self._new), self._made
        if not new and made is None:
            return
        sections: Dict[file.Place, bytes] = {}
        for there in (self.sections, self._cache.open(self._key)):
            if there is not None:
                for place in there:
                    with contextlib.suppress(Damaged, OSError):
                        sections[place] = there.read(*place) or b""
        if made is not None:
            _add_module(sections, self._description, *made)
        for place, found in new.items():
            sections[place] = marshal.dumps(found)
        if (MODULE, 0) not in sections:
            return
        written = self._cache.write(self._key, sections)
        if written is None:
            return
        # The open file is there also when somebody clears the cache: the next save has it all.
        self.sections, self._made = written, None
        for place in new:
            self._new.pop(place, None)


def _add_module(
    sections: Dict[file.Place, bytes], description: Dict[str, Any], syntax: Any,
    sidetables: Sequence[Any],
) -> None:  # fmt: skip
    """The sections of a module, compiled functions apart."""
    import json

    # In JSON, for `wasmpy cache info` of any interpreter.
    more = {"name": syntax.names.module, "functions": len(syntax.funcs)}
    sections[DESCRIPTION, 0] = json.dumps({**description, **more}).encode()
    sections[MODULE, 0] = marshal.dumps(module_data(syntax, sidetables))
    if description["source"] == "text":
        sections[BINARY, 0] = syntax.binary
    for i, (func, table) in enumerate(zip(syntax.funcs, sidetables)):
        sections[BODY, i] = marshal.dumps(body_data(func.body, table))


# What an entry is kept under -------------------------------------------------------------


def key_of(source: Source, features: Features, limits: Limits) -> Tuple[bytes, Dict[str, Any]]:
    """The key of a module, and in words what it is made of."""
    data = source.encode("utf-8", "surrogatepass") if isinstance(source, str) else source
    parts: Dict[str, Any] = {
        "format": FORMAT,
        "source": "text" if isinstance(source, str) else "binary",
        "sha256": hashlib.sha256(data).hexdigest(),
        "bytes": len(data),
        "features": sorted(features.names),
        "limits": {k: v for k, v in sorted(vars(limits).items()) if k not in _OF_EXECUTION},
        **environment(),
    }
    return hashlib.sha256(repr(sorted(parts.items())).encode()).digest(), parts


_environment: Dict[str, Any] = {}


def environment() -> Dict[str, Any]:
    """What is the same for all entries of this process: wasmpy and the interpreter."""
    if not _environment:
        import _frozen_importlib_external as external

        package: Any = sys.modules[__name__.partition(".")[0]]
        _environment.update(
            wasmpy=package.__version__,
            code=compiler_state(Path(package.__file__).parent),
            python=sys.implementation.cache_tag or sys.implementation.name,
            magic=external.MAGIC_NUMBER.hex(),
            platform=sys.platform,
            optimize=sys.flags.optimize,
            maxsize=sys.maxsize,
        )
    return _environment


def compiler_state(package: Path) -> str:
    """A hash that changes when the code does that decodes, validates or compiles.

    It is of the times and sizes of the files: what Python itself goes by, to
    know whether compiled code is still that of its source.
    """
    found = []
    for part in _PARTS:
        try:
            with os.scandir(package / part if part else package) as items:
                files = [item for item in items if item.name.endswith((".py", ".pyc"))]
                status = [(item.name, item.stat()) for item in files]
        except OSError:
            return _archive_state(package)
        found += sorted((part, name, s.st_mtime_ns, s.st_size) for name, s in status)
    return hashlib.sha256(repr(found).encode()).hexdigest()


def _archive_state(package: Path) -> str:
    """The same, of the archive that the package is in."""
    for above in package.parents:
        if above.is_file():
            status = above.stat()
            return f"{above}:{status.st_mtime_ns}:{status.st_size}"
    return "unknown"
