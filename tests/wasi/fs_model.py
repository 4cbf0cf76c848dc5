"""A file system as simple as it can be said: what the real ones are compared with.

What belongs here: paths and operations on plain objects, written down a second
time and independently of ``wasi.paths`` and ``wasi.fs``.  No quotas, no clocks.

Each operation answers with its result, or raises ``ModelError`` with the name of
an error code.
"""

from __future__ import annotations

from typing import Dict, List, Optional, Tuple

WAYS = 40  # links in one path


class ModelError(Exception):
    """What goes wrong, by the name of its code."""


class Thing:
    def __init__(self, kind: str, text: bytes = b"") -> None:
        self.kind = kind  # "file", "dir", "link"
        self.data = bytearray(text)
        self.names: Dict[bytes, Thing] = {}
        self.links = 0
        self.gone = False  # a directory that was removed
        self.times: Optional[Tuple[int, int]] = None

    def holds(self, other: Thing) -> bool:
        return self is other or any(child.holds(other) for child in self.names.values() if child.kind == "dir")


Spot = Tuple[Thing, bytes, bool]


def fail(code: str) -> None:
    raise ModelError(code)


def check(path: bytes) -> None:
    if not path:
        fail("ENOENT")
    if len(path) > 4095:
        fail("ENAMETOOLONG")
    try:
        path.decode()
    except UnicodeDecodeError:
        fail("EILSEQ")
    if 0 in path:
        fail("EINVAL")
    if path[:1] == b"/":
        fail("ENOTCAPABLE")


def find(top: Thing, path: bytes, follow: bool) -> Spot:
    """The directory, the last name or b"" for the directory itself, and whether a slash follows."""
    check(path)
    trail = [top]
    slash = path.endswith(b"/")
    todo = [part for part in path.split(b"/") if part]
    links = 0
    while todo:
        part = todo.pop(0)
        here = trail[-1]
        if part == b".":
            if not todo:
                return here, b"", True
        elif part == b"..":
            if len(trail) == 1:
                fail("ENOTCAPABLE")
            trail.pop()
            if not todo:
                return trail[-1], b"", True
        else:
            if len(part) > 255:
                fail("ENAMETOOLONG")
            if not todo and not follow:
                return here, part, slash
            thing = here.names.get(part)
            if thing is not None and thing.kind == "link":
                links += 1
                if links > WAYS:
                    fail("ELOOP")
                text = bytes(thing.data)
                check(text)
                if not todo and text.endswith(b"/"):
                    slash = True
                todo = [p for p in text.split(b"/") if p] + todo
            elif not todo:
                return here, part, slash
            elif thing is None:
                fail("ENOENT")
            elif thing.kind == "file":
                fail("ENOTDIR")
            else:
                trail.append(thing)
    raise AssertionError


def get(top: Thing, path: bytes, follow: bool) -> Thing:
    directory, name, slash = find(top, path, follow or path.endswith(b"/"))
    if not name:
        return directory
    if name not in directory.names:
        fail("ENOENT")
    thing = directory.names[name]
    if slash and thing.kind != "dir":
        fail("ENOTDIR")
    return thing


class Handle:
    def __init__(self, thing: Thing, read: bool, write: bool) -> None:
        self.thing, self.read, self.write = thing, read, write


def open_at(
    top: Thing, path: bytes, *, follow: bool, read: bool, write: bool, create: bool, exclusive: bool,
    truncate: bool, directory: bool,
) -> Handle:  # fmt: skip
    exclusive = exclusive and create
    changes = write or create or truncate
    if directory and (create or truncate):
        fail("EINVAL")
    inside, name, slash = find(top, path, (follow or path.endswith(b"/")) and not exclusive)
    thing = inside if not name else inside.names.get(name)
    if thing is None:
        if not create:
            fail("ENOENT")
        if slash:
            fail("EISDIR")
        if inside.gone:
            fail("ENOENT")
        thing = inside.names[name] = Thing("file")
        thing.links = 1
        return Handle(thing, read, write)
    if (slash or directory) and thing.kind != "dir":
        fail("ENOTDIR")
    if exclusive:
        fail("EEXIST")
    if thing.kind == "dir":
        if changes:
            fail("EISDIR")
        return Handle(thing, read, write)
    if thing.kind == "link":
        fail("ELOOP")
    if truncate:
        thing.data.clear()
    return Handle(thing, read, write)


def make_directory(top: Thing, path: bytes) -> None:
    inside, name, _ = find(top, path, False)
    if not name or name in inside.names:
        fail("EEXIST")
    if inside.gone:
        fail("ENOENT")
    inside.names[name] = Thing("dir")


