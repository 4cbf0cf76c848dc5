"""What a guard may do: which functions it imports, and what it may ask its backend.

What belongs here: the allow-list as a value, its JSON, and the meter that
checks each question against it.  What does not: answering the questions
(``backend``), and reading the file it stands in.

A guard that is allowed nothing in particular may import what the ABI has and
ask anything; whatever is listed, only that is allowed.
"""

from __future__ import annotations

import dataclasses
from typing import Any, Dict, List, Mapping, NoReturn, Optional, Tuple

from hostabi import abi
from hostabi.errors import CapabilityError, GuardLoadError, PayloadError
from hostabi.payload import encode, kind
from wasmpy.api.module import Module

EQUALS = "equals"
PREFIX = "prefix"
ONE_OF = "one_of"
OPTIONAL = "optional"
TESTS = (EQUALS, PREFIX, ONE_OF)
ANY = "*"

REFUSALS: Dict[str, str] = {
    "tool": "the guard may not ask for this tool",
    "arguments": "it may, but not with these arguments",
    "calls": "it has asked as often as it may in one call",
    "tool-calls": "it has asked for this tool as often as it may in one call",
    "bytes": "questions and answers of one call are larger than they may be",
}
"""Why a question of a guest was refused: each reason, and what it says."""


@dataclasses.dataclass(frozen=True)
class Argument:
    """What one argument of a tool may be; without a test anything.

    ``test`` is ``equals``, ``prefix`` (of a string) or ``one_of``; ``value``
    is what it compares with.  An ``optional`` argument may be missing.

    Raises: CapabilityError for what is no test.
    """

    name: str
    test: Optional[str] = None
    value: Any = None
    optional: bool = False

    def __post_init__(self) -> None:
        """Find out now, and not when a guard asks."""
        field = f"args.{self.name}"
        if self.test not in (None, *TESTS):
            _refuse("unexpected", field, "one of " + ", ".join(TESTS), repr(self.test)[:60])
        if self.test == PREFIX and not isinstance(self.value, str):
            _refuse("type", f"{field}.{PREFIX}", "a string", kind(self.value))
        if self.test == ONE_OF and not isinstance(self.value, tuple):
            _refuse("type", f"{field}.{ONE_OF}", "a tuple", kind(self.value))
        try:
            encode(self.value)
        except PayloadError as error:
            raise CapabilityError(f"{field}: {error}", "type", field, "JSON") from error

    def allows(self, value: Any) -> bool:
        """Whether the argument may be ``value``.  Values are equal if their JSON is."""
        if self.test is None:
            return True
        if self.test == PREFIX:
            return isinstance(value, str) and value.startswith(self.value)
        allowed = [self.value] if self.test == EQUALS else self.value
        return encode(value) in [encode(one) for one in allowed]

    def to_json(self) -> Dict[str, Any]:
        """The predicate as its JSON object has it."""
        value = list(self.value) if self.test == ONE_OF else self.value
        doc: Dict[str, Any] = {} if self.test is None else {self.test: value}
        return {**doc, OPTIONAL: True} if self.optional else doc


@dataclasses.dataclass(frozen=True)
class Tool:
    """A tool that a guard may ask for.

    ``args`` lists its arguments, and no others may be given; None for any.
    ``max_calls`` and ``max_bytes`` (of questions and answers) bound what one
    call of the guard may ask of it.
    """

    name: str
    args: Optional[Tuple[Argument, ...]] = None
    max_calls: Optional[int] = None
    max_bytes: Optional[int] = None

    def allows(self, args: Any) -> bool:
        """Whether it may be asked with ``args``: an object, or null for an empty one."""
        if self.args is None:
            return True
        given = {} if args is None else args
        if not isinstance(given, dict):
            return False
        known = {argument.name: argument for argument in self.args}
        missing = [arg for arg in self.args if not arg.optional and arg.name not in given]
        return not missing and all(
            name in known and known[name].allows(value) for name, value in given.items()
        )

    def to_json(self) -> Dict[str, Any]:
        """The tool as its JSON object has it."""
        doc: Dict[str, Any] = {"name": self.name}
        if self.args is not None:
            doc["args"] = {argument.name: argument.to_json() for argument in self.args}
        return {**doc, **_bounds_json(self.max_calls, self.max_bytes)}


