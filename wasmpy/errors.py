"""Every error wasmpy raises on purpose, in one tree.

What belongs here: the exception classes, the kinds of trap, and how an error
becomes JSON.  What does not: any decision to raise one.  An error carries
data; its text is derived from the data and is never parsed by anybody.

The guard host's own subtree stands in ``hostabi.errors`` and has
:class:`GuardError` here as its root.
"""

from __future__ import annotations

import enum
import pickle
from typing import Any, Dict, List, NamedTuple, Optional, Sequence, Tuple

from wasmpy.chains import Link


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


def printable(text: str) -> str:
    r"""``text`` on one line, its control characters escaped.

    Names are the guest's: on a terminal none may move the cursor or begin a line.

    >>> printable("a\x1b[31m\nb")
    'a\\x1b[31m\\nb'
    """
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)


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

    Subclasses list their data in ``fields``; ``to_json`` is derived from that
    list.  Pickling keeps every attribute and ``__cause__``; what cannot be
    pickled, or belongs to a store, is its ``repr`` on the other side.
    """

    fields: Tuple[str, ...] = ("message",)

    def __init__(self, message: str = "") -> None:
        super().__init__(message)
        self.message = message

    def to_json(self) -> Dict[str, Any]:
        """The error as a JSON object: ``error`` is the class, then its fields.

        Of more than ``JSON_FRAMES`` frames the middle is left out;
        ``frames_omitted`` says how many that are.
        """
        doc: Dict[str, Any] = {"error": type(self).__name__, "text": str(self)}
        for name in self.fields:
            value = getattr(self, name)
            if name == "frames":
                omitted = max(0, len(value) - JSON_FRAMES)
                ends = JSON_FRAMES // 2
                doc[name] = _plain(value[:ends] + value[-ends:] if omitted else value)
                doc["frames_omitted"] = omitted
            else:
                doc[name] = _plain(value)
        return doc

    def _state(self) -> Dict[str, Any]:
        """The attributes as they are pickled."""
        return {k: v if _travels(v) else repr(v) for k, v in self.__dict__.items()}

    def __reduce__(self) -> Tuple[Any, ...]:
        args = tuple(a if _travels(a) else repr(a) for a in self.args)
        return (_rebuild, (type(self), args, self._state(), _portable_cause(self.__cause__)))


JSON_FRAMES = 100
"""Frames in the JSON form of an error: half from each end; a guest decides how many there are."""


def _rebuild(
    cls: type, args: Tuple[Any, ...], state: Dict[str, Any], cause: Optional[BaseException] = None
) -> BaseException:
    """Make an error again from what ``__reduce__`` gave."""
    error = cls.__new__(cls, *args)
    error.args = args
    error.__dict__.update(state)
    if cause is not None:
        error.__cause__ = cause
    assert isinstance(error, BaseException)
    return error


def _travels(value: Any) -> bool:
    """Whether ``value`` can be pickled and made again."""
    try:
        pickle.loads(pickle.dumps(value))  # noqa: S301 - nobody else has touched it
    except Exception:  # noqa: BLE001 - a class may raise anything there
        return False
    return True


def _portable_cause(cause: Optional[BaseException]) -> Optional[BaseException]:
    """``cause``, or what stands for one that cannot be pickled."""
    if cause is None or _travels(cause):
        return cause
    return RuntimeError(f"{type(cause).__name__}: {cause}")


def _portable(value: Any) -> Any:
    """A value of the guest's as it is pickled: plain, or the ``repr`` of a reference."""
    plain = value is None or isinstance(value, (bool, int, float, str, bytes))
    return value if plain else repr(value)


def _plain(value: Any) -> Any:
    """``value`` with nothing in it that JSON lacks: an enum is its value if that is text."""
    if isinstance(value, enum.Enum):
        return value.value if isinstance(value.value, str) else value.name
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, WasmException):
        return str(value)  # an exception among values: they may nest without end
    if hasattr(value, "to_json"):
        return value.to_json()
    if isinstance(value, dict):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(v) for v in value]
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    return repr(value)


MALFORMED_RULES: Dict[str, str] = {
    "magic": "the file does not begin as a module does",
    "version": "the version is not 1",
    "section-id": "no section has this number here",
    "section-order": "a section is repeated or out of order",
    "section-size": "a section is longer or shorter than its size says",
    "count": "two sections that must agree in length do not",
    "data-count": "an instruction needs the data count section",
    "end": "the file, a section or a body ends too early",
    "body-end": "a body or an expression does not end where it should",
    "leb128": "an integer is too long or too large",
    "utf8": "a name is not UTF-8",
    "length": "a length is beyond what is left",
    "limit": "beyond a limit of wasmpy (`Limits`)",
    "type": "no type is written so",
    "opcode": "no instruction has this opcode here",
    "flags": "a byte that chooses between forms has another value",
    "text": "the text is not of the text format",
}
"""What `MalformedError.rule` can be, and what it means."""


class MalformedError(WasmError):
    """The bytes or the text are not a module (``assert_malformed``).

    ``rule`` is the short name of what is wrong (``MALFORMED_RULES``).
    ``offset`` is a byte offset in the binary; for text, ``line`` and
    ``column`` (from 1) say where.  ``section`` names the section being read;
    in the code section ``func`` is the index of the function being read.
    ``feature`` names the feature that is off, where that is the reason.

    Spec: ``binary/index.html``, ``text/index.html``.
    """

    fields: Tuple[str, ...] = (
        "message", "rule", "offset", "section", "func", "line", "column", "feature",
    )  # fmt: skip

    def __init__(
        self,
        message: str,
        offset: Optional[int] = None,
        section: Optional[str] = None,
        line: Optional[int] = None,
        column: Optional[int] = None,
        *,
        rule: str = "",
        feature: Optional[str] = None,
    ) -> None:
        super().__init__(message)
        self.rule = rule
        self.feature = feature
        self.offset = offset
        self.section = section
        self.func: Optional[int] = None
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
        if self.func is not None:
            where += f", function {self.func}"
        return f"malformed module: {self.message}{where}"


