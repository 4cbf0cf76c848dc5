"""Scripts: the command language of the official test scripts (.wast).

What belongs here: commands, actions, constants and result patterns as data,
and their grammar.  A module inside a script stays unread until it is asked
for, since a script may hold modules that are wrong on purpose.  What does
not: running any of it (``wasmpy.wast``).

Spec: the script grammar of the reference interpreter.
"""

from __future__ import annotations

from typing import Any, Callable, Dict, List, NamedTuple, Optional, Tuple, Union

from wasmpy.config import Features
from wasmpy.syntax.module import Module
from wasmpy.text.cursor import Cursor
from wasmpy.text.lexer import EOF, Tokens, tokenize
from wasmpy.text.numbers import SHAPES, parse_float, parse_int
from wasmpy.text.parser import parse_fields, parse_module


class ModuleSource:
    """A module as it stands in a script.

    ``form`` is ``text`` (fields in place), ``binary`` or ``quote`` (both as
    strings; ``data`` has their bytes).
    """

    def __init__(
        self, form: str, name: Optional[str], tokens: Tokens, start: int, end: int, data: bytes
    ) -> None:
        self.form = form
        self.name = name
        self.data = data
        self._tokens = tokens
        self._start = start
        self._end = end

    def parse(self, features: Features = Features.ALL) -> Module:
        """The module, read from its text.  Raises: MalformedError, Unsupported."""
        if self.form == "quote":
            try:
                source = self.data.decode("utf-8")
            except UnicodeDecodeError:
                raise self._tokens.error(self._start, "malformed UTF-8 encoding") from None
            return parse_module(source, features)
        if self.form != "text":
            raise TypeError("a binary module has no text")
        return parse_fields(self._tokens, self._start, self._end, features)


class Value(NamedTuple):
    """An argument: ``type`` is a value type, ``ref.null``, ``ref.extern`` or ``ref.host``.

    ``bits`` is an unsigned integer: the number, the float's bits, the lanes
    of a vector as one little-endian number, or the host's number for a
    reference; None for null.
    """

    type: str
    bits: Optional[int]


class Pattern(NamedTuple):
    """What a result must be.

    ``kind`` says how to compare: ``value`` (``type`` and ``bits``),
    ``nan:canonical`` and ``nan:arithmetic`` (``type``), ``null`` (``type``
    is the heap type or empty), ``ref`` (``type`` is the heap type; ``bits``
    the host's number or None for any), ``lanes`` (``type`` is the shape,
    ``parts`` one pattern per lane), ``either`` (one of ``parts``).
    """

    kind: str
    type: str
    bits: Optional[int] = None
    parts: Tuple[Any, ...] = ()


class Invoke(NamedTuple):
    """Call an exported function of a module, the latest one unless named."""

    module: Optional[str]
    name: str
    args: Tuple[Value, ...]


class Get(NamedTuple):
    """Read an exported global of a module."""

    module: Optional[str]
    name: str


Action = Union[Invoke, Get]


class Command(NamedTuple):
    """One command at the top of a script.

    ``kind`` is ``module``, ``definition``, ``instance``, ``register``,
    ``action`` or the keyword of the assertion.  ``name`` is the identifier
    that a module or instance gets, or the name to register under; ``ref``
    the module that ``register`` or ``instance`` refers to.  ``text`` is the
    message that an assertion expects.
    """

    kind: str
    line: int
    source: Optional[ModuleSource] = None
    action: Optional[Action] = None
    expected: Tuple[Pattern, ...] = ()
    text: str = ""
    name: Optional[str] = None
    ref: Optional[str] = None


def parse_script(source: str) -> List[Command]:
    """The commands of a script; module fields at the top make one module.

    Raises: MalformedError with line and column when the script itself is
    wrong (not when a module in it is).
    """
    parser = _ScriptParser(tokenize(source))
    return parser.take_commands()


