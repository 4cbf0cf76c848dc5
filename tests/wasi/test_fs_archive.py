"""Archives, plain and hostile: all of one is given, or none of it, and within limits."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import pickle
import random
import stat
import tarfile
import warnings
import zipfile
from pathlib import Path
from typing import Any, Callable, Dict, List, Optional, Tuple

import pytest

from tests.wasi.test_fs import names, raises, read
from wasi import paths
from wasi.errno import Errno
from wasi.fs import ArchiveError, ArchiveFault, ArchiveFileSystem
from wasi.fs.base import Directory


@pytest.fixture(autouse=True)
def tier() -> None:
    """Once: no guest runs here."""


Row = Tuple[str, Any]


def tar(*rows: Row, mode: str = "w", format: int = tarfile.PAX_FORMAT) -> bytes:
    """A tar archive: name and content, or None for a directory, or a TarInfo's changes."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode=mode, format=format) as archive:  # type: ignore[call-overload]
        for name, content in rows:
            info = tarfile.TarInfo(name)
            info.mtime = 1_000_000_000
            if content is None:
                info.type = tarfile.DIRTYPE
            elif isinstance(content, dict):
                for key, value in content.items():
                    setattr(info, key, value)
            else:
                info.size = len(content)
            archive.addfile(info, io.BytesIO(content) if isinstance(content, bytes) else None)
    return out.getvalue()


def zipped(*rows: Row, compress: int = zipfile.ZIP_DEFLATED) -> bytes:
    """A zip archive: name (or ZipInfo) and content."""
    out = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with zipfile.ZipFile(out, "w", compress) as archive:
            for name, content in rows:
                archive.writestr(name, content)
    return out.getvalue()


def linked(name: str, target: str) -> Row:
    info = zipfile.ZipInfo(name)
    info.create_system = 3
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    return info, target  # type: ignore[return-value]


def sym(name: str, target: str) -> Row:
    return name, {"type": tarfile.SYMTYPE, "linkname": target}


def hard(name: str, target: str) -> Row:
    return name, {"type": tarfile.LNKTYPE, "linkname": target}


def from_tar(data: bytes, **limits: int) -> Directory:
    return ArchiveFileSystem.from_tar(data, **limits).root()


def from_zip(data: bytes, **limits: int) -> Directory:
    return ArchiveFileSystem.from_zip(data, **limits).root()


PLAIN = [("./", None), ("a/b/c.txt", b"content"), ("a", None), ("./d/", None), ("empty", b""), ("big", b"x" * 200_000)]


@pytest.mark.parametrize("pack", [bytes, gzip.compress, bz2.compress, lzma.compress])
@pytest.mark.parametrize("format", [tarfile.PAX_FORMAT, tarfile.GNU_FORMAT, tarfile.USTAR_FORMAT])
def test_tar(pack: Callable[[bytes], bytes], format: int, tmp_path: Path) -> None:
    data = pack(tar(*PLAIN, format=format))
    file = tmp_path / "archive"
    file.write_bytes(data)
    for source in (data, bytearray(data), file, str(file), io.BytesIO(data)):
        with ArchiveFileSystem.from_tar(source).root() as root:
            assert isinstance(root, Directory)
            assert names(root) == [b"a", b"big", b"d", b"empty"]
            assert read(root, b"a/b/c.txt") == b"content"
            assert len(read(root, b"big")) == 200_000
            with root.lookup(b"big") as node:
                assert node.stat().mtim == 10**18
            with raises(Errno.EROFS):
                root.make_directory(b"x")


