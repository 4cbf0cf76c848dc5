"""Every error wasmpy raises on purpose, in one tree.

What belongs here: the exception classes, the kinds of trap, and how an error
becomes JSON.  What does not: any decision to raise one.  An error carries
data; its text is derived from the data and is never parsed by anybody.

The guard host's own subtree stands in ``hostabi.errors`` and has
:class:`GuardError` here as its root.
"""

from __future__ import annotations

import enum
from typing import Any, Dict, List, NamedTuple, Optional, Sequence, Tuple


class TrapKind(enum.IntEnum):
    """Why a computation trapped, numbered and named as wasmtime does.

    Spec: ``intro/overview.html#trap``; the texts are those of the official
    test scripts (``assert_trap``).
    """

    STACK_OVERFLOW = 0
    MEMORY_OUT_OF_BOUNDS = 1
    HEAP_MISALIGNED = 2
    TABLE_OUT_OF_BOUNDS = 3
    INDIRECT_CALL_TO_NULL = 4
    BAD_SIGNATURE = 5
    INTEGER_OVERFLOW = 6
    INTEGER_DIVISION_BY_ZERO = 7
    BAD_CONVERSION_TO_INTEGER = 8
    UNREACHABLE = 9
    ATOMIC_WAIT_NON_SHARED_MEMORY = 12
    NULL_REFERENCE = 13
    ARRAY_OUT_OF_BOUNDS = 14
    ALLOCATION_TOO_LARGE = 15
    CAST_FAILURE = 16

    @property
    def text(self) -> str:
        """The spec's wording for this kind of trap."""
        return TRAP_TEXT[self]


TRAP_TEXT: Dict[TrapKind, str] = {
    TrapKind.STACK_OVERFLOW: "call stack exhausted",
    TrapKind.MEMORY_OUT_OF_BOUNDS: "out of bounds memory access",
    TrapKind.HEAP_MISALIGNED: "unaligned atomic",
    TrapKind.TABLE_OUT_OF_BOUNDS: "out of bounds table access",
    TrapKind.INDIRECT_CALL_TO_NULL: "uninitialized element",
    TrapKind.BAD_SIGNATURE: "indirect call type mismatch",
    TrapKind.INTEGER_OVERFLOW: "integer overflow",
    TrapKind.INTEGER_DIVISION_BY_ZERO: "integer divide by zero",
    TrapKind.BAD_CONVERSION_TO_INTEGER: "invalid conversion to integer",
    TrapKind.UNREACHABLE: "unreachable",
    TrapKind.ATOMIC_WAIT_NON_SHARED_MEMORY: "expected shared memory",
    TrapKind.NULL_REFERENCE: "null reference",
    TrapKind.ARRAY_OUT_OF_BOUNDS: "out of bounds array access",
    TrapKind.ALLOCATION_TOO_LARGE: "allocation size too large",
    TrapKind.CAST_FAILURE: "cast failure",
}


class Frame(NamedTuple):
    """One wasm frame of a trace, innermost first.

    ``offset`` is the byte offset of the instruction in the file, or None
    where the module has no binary form; ``pc`` is its index in the body.
    """

    module: str
    func: int
    name: Optional[str]
    offset: Optional[int]
    pc: int

    def to_json(self) -> Dict[str, Any]:
        """The frame as a JSON object."""
        return dict(self._asdict())


class WasmError(Exception):
    """Root of every error of wasmpy; never raised itself.

    Subclasses list their data in ``fields``; ``to_json`` and pickling are
    derived from that list.
    """

    fields: Tuple[str, ...] = ("message",)

    def __init__(self, message: str = "") -> None:
        super().__init__(message)
        self.message = message

    def to_json(self) -> Dict[str, Any]:
        """The error as a JSON object: ``error`` is the class, then its fields."""
        doc: Dict[str, Any] = {"error": type(self).__name__, "text": str(self)}
        for name in self.fields:
            doc[name] = _plain(getattr(self, name))
        return doc

    def __reduce__(self) -> Tuple[Any, ...]:
        return (_rebuild, (type(self), self.args, dict(self.__dict__)))


def _rebuild(cls: type, args: Tuple[Any, ...], state: Dict[str, Any]) -> BaseException:
    """Make an error again from what ``__reduce__`` gave."""
    error = cls.__new__(cls, *args)
    error.args = args
    error.__dict__.update(state)
    assert isinstance(error, BaseException)
    return error


