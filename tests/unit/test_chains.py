"""Chains of links are freed one link at a time, and nothing else is seen of it."""

from __future__ import annotations

import gc
import sys
from typing import Any, List, Optional

import pytest

import wasmpy
from wasmpy.chains import UNBOUNDED, Link, let_go
from wasmpy.errors import WasmException
from wasmpy.exec.exceptions import ExnInst, TagInst
from wasmpy.exec.heap import ArrayInst, Heap, StructInst
from wasmpy.syntax.types import DefType, FuncType, TagType

DEPTHS: List[int] = []

counting = pytest.mark.skipif(
    sys.implementation.name != "cpython", reason="what is freed at once is freed by reference counts"
)


def depth() -> int:
    """How many frames there are."""
    frame, count = sys._getframe(), 0
    while frame.f_back is not None:
        frame, count = frame.f_back, count + 1
    return count


class Pair(Link):
    """Two links; it notes how deep the stack was when it was freed."""

    __slots__ = ("first", "second")
    links = ("first", "second")

    def __init__(self, first: Any = None, second: Any = None) -> None:
        self.first = first
        self.second = second

    def __del__(self) -> None:
        DEPTHS.append(depth())
        let_go(self)


def chain(length: int) -> Optional[Pair]:
    last = None
    for _ in range(length):
        last = Pair((last,), [last, {"a": last}])
    return last


def ring(length: int) -> Pair:
    first = last = Pair()
    for _ in range(length - 1):
        last = Pair(last)
    first.first = last
    return first


@counting
@pytest.mark.parametrize("make", [chain, ring])
def test_every_link_is_freed_and_none_inside_of_another(make: Any) -> None:
    deepest = []
    for length in (2, 5_000):
        gc.collect()
        DEPTHS.clear()
        made = make(length)
        del made
        gc.collect()
        assert len(DEPTHS) == length
        deepest.append(max(DEPTHS) - min(DEPTHS))
    assert deepest[0] == deepest[1]


def test_what_somebody_has_stays() -> None:
    kept = chain(10)
    top = Pair(kept)
    del top
    gc.collect()
    assert isinstance(kept, Pair)
    assert kept.first[0].second[0] is kept.second[0].first[0]


@counting
def test_a_link_that_was_not_made_to_its_end_is_let_go() -> None:
    gc.collect()
    DEPTHS.clear()
    Pair.__new__(Pair)
    gc.collect()
    assert len(DEPTHS) == 1


def test_what_a_guest_can_make_a_chain_of_is_links() -> None:
    heap, deftype = Heap(wasmpy.Limits()), DefType(None, 0, final=True)
    tag = TagInst(TagType(FuncType((), ())))
    for link in [
        deftype, StructInst(heap.claim(1), deftype, []), ArrayInst(heap.claim(1), deftype, []),
        ExnInst(tag, ()), WasmException(tag, ()),
    ]:  # fmt: skip
        assert isinstance(link, Link)
        assert link.links
        assert all(hasattr(link, name) for name in link.links)
        assert hasattr(type(link), "__del__") == UNBOUNDED