class InvalidError(WasmError):
    """The module does not validate (``assert_invalid``).

    ``section`` names the section that what is wrong stands in.  ``func`` is
    the function index, ``pc`` the instruction's index in its body, ``offset``
    its byte offset in the file; in a constant expression ``offset`` is where
    the expression begins.  ``line`` and ``column`` (from 1) say where the
    instruction stands in a module made from text.  Each is None where it does
    not apply, and outside of bodies and expressions ``offset`` and ``line``
    are always None: what stands there does not know its place.  ``rule`` is
    the short name of the rule that was broken, as ``local.get`` or
    ``memtype``; ``expected`` and ``actual`` are the types.  ``feature`` names
    the feature that is off, where that is the reason.

    Spec: ``valid/index.html``.
    """

    fields = (
        "message", "rule", "section", "func", "pc", "offset", "line", "column", "instr",
        "expected", "actual", "feature",
    )  # fmt: skip

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
        section: Optional[str] = None,
        feature: Optional[str] = None,
    ) -> None:
        super().__init__(message)
        self.rule = rule
        self.section = section
        self.feature = feature
        self.func = func
        self.pc = pc
        self.offset = offset
        self.line: Optional[int] = None
        self.column: Optional[int] = None
        self.instr = instr
        self.expected = expected
        self.actual = actual

    def __str__(self) -> str:
        where = ""
        if self.func is not None:
            where += f" in function {self.func}"
        if self.instr is not None:
            where += f", {self.instr}"
        if self.line is not None:
            where += f" at {self.line}:{self.column}"
        elif self.offset is not None:
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
            name = printable(f'"{m.module}" "{m.name}"')
            parts.append(f"{name} ({m.expected}; got {got})")
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
            name = printable(top.name or f"func {top.func}")
            at = f"pc {top.pc}" if top.offset is None else f"{top.offset:#x}"
            text += f" in {name} at {at}"
        if self.note:
            text += f"; {self.note}"
        return text

    def _state(self) -> Dict[str, Any]:
        return {**super()._state(), "operands": tuple(map(_portable, self.operands))}

    def backtrace(self, limit: int = 30) -> str:
        """The frames as text, a line each; the middle of a long trace is cut."""
        return format_frames(self.frames, limit)


def format_frames(frames: Sequence[Frame], limit: int = 30) -> str:
    """Frames as text, innermost first; the middle is cut, never the ends.

    Names are ``printable``: each frame is one line.
    """
    lines = []
    for i, f in enumerate(frames):
        if len(frames) > limit and limit // 2 <= i < len(frames) - limit // 2:
            if i == limit // 2:
                lines.append(f"     ... {len(frames) - limit // 2 * 2} frames ...")
            continue
        at = f"pc {f.pc}" if f.offset is None else f"{f.offset:#x}"
        name = printable(f"{f.module or '<module>'}!{f.name or f'func {f.func}'}")
        lines.append(f"  {i:4}: {at:>8} - {name}")
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


_SHOWN_VALUES = 16
"""So many values of an exception stand in its text; a guest decides how many there are."""


class WasmException(WasmError, Link):  # noqa: N818 - the spec's word
    """A wasm exception that left the module (``assert_exception``).

    ``tag`` is its tag and ``values`` what it carries.  A host function may
    raise one into the guest.  ``exn`` is the exception as execution sees it.
    """

    fields = ("tag", "values", "frames")
    links = ("values", "exn")

    def __init__(self, tag: Any, values: Sequence[Any]) -> None:
        super().__init__("uncaught wasm exception")
        self.tag = tag
        self.values = tuple(values)
        self.exn: Any = None
        self.frames: List[Frame] = []

    def __str__(self) -> str:
        values = [
            "an exception" if isinstance(v, WasmException) else repr(v)
            for v in self.values[:_SHOWN_VALUES]
        ]
        if len(self.values) > _SHOWN_VALUES:
            values.append("...")
        tag = getattr(self.tag, "type", self.tag)
        return f"{self.message}: {tag} with ({', '.join(values)})"

    def _state(self) -> Dict[str, Any]:
        # A tag lives in its store, which stays here.
        values = tuple(map(_portable, self.values))
        own = {"tag": _portable(self.tag), "exn": None, "values": values}
        return {k: own.get(k, v) for k, v in self.__dict__.items()}


class WasiExit(WasmError):  # noqa: N818 - an exit is no fault
    """The guest called ``proc_exit``; code 0 too.  Never a trap."""

    fields = ("code", "frames")

    def __init__(self, code: int) -> None:
        super().__init__(f"exit {code}")
        self.code = code
        self.frames: List[Frame] = []


class FallbackError(WasmError):
    """A function that its tier does not take was to run, and ``fallback="fail"`` allows no other.

    ``function`` is its index, ``name`` what the name section calls it or None, ``reason`` says why.
    """

    fields = ("function", "name", "reason")

    def __init__(self, function: int, name: Optional[str], reason: str) -> None:
        super().__init__(f"function {function} is not taken by the tier: {reason}")
        self.function = function
        self.name = name
        self.reason = reason


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