def _plain(value: Any) -> Any:
    """``value`` with nothing in it that JSON lacks."""
    if isinstance(value, enum.Enum):
        return value.name
    if isinstance(value, bytes):
        return value.hex()
    if hasattr(value, "to_json"):
        return value.to_json()
    if isinstance(value, dict):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(v) for v in value]
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    return repr(value)


class MalformedError(WasmError):
    """The bytes or the text are not a module (``assert_malformed``).

    ``offset`` is a byte offset in the binary; for text, ``line`` and
    ``column`` (from 1) say where.  ``section`` names the section being read.

    Spec: ``binary/index.html``, ``text/index.html``.
    """

    fields: Tuple[str, ...] = ("message", "offset", "section", "line", "column")

    def __init__(
        self,
        message: str,
        offset: Optional[int] = None,
        section: Optional[str] = None,
        line: Optional[int] = None,
        column: Optional[int] = None,
    ) -> None:
        super().__init__(message)
        self.offset = offset
        self.section = section
        self.line = line
        self.column = column

    def __str__(self) -> str:
        where = ""
        if self.line is not None:
            where = f" at {self.line}:{self.column}"
        elif self.offset is not None:
            where = f" at offset {self.offset:#x}"
        if self.section:
            where += f" in the {self.section} section"
        return f"malformed module: {self.message}{where}"


class InvalidError(WasmError):
    """The module does not validate (``assert_invalid``).

    ``func`` is the function index, ``pc`` the instruction's index in its
    body, ``offset`` its byte offset in the file; each None where it does not
    apply.  ``rule`` is the short name of the rule that was broken, as
    ``local.get`` or ``memtype``; ``expected`` and ``actual`` are the types.

    Spec: ``valid/index.html``.
    """

    fields = ("message", "rule", "func", "pc", "offset", "instr", "expected", "actual")

    def __init__(
        self,
        message: str,
        rule: str = "",
        func: Optional[int] = None,
        pc: Optional[int] = None,
        offset: Optional[int] = None,
        instr: Optional[str] = None,
        expected: Optional[str] = None,
        actual: Optional[str] = None,
    ) -> None:
        super().__init__(message)
        self.rule = rule
        self.func = func
        self.pc = pc
        self.offset = offset
        self.instr = instr
        self.expected = expected
        self.actual = actual

    def __str__(self) -> str:
        where = ""
        if self.func is not None:
            where += f" in function {self.func}"
        if self.instr is not None:
            where += f", {self.instr}"
        if self.offset is not None:
            where += f" at offset {self.offset:#x}"
        types = ""
        if self.expected is not None:
            types = f": expected {self.expected}, found {self.actual}"
        return f"invalid module: {self.message}{types}{where}"


class MissingImport(NamedTuple):
    """One import that could not be satisfied.

    ``got`` is None when nothing of that name was offered, else what was.
    """

    module: str
    name: str
    expected: str
    got: Optional[str]

    def to_json(self) -> Dict[str, Any]:
        """The import as a JSON object."""
        return dict(self._asdict())


class LinkError(WasmError):
    """Imports do not match what is offered (``assert_unlinkable``).

    ``missing`` lists every import that failed, not the first alone.

    Spec: ``exec/modules.html#exec-instantiation``.
    """

    fields = ("message", "missing")

    def __init__(self, message: str, missing: Sequence[MissingImport] = ()) -> None:
        super().__init__(message)
        self.missing: List[MissingImport] = list(missing)

    def __str__(self) -> str:
        if not self.missing:
            return f"link error: {self.message}"
        parts = []
        for m in self.missing:
            got = "nothing of that name" if m.got is None else m.got
            parts.append(f'"{m.module}" "{m.name}" ({m.expected}; got {got})')
        return f"link error: {self.message}: " + ", ".join(parts)