@pytest.mark.parametrize("compress", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_zip(compress: int, tmp_path: Path) -> None:
    info = zipfile.ZipInfo("a/b/c.txt", (2001, 9, 9, 1, 46, 40))
    data = zipped((info, b"content"), ("d/", b""), ("big", b"x" * 200_000), ("é/ü", b"utf-8"), linked("l", "a/b/c.txt"), compress=compress)
    file = tmp_path / "archive"
    file.write_bytes(b"#!/bin/sh\n" + data)
    for source in (data, file, io.BytesIO(data)):
        with ArchiveFileSystem.from_zip(source).root() as root:
            assert isinstance(root, Directory)
            assert names(root) == [b"a", b"big", b"d", b"l", "é".encode()]
            assert read(root, b"l") == b"content"
            assert read(root, "é/ü".encode()) == b"utf-8"
            with paths.look_up(root, b"a/b/c.txt", follow=False) as node:
                assert node.stat().mtim == 10**18


def test_links_of_a_tar() -> None:
    root = from_tar(tar(("a/f", b"x"), sym("a/l", "f"), hard("h", "./a/f"), sym("out", "../../etc/passwd"), sym("abs", "/etc/passwd"), sym("loop", "loop")))
    assert (read(root, b"a/l"), read(root, b"h")) == (b"x", b"x")
    with root.lookup(b"h") as node:
        assert node.stat().nlink == 2
    for path in (b"out", b"abs"):
        with raises(Errno.ENOTCAPABLE):
            read(root, path)
    with raises(Errno.ELOOP):
        read(root, b"loop")


HOSTILE_TARS: Dict[str, Tuple[List[Row], ArchiveFault]] = {
    "up": ([("../x", b"x")], ArchiveFault.NAME),
    "up inside": ([("a/../../x", b"x")], ArchiveFault.NAME),
    "up and down": ([("a/../x", b"x")], ArchiveFault.NAME),
    "only up": ([("..", None)], ArchiveFault.NAME),
    "absolute": ([("/etc/passwd", b"x")], ArchiveFault.NAME),
    "absolute directory": ([("/etc", None)], ArchiveFault.NAME),
    "no name": ([(".", b"x")], ArchiveFault.NAME),
    "long name": ([("n" * 300, b"x")], ArchiveFault.NAME),
    "long path": ([("a/" * 3000 + "x", b"x")], ArchiveFault.NAME),
    "twice": ([("x", b"1"), ("x", b"2")], ArchiveFault.DUPLICATE),
    "twice, spelled otherwise": ([("a/x", b"1"), (".//a/./x", b"2")], ArchiveFault.DUPLICATE),
    "a file, then a directory": ([("x", b"1"), ("x", None)], ArchiveFault.LINK),
    "a directory, then a file": ([("x", None), ("x", b"1")], ArchiveFault.DUPLICATE),
    "through a file": ([("x", b"1"), ("x/y", b"2")], ArchiveFault.LINK),
    "through a link": ([sym("l", "/etc"), ("l/passwd", b"2")], ArchiveFault.LINK),
    "through a link inside": ([("d", None), sym("l", "d"), ("l/x", b"2")], ArchiveFault.LINK),
    "over a link": ([sym("l", "/etc/passwd"), ("l", b"2")], ArchiveFault.DUPLICATE),
    "hard link to nothing": ([hard("h", "none")], ArchiveFault.LINK),
    "hard link out": ([hard("h", "../../etc/passwd")], ArchiveFault.NAME),
    "hard link to an absolute name": ([hard("h", "/etc/passwd")], ArchiveFault.NAME),
    "hard link to a directory": ([("d", None), hard("h", "d")], ArchiveFault.LINK),
    "hard link through a link": ([sym("l", "/etc"), hard("h", "l/passwd")], ArchiveFault.LINK),
    "character device": ([("dev", {"type": tarfile.CHRTYPE, "devmajor": 1, "devminor": 3})], ArchiveFault.KIND),
    "block device": ([("dev", {"type": tarfile.BLKTYPE})], ArchiveFault.KIND),
    "fifo": ([("pipe", {"type": tarfile.FIFOTYPE})], ArchiveFault.KIND),
}


@pytest.mark.parametrize("name", HOSTILE_TARS)
def test_a_hostile_tar_is_refused_whole(name: str) -> None:
    rows, fault = HOSTILE_TARS[name]
    with pytest.raises(ArchiveError) as caught:
        from_tar(tar(("before", b"fine"), *rows, ("after", b"fine"), format=tarfile.GNU_FORMAT))
    assert caught.value.fault == fault
    assert len(str(caught.value)) < 400
    assert "\n" not in str(caught.value)
    again = pickle.loads(pickle.dumps(caught.value))
    assert (again.fault, again.entry) == (fault, caught.value.entry)


HOSTILE_ZIPS: Dict[str, Tuple[List[Any], ArchiveFault]] = {
    "up": ([("../x", b"x")], ArchiveFault.NAME),
    "up inside": ([("a/../../x", b"x")], ArchiveFault.NAME),
    "absolute": ([("/etc/passwd", b"x")], ArchiveFault.NAME),
    "twice": ([("x", b"1"), ("x", b"2")], ArchiveFault.DUPLICATE),
    "through a file": ([("x", b"1"), ("x/y", b"2")], ArchiveFault.LINK),
    "through a link": ([linked("l", "/etc"), ("l/passwd", b"2")], ArchiveFault.LINK),
    "over a link": ([linked("l", "/etc/passwd"), ("l", b"2")], ArchiveFault.DUPLICATE),
    "long": ([("n" * 256, b"x")], ArchiveFault.NAME),
}


@pytest.mark.parametrize("name", HOSTILE_ZIPS)
def test_a_hostile_zip_is_refused_whole(name: str) -> None:
    rows, fault = HOSTILE_ZIPS[name]
    with pytest.raises(ArchiveError) as caught:
        from_zip(zipped(("before", b"fine"), *rows))
    assert caught.value.fault == fault


def test_a_nul_in_a_name_of_a_zip() -> None:
    data = zipped(("okXevil", b"x")).replace(b"okXevil", b"ok\0evil")
    with pytest.raises(ArchiveError) as caught:
        from_zip(data)
    assert caught.value.fault in (ArchiveFault.NAME, ArchiveFault.MALFORMED)


def test_a_name_of_a_tar_that_is_no_utf8() -> None:
    data = tar(("nameXYZ", b"x"), format=tarfile.USTAR_FORMAT)
    # The checksum of the header is a sum of bytes: exchange two for two with the same sum.
    data = data.replace(b"nameXYZ", b"name" + bytes([0xB2, 0x00 + 0x01, 0x58 + 0x59 + 0x5A - 0xB2 - 0x01]), 1)
    with pytest.raises(ArchiveError) as caught:
        from_tar(data)
    assert caught.value.fault in (ArchiveFault.NAME, ArchiveFault.MALFORMED)


def test_a_device_in_a_zip() -> None:
    info = zipfile.ZipInfo("dev")
    info.create_system = 3
    info.external_attr = stat.S_IFCHR << 16
    with pytest.raises(ArchiveError) as caught:
        from_zip(zipped((info, b"")))
    assert caught.value.fault == ArchiveFault.KIND


# Bombs.


def test_a_bomb_of_a_zip_is_stopped() -> None:
    data = zipped(("bomb", b"\0" * 20_000_000))
    assert len(data) < 100_000
    with pytest.raises(ArchiveError) as caught:
        from_zip(data, max_bytes=1_000_000)
    assert (caught.value.fault, caught.value.entry) == (ArchiveFault.TOO_BIG, "bomb")


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress, lzma.compress])
def test_a_bomb_of_a_tar_is_stopped(pack: Callable[[bytes], bytes]) -> None:
    with pytest.raises(ArchiveError) as caught:
        from_tar(pack(tar(("bomb", b"\0" * 20_000_000))), max_bytes=1_000_000, max_nodes=10)
    assert caught.value.fault == ArchiveFault.TOO_BIG