_FIELD_KEYWORDS = frozenset(
    {"type", "rec", "import", "func", "table", "memory", "global", "export", "start", "elem",
     "data", "tag"}
)  # fmt: skip
_INTS = {"i32": 32, "i64": 64}
_FLOATS = {"f32": 32, "f64": 64}
_NANS = ("nan:canonical", "nan:arithmetic")
_MODULE_ASSERTIONS = frozenset(
    {"assert_malformed", "assert_invalid", "assert_unlinkable", "assert_malformed_custom",
     "assert_invalid_custom"}
)  # fmt: skip


class _ScriptParser(Cursor):
    """Reads commands."""

    def take_commands(self) -> List[Command]:
        if self.texts[0] == "(" and self.texts[1] in _FIELD_KEYWORDS:
            line, _ = self.tokens.place(self.tokens.starts[0])
            end = len(self.texts) - 1
            source = ModuleSource("text", None, self.tokens, 0, end, b"")
            return [Command("module", line, source=source)]
        commands = []
        while self.texts[self.pos] != EOF:
            commands.append(self._take_command())
        return commands

    def _take_command(self) -> Command:
        line, _ = self.tokens.place(self.tokens.starts[self.pos])
        if self.texts[self.pos] != "(":
            self.unexpected("a command")
        keyword = self.texts[self.pos + 1]
        if keyword in _MODULE_ASSERTIONS:
            self.pos += 2
            source = self._take_module(self.pos)
            return self._finish(Command(keyword, line, source=source, text=self._take_text()))
        take = _COMMANDS.get(keyword)
        if take is None:
            raise self.error(f"unknown command {keyword[:40]}", self.pos + 1)
        return take(self, line)

    def _finish(self, command: Command) -> Command:
        self.expect(")")
        return command

    def _take_text(self) -> str:
        return self.take_string().decode("utf-8", "replace")

    def _take_module(self, start: int) -> ModuleSource:
        """Take ``(module ...)`` in any of its forms, ``definition`` passed over."""
        closer = self.closers[start]
        self.expect("(")
        self.expect("module")
        if self.texts[self.pos] == "definition":
            self.pos += 1
        first = self.pos
        name = self.take_id()
        form = self.texts[self.pos]
        data = b""
        if form in ("binary", "quote"):
            self.pos += 1
            data = self.take_strings()
            if self.pos != closer:
                self.unexpected("a string")
        else:
            form = "text"
        self.pos = closer + 1
        return ModuleSource(form, name, self.tokens, first, closer, data)

    def _module_command(self, line: int) -> Command:
        start = self.pos
        word = self.texts[start + 2]
        if word == "instance":
            self.pos += 3
            name = self.take_id()
            ref = self.take_id()
            if ref is None:
                name, ref = None, name
            return self._finish(Command("instance", line, name=name, ref=ref))
        source = self._take_module(start)
        kind = "definition" if word == "definition" else "module"
        return Command(kind, line, source=source, name=source.name)

    def _register(self, line: int) -> Command:
        self.pos += 2
        name = self.take_name()
        return self._finish(Command("register", line, name=name, ref=self.take_id()))

    def _action_command(self, line: int) -> Command:
        return Command("action", line, action=self._take_action())

    def _assert_return(self, line: int) -> Command:
        self.pos += 2
        action = self._take_action()
        expected = []
        while not self.at_end():
            expected.append(self._take_pattern())
        return self._finish(Command("assert_return", line, action=action, expected=tuple(expected)))

    def _assert_action(self, line: int) -> Command:
        """Assertions that an action, or instantiating a module, fails while it runs."""
        keyword = self.texts[self.pos + 1]
        self.pos += 2
        command = Command(keyword, line)
        if self.at_list("module"):
            command = command._replace(source=self._take_module(self.pos))
        else:
            command = command._replace(action=self._take_action())
        if self.at_string():
            command = command._replace(text=self._take_text())
        return self._finish(command)

    def _take_action(self) -> Action:
        self.expect("(")
        keyword = self.texts[self.pos]
        self.pos += 1
        module = self.take_id()
        name = self.take_name()
        action: Action
        if keyword == "invoke":
            args = []
            while not self.at_end():
                args.append(self._take_value())
            action = Invoke(module, name, tuple(args))
        elif keyword == "get":
            action = Get(module, name)
        else:
            raise self.error("unexpected token, expected an action", self.pos - 2)
        self.expect(")")
        return action

    def _take_value(self) -> Value:
        """Take a constant as an argument."""
        at = self.pos
        pattern = self._take_pattern()
        if pattern.kind == "value":
            return Value(pattern.type, pattern.bits)
        if pattern.kind == "null":
            return Value("ref.null", None)
        if pattern.kind == "ref" and pattern.bits is not None:
            return Value(f"ref.{pattern.type}", pattern.bits)
        if pattern.kind == "lanes" and all(part.kind == "value" for part in pattern.parts):
            width = SHAPES[pattern.type][1]
            lanes = enumerate(pattern.parts)
            return Value("v128", sum(part.bits << (i * width) for i, part in lanes))
        raise self.error("unexpected token, expected a constant", at)

    def _take_pattern(self) -> Pattern:
        """Take a constant or a result pattern."""
        self.expect("(")
        keyword = self.texts[self.pos]
        self.pos += 1
        if keyword == "either":
            parts = []
            while not self.at_end():
                parts.append(self._take_pattern())
            pattern = Pattern("either", "", parts=tuple(parts))
        elif keyword == "v128.const":
            pattern = self._take_lanes()
        elif keyword == "ref.null":
            heaptype = "" if self.at_end() else self.texts[self.pos]
            self.pos += bool(heaptype)
            pattern = Pattern("null", heaptype)
        elif keyword.startswith("ref."):
            bits = self.take_nat(32) if self.at_number() else None
            pattern = Pattern("ref", keyword[4:], bits)
        elif keyword.endswith(".const"):
            pattern = self._take_number(keyword[:-6])
        else:
            raise self.error(f"unexpected token {keyword[:40]}, expected a constant", self.pos - 1)
        self.expect(")")
        return pattern

    def _take_number(self, numtype: str) -> Pattern:
        """Take a number, or a NaN pattern, of a number type."""
        text = self.texts[self.pos]
        try:
            if numtype in _FLOATS and text in _NANS:
                pattern = Pattern(text, numtype)
            elif numtype in _FLOATS:
                pattern = Pattern("value", numtype, parse_float(text, _FLOATS[numtype]))
            elif numtype in _INTS:
                pattern = Pattern("value", numtype, parse_int(text, _INTS[numtype]))
            else:
                raise ValueError(f"unexpected token {numtype}, expected a number type")
        except ValueError as error:
            raise self.error(str(error)) from None
        self.pos += 1
        return pattern

    def _take_lanes(self) -> Pattern:
        shape = self.texts[self.pos]
        if shape not in SHAPES:
            self.unexpected("a vector shape")
        self.pos += 1
        count, width = SHAPES[shape]
        lanes = []
        for _ in range(count):
            if shape[0] == "f":
                lanes.append(self._take_number(shape[:3]))
            else:
                try:
                    bits = parse_int(self.texts[self.pos], width)
                except ValueError as error:
                    raise self.error(str(error)) from None
                lanes.append(Pattern("value", f"i{width}", bits))
                self.pos += 1
        return Pattern("lanes", shape, parts=tuple(lanes))


_COMMANDS: Dict[str, Callable[[_ScriptParser, int], Command]] = {
    "module": _ScriptParser._module_command,
    "register": _ScriptParser._register,
    "invoke": _ScriptParser._action_command,
    "get": _ScriptParser._action_command,
    "assert_return": _ScriptParser._assert_return,
    "assert_trap": _ScriptParser._assert_action,
    "assert_exhaustion": _ScriptParser._assert_action,
    "assert_exception": _ScriptParser._assert_action,
}
