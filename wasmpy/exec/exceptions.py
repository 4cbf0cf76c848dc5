"""Exceptions as execution sees them: tags, exceptions, and where a function catches them.

What belongs here: the instances, the handlers of the instructions that throw,
and the tables by which a frame's handlers are found.  What does not: the
unwinding of frames (``interp``).

A ``try_table`` does nothing when it is entered; what it catches is found by
the position of what threw.  While an exception is under way it is a Python
exception, ``WasmException``, whose ``exn`` it is.

Spec: ``exec/runtime.html#exception-instances``, ``exec/instructions.html#exec-throw-ref``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, List, NamedTuple, Optional, Sequence, Tuple

from wasmpy.chains import Link
from wasmpy.errors import TrapKind, WasmException, WasmTrap
from wasmpy.exec.handlers import BUILD, Built, nop

if TYPE_CHECKING:
    from wasmpy.exec.prepare import Preparer
    from wasmpy.syntax.types import TagType


class TagInst:
    """A tag instance; it is itself by identity."""

    __slots__ = ("type",)

    def __init__(self, tagtype: TagType) -> None:
        self.type = tagtype

    def __repr__(self) -> str:
        return f"<{self.type}>"


class ExnInst(Link):
    """An exception: its tag, and the (raw) values it carries."""

    __slots__ = ("fields", "tag")
    links = ("fields",)

    def __init__(self, tag: TagInst, fields: Tuple[Any, ...]) -> None:
        self.tag = tag
        self.fields = fields


class Clause(NamedTuple):
    """A catch clause: for a tag (None for all), with the exception itself or not.

    It goes to ``target`` and removes ``drop`` values below the block.
    """

    tag: Optional[TagInst]
    ref: bool
    target: int
    drop: int


class Guarded(NamedTuple):
    """What a ``try_table`` guards: the positions between its own and its end's.

    ``height`` is how many values of the frame lie below the block.
    """

    start: int
    end: int
    height: int
    clauses: Sequence[Clause]


class Landing(NamedTuple):
    """Where an exception is caught in a frame: how many of its values stay, and by which clause."""

    height: int
    clause: Clause


def landing(guarded: Sequence[Guarded], pc: int, tag: TagInst) -> Optional[Landing]:
    """Where what is thrown at ``pc`` with ``tag`` is caught; inner blocks come first."""
    for start, end, height, clauses in guarded:
        if start < pc < end:
            for clause in clauses:
                if clause.tag is None or clause.tag is tag:
                    return Landing(height - clause.drop, clause)
    return None


def thrown(exn: ExnInst) -> WasmException:
    """An exception as it is raised through Python."""
    error = WasmException(exn.tag, exn.fields)
    error.exn = exn
    return error


def exception_of(error: WasmException) -> Optional[ExnInst]:
    """The exception that is under way; None for one that the host made with no tag of ours."""
    if error.exn is None and isinstance(error.tag, TagInst):
        error.exn = ExnInst(error.tag, error.values)
    found: Optional[ExnInst] = error.exn
    return found


def throw(S: List[Any], L: List[Any], a: Tuple[TagInst, int]) -> None:
    """Spec: ``exec-throw``."""
    tag, count = a
    raise thrown(ExnInst(tag, tuple(S[len(S) - count :])))


def throw_ref(S: List[Any], L: List[Any], a: Any) -> None:
    """Traps: NULL_REFERENCE.  Spec: ``exec-throw-ref``."""
    if S[-1] is None:
        raise WasmTrap(TrapKind.NULL_REFERENCE, "null exception reference")
    raise thrown(S[-1])


def _throw(p: Preparer, pc: int, imm: int) -> Built:
    tag = p.instance.tags[imm]
    return throw, (tag, len(tag.type.params))


BUILD["throw"] = _throw
BUILD["throw_ref"] = lambda p, pc, imm: (throw_ref, None)
BUILD["try_table"] = lambda p, pc, imm: (nop, None)