class WasmTrap(WasmError):  # noqa: N818 - the spec's word
    """The computation trapped (``assert_trap``, ``assert_exhaustion``).

    ``func`` is the index of the function that trapped, ``offset`` the byte
    offset of its instruction in the file, ``instr`` its mnemonic,
    ``operands`` what it found on the stack (raw: integers unsigned).
    ``address``, ``width`` and ``size`` (in bytes; for tables in elements)
    are set for accesses out of bounds; ``expected`` and ``actual`` are
    function types for ``BAD_SIGNATURE``.  ``frames`` has every frame, the
    innermost first.  ``note`` mentions what may have led to it, such as a
    refused ``memory.grow``.
    """

    fields = (
        "kind", "func", "offset", "instr", "operands", "address", "width", "size",
        "expected", "actual", "note", "frames",
    )  # fmt: skip

    def __init__(self, kind: TrapKind, message: str = "") -> None:
        super().__init__(message or kind.text)
        self.kind = kind
        self.func: Optional[int] = None
        self.offset: Optional[int] = None
        self.instr: Optional[str] = None
        self.operands: Tuple[Any, ...] = ()
        self.address: Optional[int] = None
        self.width: Optional[int] = None
        self.size: Optional[int] = None
        self.expected: Optional[str] = None
        self.actual: Optional[str] = None
        self.note: Optional[str] = None
        self.frames: List[Frame] = []

    def __str__(self) -> str:
        text = f"wasm trap: {self.message}"
        if self.address is not None:
            text += f" (address {self.address:#x}, {self.width} bytes, size {self.size:#x})"
        if self.expected is not None:
            text += f" (expected {self.expected}, found {self.actual})"
        if self.frames:
            top = self.frames[0]
            name = top.name or f"func {top.func}"
            at = f"pc {top.pc}" if top.offset is None else f"{top.offset:#x}"
            text += f" in {name} at {at}"
        if self.note:
            text += f"; {self.note}"
        return text

    def backtrace(self, limit: int = 30) -> str:
        """The frames as text, a line each; the middle of a long trace is cut."""
        return format_frames(self.frames, limit)


def format_frames(frames: Sequence[Frame], limit: int = 30) -> str:
    """Frames as text, innermost first; the middle is cut, never the ends."""
    lines = []
    for i, f in enumerate(frames):
        if len(frames) > limit and limit // 2 <= i < len(frames) - limit // 2:
            if i == limit // 2:
                lines.append(f"     ... {len(frames) - limit // 2 * 2} frames ...")
            continue
        at = f"pc {f.pc}" if f.offset is None else f"{f.offset:#x}"
        lines.append(f"  {i:4}: {at:>8} - {f.module or '<module>'}!{f.name or f'func {f.func}'}")
    return "\n".join(lines)


class Resource(enum.Enum):
    """What ran out or cut a computation short."""

    FUEL = "fuel"
    DEADLINE = "deadline"
    CANCELLED = "cancelled"


class Interrupted(WasmError):  # noqa: N818 - a state, not a fault of the guest
    """The computation was stopped from outside; the instance can be reset and used again.

    ``resource`` says why; ``frames`` where it stood.
    """

    fields = ("resource", "frames")

    def __init__(self, resource: Resource) -> None:
        super().__init__(f"interrupted: {resource.value}")
        self.resource = resource
        self.frames: List[Frame] = []

    def __str__(self) -> str:
        words = {
            Resource.FUEL: "all fuel was consumed",
            Resource.DEADLINE: "the deadline passed",
            Resource.CANCELLED: "it was cancelled",
        }
        return f"interrupted: {words[self.resource]}"


class WasmException(WasmError):  # noqa: N818 - the spec's word
    """A wasm exception that left the module (``assert_exception``)."""

    fields = ("tag", "values", "frames")

    def __init__(self, tag: Any, values: Sequence[Any]) -> None:
        super().__init__("uncaught wasm exception")
        self.tag = tag
        self.values = tuple(values)
        self.frames: List[Frame] = []


class WasiExit(WasmError):  # noqa: N818 - an exit is no fault
    """The guest called ``proc_exit``; code 0 too.  Never a trap."""

    fields = ("code", "frames")

    def __init__(self, code: int) -> None:
        super().__init__(f"exit {code}")
        self.code = code
        self.frames: List[Frame] = []


class ResetError(WasmError):
    """The instance cannot be reset: it shares a mutable import, or it is running."""


class ConcurrencyError(WasmError):
    """Two threads entered one store at the same time."""


class GuardError(WasmError):
    """Root of the guard host's errors (``hostabi.errors``)."""


class InternalError(WasmError):
    """A state that validation rules out: a defect of wasmpy, not of the guest."""

    def __str__(self) -> str:
        return (
            f"internal error in wasmpy: {self.message}; please report it with the module "
            "and the call (see CONTRIBUTING.md)"
        )
