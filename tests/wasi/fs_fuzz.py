"""Random sequences of operations against every kind of file system and the model at once.

What belongs here: making sequences, running them, making a failing one
shorter.  What does not: the model (``fs_model``).

A sequence is plain data made from a seed, so that it can be run again.  For a long
run: ``python -m tests.wasi.fs_fuzz --minutes 10``.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import random
import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, Optional, Tuple

from tests.wasi import fs_model as model
from wasi import paths
from wasi.errno import ErrnoError
from wasi.fs import (
    ArchiveFileSystem,
    FileSystem,
    HostFileSystem,
    MemoryFileSystem,
    OverlayFileSystem,
    ReadOnlyFileSystem,
)
from wasi.fs.base import Directory, File, Filetype, Node

SECRET = b"the secret that nobody inside may read"
FIRST = {"a/x": b"first", "a/b/y": b"second" * 100, "a/b/c": None, "f": b"12345", "d": None}
NAMES = [b"a", b"b", b"c", b"d", b"f", b"x", b"y"]
KINDS = {Filetype.DIRECTORY: "dir", Filetype.REGULAR_FILE: "file", Filetype.SYMBOLIC_LINK: "link"}
SLOTS = 3

Op = Tuple[Any, ...]


def random_path(rng: random.Random, known: List[bytes]) -> bytes:
    if known and rng.random() < 0.6:
        path = rng.choice(known)
        if rng.random() < 0.25:
            path += b"/" + rng.choice(NAMES)
        return path + rng.choices([b"", b"/", b"/.", b"/.."], [30, 2, 1, 1])[0]
    if rng.random() < 0.03:
        return rng.choice([
            b"", b"/", b"/a", b"/etc/passwd", b".", b"..", b"../outside", b"../root-sibling/secret", b"a//b///y",
            b"./a/./b/.", b"a/\0", b"\xff", b"n" * 256, b"n" * 10_000, b"a/" * 2500, b"./" * 2000 + b"f", b"a/../" * 300 + b"f",
            b"\xed\xa0\x80", b"a\\b", "é".encode(), b"...", b"a/b/../../../outside",
        ])  # fmt: skip
    parts = [
        rng.choices([rng.choice(NAMES), b"..", b"."], [12, 2, 1])[0]
        for _ in range(rng.choices([1, 2, 3, 4], [6, 5, 3, 1])[0])
    ]
    return b"/".join(parts) + rng.choices([b"", b"/", b"//", b"/."], [20, 2, 1, 1])[0]


def random_op(rng: random.Random, known: List[bytes]) -> Op:
    kind = rng.choices(
        ["open", "mkdir", "symlink", "rename", "unlink", "rmdir", "link", "pread", "pwrite", "append", "truncate",
         "allocate", "close", "stat", "readlink", "entries", "top", "same", "times", "fstat"],
        [12, 5, 5, 10, 4, 4, 6, 6, 8, 4, 4, 2, 2, 4, 2, 4, 3, 2, 2, 2],
    )[0]  # fmt: skip
    top, slot, path = rng.choice([0, 0, 0, 1, 2, 3]), rng.randrange(SLOTS), random_path(rng, known)
    if kind == "open":
        flags = {name: rng.random() < p for name, p in
                 [("follow", 0.7), ("read", 0.8), ("write", 0.6), ("create", 0.4), ("exclusive", 0.15),
                  ("truncate", 0.15), ("directory", 0.1)]}  # fmt: skip
        return kind, top, slot, path, flags
    if kind == "symlink":
        target = rng.choice([
            random_path(rng, known), rng.choice(NAMES), rng.choice(NAMES), b"../" + rng.choice(NAMES), b"b/", b".", b"..",
            path, b"../" * rng.randrange(1, 5) + b"outside", b"/etc/passwd",
        ])  # fmt: skip
        return kind, top, path, target, rng.random() < 0.3
    if kind in ("rename", "link", "same"):
        return kind, top, path, rng.randrange(SLOTS + 1), random_path(rng, known)
    if kind in ("pwrite", "append"):
        data = bytes([rng.randrange(65, 91)]) * rng.choice([0, 1, 7, 300])
        return kind, slot, data, rng.choice([0, 3, 290, 5000])
    if kind == "pread":
        return kind, slot, rng.choice([0, 5, 10_000]), rng.choice([0, 3, 290, 9000])
    if kind in ("truncate", "allocate"):
        return kind, slot, rng.choice([0, 4, 400]), rng.choice([0, 4, 400])
    if kind in ("close", "fstat"):
        return kind, slot
    if kind == "times":
        return kind, top, path, rng.random() < 0.5, rng.choice([None, 1_000_000_007]), rng.choice([None, 2_000_000_009])
    if kind == "top":
        return kind, top, slot, path
    return kind, top, path, rng.random() < 0.5


class ModelSide:
    """What operations do in the model."""

    def __init__(self) -> None:
        self.root = model.Thing("dir")
        for path, content in FIRST.items():
            here = self.root
            *before, last = path.encode().split(b"/")
            for part in before:
                here = here.names.setdefault(part, model.Thing("dir"))
            if last not in here.names:
                here.names[last] = model.Thing("dir") if content is None else model.Thing("file", content)
                here.names[last].links = 1
        self.tops: List[Optional[model.Thing]] = [None] * SLOTS
        self.files: List[Optional[model.Handle]] = [None] * SLOTS

    def known(self) -> List[bytes]:
        """Some of the paths that there are, from the top."""
        found: List[bytes] = []
        ahead = [(b"", self.root)]
        while ahead and len(found) < 40:
            path, thing = ahead.pop(0)
            for name in sorted(thing.names):
                found.append(path + name)
                ahead.append((path + name + b"/", thing.names[name]))
        return found

    def run(self, op: Op) -> Any:
        try:
            return getattr(self, "do_" + op[0])(*op[1:])
        except model.ModelError as error:
            return str(error)

    def top(self, index: int) -> model.Thing:
        found = self.tops[index - 1] if index else self.root
        return self.root if found is None else found

    @staticmethod
    def told(thing: model.Thing) -> Any:
        kind = thing.kind
        return kind, None if kind == "dir" else len(thing.data), None if kind == "dir" else thing.links

    def do_open(self, top: int, slot: int, path: bytes, flags: Dict[str, bool]) -> Any:
        handle = model.open_at(self.top(top), path, **flags)
        if handle.thing.kind == "file":
            self.files[slot] = handle
        return self.told(handle.thing)

    def do_mkdir(self, top: int, path: bytes, _: bool) -> Any:
        return model.make_directory(self.top(top), path)

    def do_rmdir(self, top: int, path: bytes, _: bool) -> Any:
        return model.remove_directory(self.top(top), path)

    def do_unlink(self, top: int, path: bytes, _: bool) -> Any:
        return model.remove_file(self.top(top), path)

    def do_symlink(self, top: int, path: bytes, target: bytes, raw: bool) -> Any:
        if raw and (not target or 0 in target or len(target) > 4095):
            return None
        return model.make_symlink(self.top(top), path, target, raw)

    def do_rename(self, top: int, path: bytes, new_top: int, new_path: bytes) -> Any:
        return model.rename(self.top(top), path, self.top(new_top), new_path)

    def do_link(self, top: int, path: bytes, new_top: int, new_path: bytes) -> Any:
        return model.make_link(self.top(top), path, self.top(new_top), new_path)

    def do_same(self, top: int, path: bytes, new_top: int, new_path: bytes) -> Any:
        return model.get(self.top(top), path, False) is model.get(self.top(new_top), new_path, False)

    def do_readlink(self, top: int, path: bytes, _: bool) -> Any:
        return model.read_link(self.top(top), path)

    def do_stat(self, top: int, path: bytes, follow: bool) -> Any:
        return self.told(model.get(self.top(top), path, follow))

    def do_entries(self, top: int, path: bytes, follow: bool) -> Any:
        return model.entries(model.get(self.top(top), path, follow))

    def do_top(self, top: int, slot: int, path: bytes) -> Any:
        thing = model.get(self.top(top), path, True)
        if thing.kind == "dir":
            self.tops[slot] = thing
        return thing.kind

    def do_times(self, top: int, path: bytes, follow: bool, atim: Optional[int], mtim: Optional[int]) -> Any:
        model.get(self.top(top), path, follow)
        return atim, mtim

    def on_file(self, slot: int, function: Callable[..., Any], *args: Any) -> Any:
        handle = self.files[slot]
        return None if handle is None else function(handle, *args)

    def do_pread(self, slot: int, size: int, offset: int) -> Any:
        return self.on_file(slot, model.pread, size, offset)

    def do_pwrite(self, slot: int, data: bytes, offset: int) -> Any:
        return self.on_file(slot, model.pwrite, data, offset)

    def do_append(self, slot: int, data: bytes, _: int) -> Any:
        return self.on_file(slot, model.append, data)

    def do_truncate(self, slot: int, size: int, _: int) -> Any:
        return self.on_file(slot, model.truncate, size)

    def do_allocate(self, slot: int, offset: int, length: int) -> Any:
        return self.on_file(slot, model.allocate, offset, length)

    def do_fstat(self, slot: int) -> Any:
        return self.on_file(slot, lambda handle: self.told(handle.thing))

    def do_close(self, slot: int) -> Any:
        self.files[slot] = None


class RealSide:
    """What operations do in a file system."""

    def __init__(self, fs: FileSystem) -> None:
        self.root = fs.root()
        self.tops: List[Optional[Directory]] = [None] * SLOTS
        self.files: List[Optional[File]] = [None] * SLOTS

    def run(self, op: Op) -> Any:
        try:
            return getattr(self, "do_" + op[0])(*op[1:])
        except ErrnoError as error:
            return error.errno.name

    def close(self) -> None:
        for node in [self.root, *self.tops, *self.files]:
            if node is not None:
                node.close()

    def top(self, index: int) -> Directory:
        found = self.tops[index - 1] if index else self.root
        return self.root if found is None else found

    @staticmethod
    def told(node: Node) -> Any:
        stat = node.stat()
        assert stat.filetype == node.filetype
        kind = KINDS[stat.filetype]
        return kind, None if kind == "dir" else stat.size, None if kind == "dir" else stat.nlink

    def do_open(self, top: int, slot: int, path: bytes, flags: Dict[str, bool]) -> Any:
        node = paths.open_at(self.top(top), path, **flags)
        if isinstance(node, File):
            self.do_close(slot)
            self.files[slot] = node
            return self.told(node)
        with node:
            return self.told(node)

    def do_mkdir(self, top: int, path: bytes, _: bool) -> Any:
        return paths.make_directory(self.top(top), path)

    def do_rmdir(self, top: int, path: bytes, _: bool) -> Any:
        return paths.remove_directory(self.top(top), path)

    def do_unlink(self, top: int, path: bytes, _: bool) -> Any:
        return paths.remove_file(self.top(top), path)

    def do_symlink(self, top: int, path: bytes, target: bytes, raw: bool) -> Any:
        if not raw:
            return paths.make_symlink(self.top(top), path, target)
        if not target or 0 in target or len(target) > 4095:
            return None
        # As another program on the host would: without a look at the target.
        place = paths.resolve(self.top(top), path, follow=False)
        with place.directory:
            paths._must_be_free(place)
            return place.directory.make_symlink(place.name, target)

    def do_rename(self, top: int, path: bytes, new_top: int, new_path: bytes) -> Any:
        return paths.rename(self.top(top), path, self.top(new_top), new_path)

    def do_link(self, top: int, path: bytes, new_top: int, new_path: bytes) -> Any:
        return paths.make_link(self.top(top), path, self.top(new_top), new_path)

    def do_same(self, top: int, path: bytes, new_top: int, new_path: bytes) -> Any:
        with paths.look_up(self.top(top), path, follow=False) as one, paths.look_up(self.top(new_top), new_path, follow=False) as other:
            return one.stat()[:2] == other.stat()[:2]

    def do_readlink(self, top: int, path: bytes, _: bool) -> Any:
        return paths.read_link(self.top(top), path)

    def do_stat(self, top: int, path: bytes, follow: bool) -> Any:
        with paths.look_up(self.top(top), path, follow=follow) as node:
            return self.told(node)

    def do_entries(self, top: int, path: bytes, follow: bool) -> Any:
        with paths.look_up(self.top(top), path, follow=follow) as node:
            if not isinstance(node, Directory):
                return []
            found = node.entries()
            for entry in found:
                with node.lookup(entry.name) as child:
                    assert (child.stat().ino, child.filetype) == (entry.ino, entry.filetype)
            return [(entry.name, KINDS[entry.filetype]) for entry in found]

    def do_top(self, top: int, slot: int, path: bytes) -> Any:
        node = paths.look_up(self.top(top), path, follow=True)
        if isinstance(node, Directory):
            old, self.tops[slot] = self.tops[slot], node
            if old is not None:
                old.close()
        else:
            node.close()
        return KINDS[node.filetype]

    def do_times(self, top: int, path: bytes, follow: bool, atim: Optional[int], mtim: Optional[int]) -> Any:
        with paths.look_up(self.top(top), path, follow=follow) as node:
            before = node.stat()
            node.set_times(atim, mtim)
            after = node.stat()
            assert after.atim == (before.atim if atim is None else atim)
            assert after.mtim == (before.mtim if mtim is None else mtim)
        return atim, mtim

    def on_file(self, slot: int, function: Callable[..., Any], *args: Any, **more: Any) -> Any:
        file = self.files[slot]
        return None if file is None else function(file, *args, **more)

    def do_pread(self, slot: int, size: int, offset: int) -> Any:
        data = self.on_file(slot, lambda f: f.pread(size, offset))
        assert not isinstance(data, bytes) or SECRET not in data
        return data

    def do_pwrite(self, slot: int, data: bytes, offset: int) -> Any:
        return self.on_file(slot, lambda f: f.pwrite(data, offset))

    def do_append(self, slot: int, data: bytes, _: int) -> Any:
        return self.on_file(slot, lambda f: f.append(data))

    def do_truncate(self, slot: int, size: int, _: int) -> Any:
        return self.on_file(slot, lambda f: f.truncate(size))

    def do_allocate(self, slot: int, offset: int, length: int) -> Any:
        return self.on_file(slot, lambda f: f.allocate(offset, length))

    def do_fstat(self, slot: int) -> Any:
        return self.on_file(slot, self.told)

    def do_close(self, slot: int) -> Any:
        file, self.files[slot] = self.files[slot], None
        if file is not None:
            file.close()


def build(directory: Path) -> None:
    """The first content, in a directory of the host."""
    for path, content in FIRST.items():
        place = directory / path
        if content is None:
            place.mkdir(parents=True, exist_ok=True)
        else:
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(content)


def outside_of(base: Path) -> Dict[str, Any]:
    """All that is not inside, to compare."""
    found: Dict[str, Any] = {}
    for place, directories, files in os.walk(base):
        directories[:] = sorted(name for name in directories if name not in ("root", "lower"))
        for name in files:
            file = Path(place, name)
            found[str(file)] = (file.read_bytes(), file.lstat().st_nlink, file.lstat().st_mtime_ns)
        found[place] = sorted(directories + files)
    return found


@contextlib.contextmanager
def sides(base: Path) -> Iterator[Dict[str, FileSystem]]:
    """Every kind that can be written, with the same content, and something outside."""
    for name in ("root", "lower", "root-sibling"):
        (base / name).mkdir()
    build(base / "root")
    build(base / "lower")
    (base / "outside").write_bytes(SECRET)
    (base / "root-sibling" / "secret").write_bytes(SECRET)
    found: Dict[str, FileSystem] = {
        "memory": MemoryFileSystem(FIRST),
        "host": HostFileSystem(base / "root"),
        "host quota": HostFileSystem(base / "lower", max_bytes=10**9, max_nodes=10**6),
        "overlay of archive": OverlayFileSystem(ArchiveFileSystem(FIRST)),
        "overlay of memory": OverlayFileSystem(MemoryFileSystem(FIRST)),
        "overlay of nothing": OverlayFileSystem(MemoryFileSystem()),
        "overlay of overlay": OverlayFileSystem(ReadOnlyFileSystem(OverlayFileSystem(MemoryFileSystem(FIRST), dev=7))),
    }
    (base / "third" / "root").mkdir(parents=True)
    build(base / "third" / "root")
    found["overlay of host"] = OverlayFileSystem(HostFileSystem(base / "third" / "root"))
    with found["overlay of nothing"].root() as root:
        from wasi.fs.memory import add_file, make_directories

        for path, content in FIRST.items():
            if content is None:
                make_directories(root, path.encode())
            else:
                add_file(root, path.encode(), content)
    before = outside_of(base)
    below = {str(p): p.is_dir() or p.read_bytes() for p in sorted((base / "third").rglob("*"))}
    yield found
    assert outside_of(base) == before, "something outside was changed"
    assert {str(p): p.is_dir() or p.read_bytes() for p in sorted((base / "third").rglob("*"))} == below, "the lower one was changed"
    for fs in found.values():
        fs.close()


def check_whole(name: str, side: RealSide, thing: model.Thing) -> None:
    """Everything in a file system is as it is in the model."""

    def same(directory: Directory, thing: model.Thing, path: bytes) -> None:
        assert [entry.name for entry in directory.entries()] == sorted(thing.names), (name, path)
        for key, child in thing.names.items():
            with directory.lookup(key) as node:
                assert side.told(node) == ModelSide.told(child), (name, path, key)
                if isinstance(node, Directory):
                    same(node, child, path + b"/" + key)
                elif child.kind == "file":
                    with directory.open(key, read=True, write=False) as file:
                        assert isinstance(file, File)
                        assert file.pread(10**6, 0) == bytes(child.data), (name, path, key)

    same(side.root, thing, b"")


def run(ops: List[Op]) -> Optional[str]:
    """What is wrong with this sequence; None if nothing is."""
    base = Path(tempfile.mkdtemp(prefix="wasmpy-fs-"))
    try:
        with sides(base) as kinds:
            reference = ModelSide()
            real = {name: RealSide(fs) for name, fs in kinds.items()}
            try:
                for number, op in enumerate(ops):
                    wanted = reference.run(op)
                    for name, side in real.items():
                        found = side.run(op)
                        if found != wanted:
                            return f"{number}: {op!r}\n  model: {wanted!r}\n  {name}: {found!r}"
                for name, side in real.items():
                    check_whole(name, side, reference.root)
            finally:
                for side in real.values():
                    side.close()
    except Exception as error:
        # A traceback is a finding too.
        return f"{type(error).__name__}: {error}"
    finally:
        shutil.rmtree(base, ignore_errors=True)
    return None


def sequence(seed: int, length: int = 60) -> List[Op]:
    rng = random.Random(seed)
    side = ModelSide()
    ops: List[Op] = []
    while len(ops) < length:
        op = random_op(rng, side.known())
        ops.append(op)
        side.run(op)
    return ops


def shortest(ops: List[Op]) -> List[Op]:
    """As few of the operations as show that something is wrong."""
    size = max(1, len(ops) // 2)
    while True:
        at = 0
        while at < len(ops):
            fewer = ops[:at] + ops[at + size :]
            if run(fewer) is not None:
                ops = fewer
            else:
                at += size
        if size == 1:
            return ops
        size //= 2


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=1.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--length", type=int, default=60)
    options = parser.parse_args()
    end = time.monotonic() + options.minutes * 60
    seed = options.seed
    while time.monotonic() < end:
        ops = sequence(seed, options.length)
        wrong = run(ops)
        if wrong is not None:
            short = shortest(ops)
            print(f"seed {seed}:\n" + "\n".join(f"  {op!r}," for op in short))
            print(run(short))
            return 1
        seed += 1
    print(f"{seed - options.seed} sequences, nothing found")
    return 0


if __name__ == "__main__":
    sys.exit(main())