def test_a_header_that_is_a_bomb_is_stopped() -> None:
    # A record of the extended header is read as a whole, before its length could be looked at.
    data = gzip.compress(tar(("x", {"pax_headers": {"comment": "c" * 30_000_000}})))
    with pytest.raises(ArchiveError) as caught:
        from_tar(data, max_bytes=1_000_000, max_nodes=10)
    assert caught.value.fault == ArchiveFault.TOO_BIG


def test_a_stated_size_is_not_believed() -> None:
    info = tarfile.TarInfo("huge")
    info.size = 2**60
    data = info.tobuf(tarfile.GNU_FORMAT) + b"\0" * 1024
    with pytest.raises(ArchiveError) as caught:
        from_tar(data, max_bytes=1_000_000)
    assert caught.value.fault in (ArchiveFault.TOO_BIG, ArchiveFault.MALFORMED)


@pytest.mark.parametrize("what", ["files", "directories", "deep", "hard links", "links"])
def test_too_many_names_are_stopped(what: str) -> None:
    rows: List[Row] = {
        "files": [(f"f{n}", b"") for n in range(100)],
        "directories": [(f"d{n}", None) for n in range(100)],
        "deep": [(f"{n}/" * 20 + "x", b"") for n in range(5)],
        "hard links": [("f", b""), *(hard(f"h{n}", "f") for n in range(100))],
        "links": [sym(f"l{n}", "x") for n in range(100)],
    }[what]
    with pytest.raises(ArchiveError) as caught:
        from_tar(tar(*rows), max_nodes=50)
    assert caught.value.fault == ArchiveFault.TOO_MANY