@dataclasses.dataclass(frozen=True)
class Capabilities:
    """What a guard may import and ask.

    ``imports`` are names as ``env.host_log`` and ``wasi_snapshot_preview1.*``;
    ``tools`` those of the backend; None for any.  ``max_calls`` and
    ``max_bytes`` bound what one call of the guard may ask altogether.

    >>> may = Capabilities.from_json({
    ...     "imports": ["env.*"],
    ...     "tools": [{"name": "search", "args": {"query": {"prefix": "repo:"}}, "max_calls": 2}],
    ... })
    >>> may.tools[0].allows({"query": "repo:a/b"}), may.tools[0].allows({"query": "user:a"})
    (True, False)
    """

    imports: Optional[Tuple[str, ...]] = None
    tools: Optional[Tuple[Tool, ...]] = None
    max_calls: Optional[int] = None
    max_bytes: Optional[int] = None

    @classmethod
    def from_json(cls, doc: Any) -> Capabilities:
        """The capabilities that a JSON object describes.  Raises: CapabilityError."""
        _object(doc, "", ("imports", "tools", "max_calls", "max_bytes"))
        imports = doc.get("imports")
        tools = doc.get("tools")
        return cls(
            None if imports is None else _imports(imports),
            None if tools is None else _tools(tools),
            _bound(doc, "max_calls", ""), _bound(doc, "max_bytes", ""),
        )  # fmt: skip

    def to_json(self) -> Dict[str, Any]:
        """The capabilities as a JSON object: what ``from_json`` reads."""
        doc: Dict[str, Any] = {}
        if self.imports is not None:
            doc["imports"] = list(self.imports)
        if self.tools is not None:
            doc["tools"] = [tool.to_json() for tool in self.tools]
        return {**doc, **_bounds_json(self.max_calls, self.max_bytes)}

    def check_imports(self, module: Module) -> None:
        """Refuse a module that imports what it may not.  Raises: GuardLoadError."""
        if self.imports is None:
            return
        for wanted in module.imports:
            name = f"{wanted.module}.{wanted.name}"
            if name not in self.imports and f"{wanted.module}.{ANY}" not in self.imports:
                raise GuardLoadError(
                    f"failed to instantiate WASM module: the guard may not import {name}",
                    "capability", import_name=name,
                )  # fmt: skip


UNLIMITED = Capabilities()
"""Whatever the ABI has, as often as the ABI allows."""


class Meter:
    """Checks the questions of one invocation, and counts what they spend."""

    def __init__(self, capabilities: Capabilities) -> None:
        self._may = capabilities
        self._tools = {tool.name: tool for tool in capabilities.tools or ()}
        self._calls = self._bytes = 0
        # By tool; only of those that are listed, since a guest can make up any number of names.
        self._tool_calls = dict.fromkeys(self._tools, 0)
        self._tool_bytes = dict.fromkeys(self._tools, 0)

    def ask(self, name: str, args: Any, size: int) -> Optional[str]:
        """Spend a question of ``size`` bytes; None, or the reason why it is refused."""
        tool = self._tools.get(name)
        if self._may.tools is not None:
            if tool is None:
                return "tool"
            if not tool.allows(args):
                return "arguments"
        if _beyond(self._calls + 1, self._may.max_calls):
            return "calls"
        if tool is not None:
            if _beyond(self._tool_calls[name] + 1, tool.max_calls):
                return "tool-calls"
            self._tool_calls[name] += 1
        self._calls += 1
        return self.spend(name, size)

    def spend(self, name: str, size: int) -> Optional[str]:
        """Spend ``size`` bytes on a tool; None, or the reason why they are refused."""
        self._bytes += size
        beyond = _beyond(self._bytes, self._may.max_bytes)
        tool = self._tools.get(name)
        if tool is not None:
            self._tool_bytes[name] += size
            beyond = beyond or _beyond(self._tool_bytes[name], tool.max_bytes)
        return "bytes" if beyond else None


def _beyond(number: int, bound: Optional[int]) -> bool:
    return bound is not None and number > bound


# -- from JSON -----------------------------------------------------------------