def make_symlink(top: Thing, path: bytes, target: bytes, raw: bool) -> None:
    if not raw:
        check(target)
    inside, name, slash = find(top, path, False)
    if not name or name in inside.names:
        fail("EEXIST")
    if slash or inside.gone:
        fail("ENOENT")
    thing = inside.names[name] = Thing("link", target)
    thing.links = 1


def make_link(top: Thing, path: bytes, new_top: Thing, new_path: bytes) -> None:
    inside, name, slash = find(top, path, path.endswith(b"/"))
    if slash:
        if name:
            if name not in inside.names:
                fail("ENOENT")
            if inside.names[name].kind != "dir":
                fail("ENOTDIR")
        fail("EPERM")
    where, new_name, new_slash = find(new_top, new_path, False)
    if not new_name:
        fail("EEXIST")
    if new_slash:
        fail("EEXIST" if new_name in where.names else "ENOENT")
    if name not in inside.names:
        fail("ENOENT")
    if new_name in where.names:
        fail("EEXIST")
    thing = inside.names[name]
    if thing.kind == "dir":
        fail("EPERM")
    if where.gone:
        fail("ENOENT")
    where.names[new_name] = thing
    thing.links += 1


def remove_file(top: Thing, path: bytes) -> None:
    inside, name, slash = find(top, path, False)
    if not name:
        fail("EISDIR")
    if name not in inside.names:
        fail("ENOENT")
    thing = inside.names[name]
    if thing.kind == "dir":
        fail("EISDIR")
    if slash:
        fail("ENOTDIR")
    del inside.names[name]
    thing.links -= 1


def remove_directory(top: Thing, path: bytes) -> None:
    inside, name, _ = find(top, path, False)
    if not name:
        fail("EINVAL")
    if name not in inside.names:
        fail("ENOENT")
    thing = inside.names[name]
    if thing.kind != "dir":
        fail("ENOTDIR")
    if thing.names:
        fail("ENOTEMPTY")
    del inside.names[name]
    thing.gone = True


def rename(top: Thing, path: bytes, new_top: Thing, new_path: bytes) -> None:
    inside, name, slash = find(top, path, False)
    where, new_name, new_slash = find(new_top, new_path, False)
    if not name or not new_name:
        fail("EBUSY")
    if name not in inside.names:
        fail("ENOENT")
    thing = inside.names[name]
    is_dir = thing.kind == "dir"
    if (slash or new_slash) and not is_dir:
        fail("ENOTDIR")
    if is_dir and thing.holds(where):
        fail("EINVAL")
    old = where.names.get(new_name)
    if old is thing:
        return
    if old is None:
        if where.gone:
            fail("ENOENT")
    elif old.kind == "dir":
        if old.holds(inside):
            fail("ENOTEMPTY")
        if not is_dir:
            fail("EISDIR")
        if old.names:
            fail("ENOTEMPTY")
        old.gone = True
    else:
        if is_dir:
            fail("ENOTDIR")
        old.links -= 1
    del inside.names[name]
    where.names[new_name] = thing


def read_link(top: Thing, path: bytes) -> bytes:
    thing = get(top, path, False)
    if thing.kind != "link":
        fail("EINVAL")
    return bytes(thing.data)


def pread(handle: Handle, size: int, offset: int) -> bytes:
    if not handle.read:
        fail("EBADF")
    return bytes(handle.thing.data[offset : offset + size])


def pwrite(handle: Handle, data: bytes, offset: int) -> int:
    if not handle.write:
        fail("EBADF")
    content = handle.thing.data
    if data:
        content.extend(bytes(max(0, offset - len(content))))
        content[offset : offset + len(data)] = data
    return len(data)


def append(handle: Handle, data: bytes) -> Tuple[int, int]:
    taken = pwrite(handle, data, len(handle.thing.data))
    return taken, len(handle.thing.data)


def truncate(handle: Handle, size: int) -> None:
    if not handle.write:
        fail("EBADF")
    content = handle.thing.data
    del content[size:]
    content.extend(bytes(size - len(content)))


def allocate(handle: Handle, offset: int, length: int) -> None:
    if not handle.write:
        fail("EBADF")
    if not length:
        fail("EINVAL")
    content = handle.thing.data
    content.extend(bytes(max(0, offset + length - len(content))))


def entries(thing: Thing) -> List[Tuple[bytes, str]]:
    return sorted((name, child.kind) for name, child in thing.names.items())