def test_targets_of_links_count() -> None:
    with pytest.raises(ArchiveError) as caught:
        from_tar(tar(*(sym(f"l{n}", "t" * 1000) for n in range(20))), max_bytes=10_000)
    assert caught.value.fault == ArchiveFault.TOO_BIG


# What is no archive.


def test_a_zip_with_a_password() -> None:
    data = bytearray(zipped(("x", b"content"), compress=zipfile.ZIP_STORED))
    data[6] |= 1
    data[data.index(b"PK\x01\x02") + 8] |= 1
    with pytest.raises(ArchiveError) as caught:
        from_zip(bytes(data))
    assert caught.value.fault == ArchiveFault.MALFORMED


@pytest.mark.parametrize("data", [b"", b"PK", b"not an archive at all" * 100, b"\x1f\x8b\x08rest", b"BZhx", b"\xfd7zXZ\0rest", b"PK\x05\x06" + b"\xff" * 18])
def test_what_is_no_archive(data: bytes) -> None:
    for make in (from_zip, from_tar):
        with pytest.raises(ArchiveError) as caught:
            make(data)
        assert caught.value.fault == ArchiveFault.MALFORMED


def outcome(make: Callable[..., Directory], data: bytes) -> Optional[ArchiveFault]:
    try:
        with make(data, max_bytes=1_000_000, max_nodes=1000) as root:
            assert isinstance(root, Directory)
            names(root)
    except ArchiveError as error:
        return error.fault
    return None


@pytest.mark.parametrize("make", [from_zip, from_tar])
def test_a_broken_archive_is_refused_or_read_and_nothing_else(make: Callable[..., Directory]) -> None:
    rng = random.Random(7)
    rows: List[Row] = [("a/f", b"content" * 50), ("g", b"more"), ("d/" if make is from_zip else "d", b"" if make is from_zip else None)]
    good = zipped(*rows) if make is from_zip else tar(*rows)
    seen = set()
    for _ in range(400):
        data = bytearray(good)
        for _ in range(rng.choice([1, 2, 5])):
            kind = rng.randrange(3)
            at = rng.randrange(len(data)) if rng.random() < 0.5 else rng.randrange(min(len(data), 600))
            if kind == 0:
                data[at] = rng.randrange(256)
            elif kind == 1:
                data = data[:at] or bytearray(b"x")
            else:
                data[at:at] = bytes([rng.randrange(256)]) * rng.choice([1, 4, 600])
        seen.add(outcome(make, bytes(data)))
    assert ArchiveFault.MALFORMED in seen
    assert None in seen


def test_a_missing_file_is_the_caller_s_mistake(tmp_path: Path) -> None:
    for make in (ArchiveFileSystem.from_zip, ArchiveFileSystem.from_tar):
        with pytest.raises(FileNotFoundError):
            make(tmp_path / "none")


def test_going_back_is_nothing() -> None:
    fs = ArchiveFileSystem.from_tar(tar(("x", b"1")))
    fs.reset()
    with fs.root() as root:
        assert isinstance(root, Directory)
        assert read(root, b"x") == b"1"
    assert fs.read_only


@pytest.mark.parametrize("mtime", ["1e25", "inf", "nan", "18446744074"])
def test_a_time_that_nobody_can_be_told_is_malformed(mtime: str) -> None:
    data = tar(("f", {"pax_headers": {"mtime": mtime}, "mtime": 0}))
    with pytest.raises(ArchiveError) as caught:
        ArchiveFileSystem.from_tar(data)
    assert caught.value.fault == ArchiveFault.MALFORMED


def test_a_time_before_1970_is_the_first() -> None:
    data = tar(("f", {"pax_headers": {"mtime": "-1e25"}, "mtime": 0}))
    with ArchiveFileSystem.from_tar(data).root() as root, root.lookup(b"f") as node:  # type: ignore[attr-defined]
        assert node.stat().mtim == 0