def _refuse(reason: str, field: str, expected: str, got: str = "") -> NoReturn:
    """Raise the error of one rule."""
    where = field or "capabilities"
    text = f"{where}: {expected} expected" + (f", not {got}" if got else "")
    raise CapabilityError(text, reason, field, expected)


def _object(value: Any, field: str, known: Tuple[str, ...]) -> None:
    """Refuse what is no object, and keys that nobody knows."""
    if not isinstance(value, dict):
        _refuse("type", field, "an object", kind(value))
    for key in value:
        if key not in known:
            where = f"{field}.{key}" if field else str(key)
            _refuse("unexpected", where, "one of " + ", ".join(known))


def _array(value: Any, field: str) -> List[Any]:
    if not isinstance(value, (list, tuple)):
        _refuse("type", field, "an array", kind(value))
    return list(value)


def _imports(value: Any) -> Tuple[str, ...]:
    """The names of imports: a module and a function, or ``*`` for all of it."""
    expected = f"{abi.ENV}.NAME, {abi.WASI}.NAME, or .{ANY} for all of a module"
    for i, name in enumerate(_array(value, "imports")):
        field = f"imports[{i}]"
        if not isinstance(name, str):
            _refuse("type", field, expected, kind(name))
        module, dot, function = name.rpartition(".")
        if not dot or not function or module not in (abi.ENV, abi.WASI):
            _refuse("value", field, expected, repr(name[:60]))
    return tuple(value)


def _tools(value: Any) -> Tuple[Tool, ...]:
    """The tools, each named once."""
    tools: Dict[str, Tool] = {}
    for i, doc in enumerate(_array(value, "tools")):
        field = f"tools[{i}]"
        _object(doc, field, ("name", "args", "max_calls", "max_bytes"))
        name = doc.get("name")
        if not isinstance(name, str) or not name:
            _refuse("missing" if name is None else "type", f"{field}.name", "a tool's name")
        if name in tools:
            _refuse("duplicate", f"{field}.name", "each tool once", repr(name[:60]))
        args = doc.get("args")
        tools[name] = Tool(
            name, None if args is None else _arguments(args, f"{field}.args"),
            _bound(doc, "max_calls", field), _bound(doc, "max_bytes", field),
        )  # fmt: skip
    return tuple(tools.values())


def _arguments(value: Any, field: str) -> Tuple[Argument, ...]:
    """The arguments of a tool, by name."""
    if not isinstance(value, dict):
        _refuse("type", field, "an object", kind(value))
    return tuple(_argument(name, doc, f"{field}.{name}") for name, doc in value.items())


def _argument(name: str, doc: Any, field: str) -> Argument:
    """What one argument may be."""
    _object(doc, field, (*TESTS, OPTIONAL))
    optional = doc.get(OPTIONAL, False)
    if not isinstance(optional, bool):
        _refuse("type", f"{field}.{OPTIONAL}", "true or false", kind(optional))
    tests = [test for test in TESTS if test in doc]
    if len(tests) > 1:
        _refuse("duplicate", field, "one test", " and ".join(tests))
    if not tests:
        return Argument(name, optional=optional)
    test, value = tests[0], doc[tests[0]]
    if test == PREFIX and not isinstance(value, str):
        _refuse("type", f"{field}.{PREFIX}", "a string", kind(value))
    if test == ONE_OF:
        value = tuple(_array(value, f"{field}.{ONE_OF}"))
    return Argument(name, test, value, optional)


def _bound(doc: Mapping[str, Any], key: str, where: str) -> Optional[int]:
    """A number that something may not exceed; None where there is no bound."""
    value = doc.get(key)
    if value is None:
        return None
    field = f"{where}.{key}" if where else key
    if not isinstance(value, int) or isinstance(value, bool):
        _refuse("type", field, "an integer, 0 or more", kind(value))
    if value < 0:
        _refuse("range", field, "an integer, 0 or more", str(value)[:60])
    return value


def _bounds_json(max_calls: Optional[int], max_bytes: Optional[int]) -> Dict[str, Any]:
    bounds = {"max_calls": max_calls, "max_bytes": max_bytes}
    return {key: bound for key, bound in bounds.items() if bound is not None}
