"""Running a script: each command to a result, whatever happens.

What belongs here: the state of a script (modules by name, what is
registered) and one rule per kind of command.  Outcomes are told apart by the
type of the error and, for traps, by its kind.  What does not: the grammar of
scripts (``wasmpy.text.script``).

A command is bounded by fuel and call depth, so a script always ends.
"""

from __future__ import annotations

import dataclasses
import os
import pathlib
from typing import Any, Callable, Dict, List, NamedTuple, Optional, Sequence, Tuple, Type, Union

from wasmpy.api.instance import Instance
from wasmpy.api.module import Module
from wasmpy.api.store import Store
from wasmpy.binary.encode import encode_module
from wasmpy.config import DEFAULT_LIMITS, Features, Limits
from wasmpy.errors import (
    InvalidError,
    LinkError,
    MalformedError,
    TrapKind,
    WasmException,
    WasmTrap,
)
from wasmpy.syntax.types import ValType
from wasmpy.text.script import Command, Get, ModuleSource, parse_script
from wasmpy.text.unsupported import Unsupported
from wasmpy.valid.custom import validate_customs
from wasmpy.wast.patterns import NoSuchValue, mismatch, raw_value
from wasmpy.wast.report import FAIL, PASS, SKIP, CommandResult, ScriptReport
from wasmpy.wast.spectest import spectest_module
from wasmpy.wast.traps import expected_kind

FUEL = 1 << 30
"""What one command may spend: more than the longest bulk operation costs."""

SCRIPT_LIMITS = dataclasses.replace(DEFAULT_LIMITS, call_depth=2_000)
"""Deep enough for every recursion in the suite that is meant to return."""

PATHS = ("binary", "text")
"""How a module in text comes to run: encoded and decoded again, or as it was parsed."""

SUITE_FEATURES = Features.WASM3
"""The scripts are in their 3.0 state."""

PROPOSAL_FEATURES: Dict[str, Features] = {
    # This proposal's scripts are of a time with one memory and one table.
    "threads": Features.WASM2.without("reference_types", "simd").having("threads"),
    "custom-page-sizes": SUITE_FEATURES.having("custom_page_sizes"),
    "wide-arithmetic": SUITE_FEATURES.having("wide_arithmetic"),
}
"""What the scripts in ``proposals/`` need, by folder."""


def suite_features(script: Union[str, os.PathLike[str]]) -> Features:
    """The features to run a script of the suite with, by the folder it is in."""
    return PROPOSAL_FEATURES.get(pathlib.Path(os.fspath(script)).parent.name, SUITE_FEATURES)


class Absent(NamedTuple):
    """Stands where an instance would, had its module come to be."""

    line: int
    feature: str


class _Unmet(Exception):  # noqa: N818 - the command cannot be judged
    """The command needs something that is not there."""

    def __init__(self, reason: str, feature: str) -> None:
        super().__init__(reason)
        self.feature = feature


class _Wrong(Exception):  # noqa: N818 - a verdict
    """The command came out wrong."""


def run_script(
    script: Union[str, os.PathLike[str]],
    features: Optional[Features] = None,
    fuel: Optional[int] = FUEL,
    limits: Limits = SCRIPT_LIMITS,
    fusing: str = "hot",
    path: str = "binary",
    tier: str = "reference",
    fallback: str = "silent",
    progress: Optional[Callable[[int, int], None]] = None,
) -> ScriptReport:
    """Run a script: a path is read, a string is the source itself.

    Without ``features``, those that its folder in the suite needs.  ``path``
    is one of ``PATHS``: what a module in text becomes before it runs.  Without
    ``fuel`` a script that does not end does not end here either.
    ``progress`` is told before each command how many are done, of how many.

    Raises: MalformedError when the script's own syntax is wrong; OSError when
    the file cannot be read.
    """
    name = ""
    if not isinstance(script, str):
        name = os.fspath(script)
        script = decoded(pathlib.Path(name).read_bytes())
    run = ScriptRun(features or suite_features(name), fuel, limits, fusing, path, tier, fallback)
    report = ScriptReport(name)
    commands = parse_script(script)
    for index, command in enumerate(commands):
        if progress is not None:
            progress(index, len(commands))
        status, reason, feature = run.judge(command)
        report.results.append(
            CommandResult(index, command.line, command.kind, status, reason, feature)
        )
    return report


def decoded(script: bytes) -> str:
    """The text of a script as it stands: line ends in strings and comments are part of it.

    Raises: MalformedError.
    """
    try:
        return script.decode("utf-8")
    except UnicodeDecodeError as error:
        raise MalformedError("malformed UTF-8 encoding", error.start, rule="utf8") from None


class ScriptRun:
    """The state of a running script."""

    def __init__(
        self,
        features: Features,
        fuel: Optional[int],
        limits: Limits,
        fusing: str = "hot",
        path: str = "binary",
        tier: str = "reference",
        fallback: str = "silent",
    ) -> None:
        if path not in PATHS:
            raise ValueError(f"there is no path {path!r}")
        self.path = path
        self.features = features
        self.fuel = fuel
        self.store = Store(limits=limits, fusing=fusing, tier=tier, fallback=fallback)
        self.printed: List[Tuple[Any, ...]] = []
        self.registered: Dict[str, Any] = {"spectest": spectest_module(self.store, self.printed)}
        self.instances: Dict[Optional[str], Union[Instance, Absent]] = {}
        self.definitions: Dict[Optional[str], Union[Module, Absent]] = {}

    def judge(self, command: Command) -> Tuple[str, str, str]:
        """Run one command: status, reason, missing feature."""
        self.store.fuel = self.fuel
        try:
            _RULES[command.kind](self, command)
        except _Wrong as verdict:
            return FAIL, str(verdict), ""
        except _Unmet as unmet:
            return SKIP if unmet.feature else FAIL, str(unmet), unmet.feature
        except Unsupported as error:
            return SKIP, str(error), error.feature
        except NoSuchValue as error:
            return SKIP, "no such value", str(error)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is this command's result
            return FAIL, f"{type(error).__name__}: {error}", ""
        return PASS, "", ""

    # Modules

    def compile(self, source: ModuleSource) -> Module:
        """Parse, decode and validate a module of the script."""
        if source.form == "binary":
            return Module(source.data, features=self.features)
        parsed = source.parse(self.features)
        if self.path == "text":
            return Module.of_syntax(parsed, features=self.features)
        return Module(encode_module(parsed), features=self.features)

    def instantiate(self, module: Module) -> Instance:
        """Instantiate with what is registered."""
        for item in module.imports:
            offered = self.registered.get(item.module)
            if isinstance(offered, Absent):
                raise _Unmet(f"needs the module of line {offered.line}", offered.feature)
        there = {
            name: items for name, items in self.registered.items() if not isinstance(items, Absent)
        }
        return module.instantiate(there, store=self.store)

    def instance(self, name: Optional[str]) -> Instance:
        """The instance of that name, or the latest."""
        found = self.instances.get(name)
        if found is None:
            raise _Unmet(f"there is no module {name or ''}", "")
        if isinstance(found, Absent):
            raise _Unmet(f"needs the module of line {found.line}", found.feature)
        return found

    def _keep(self, table: Dict[Optional[str], Any], command: Command, item: Any) -> None:
        """Make ``item`` the latest, and what the command's name means."""
        table[None] = item
        if command.name is not None:
            table[command.name] = item

    def _defining(
        self, table: Dict[Optional[str], Any], command: Command, make: Callable[[], Any]
    ) -> None:
        """Make a module or instance; if that fails, remember why."""
        self._keep(table, command, Absent(command.line, ""))
        try:
            self._keep(table, command, make())
        except Unsupported as error:
            self._keep(table, command, Absent(command.line, error.feature))
            raise
        except _Unmet as unmet:
            self._keep(table, command, Absent(command.line, unmet.feature))
            raise

    def module(self, command: Command) -> None:
        """``(module ...)``: define and instantiate."""
        source = _source(command)
        self._defining(self.instances, command, lambda: self.instantiate(self.compile(source)))

    def definition(self, command: Command) -> None:
        """``(module definition ...)``: define only."""
        source = _source(command)
        self._defining(self.definitions, command, lambda: self.compile(source))

    def new_instance(self, command: Command) -> None:
        """``(module instance $I $M)``."""

        def make() -> Instance:
            found = self.definitions.get(command.ref)
            if found is None or isinstance(found, Absent):
                feature = "" if found is None else found.feature
                raise _Unmet(f"there is no definition {command.ref or ''}", feature)
            return self.instantiate(found)

        self._defining(self.instances, command, make)

    def register(self, command: Command) -> None:
        """``(register "name" $M)``."""
        assert command.name is not None
        found = self.instances.get(command.ref)
        self.registered[command.name] = found
        exports = self.instance(command.ref).exports
        self.registered[command.name] = {name: exports[name] for name in exports}

    # Actions

    def perform(self, command: Command) -> Tuple[Sequence[ValType], List[Any]]:
        """Perform the command's action: types and bits of the results."""
        action = command.action
        assert action is not None
        item = self.instance(action.module).exports[action.name]
        if isinstance(action, Get):
            return (item.type.valtype,), [item.raw]
        types: Sequence[ValType] = item.type.results
        returned = item.call_raw(*[raw_value(value) for value in action.args])
        return types, list(returned) if len(types) > 1 else [returned][: len(types)]

    def action(self, command: Command) -> None:
        """An action by itself must merely succeed."""
        self.perform(command)

    def assert_return(self, command: Command) -> None:
        """The action returns what the patterns say."""
        wrong = mismatch(command.expected, *self.perform(command))
        if wrong:
            raise _Wrong(wrong)

    def _raised(self, command: Command, error: Type[Exception]) -> Any:
        """Perform the action or instantiate the module; the error it must raise."""
        try:
            if command.source is not None:
                self.instantiate(self.compile(command.source))
            else:
                self.perform(command)
        except error as raised:
            return raised
        raise _Wrong(f"nothing was raised, expected {error.__name__} ({command.text})")

    def assert_trap(self, command: Command) -> None:
        """The action, or instantiation, traps in the way the text says."""
        kind = expected_kind(command.text)
        if kind is None:
            raise _Wrong(f"unknown kind of trap {command.text!r}")
        self._assert_kind(command, kind)

    def assert_exhaustion(self, command: Command) -> None:
        """The action exhausts the call stack."""
        self._assert_kind(command, TrapKind.STACK_OVERFLOW)

    def _assert_kind(self, command: Command, kind: TrapKind) -> None:
        trap = self._raised(command, WasmTrap)
        if trap.kind is not kind:
            raise _Wrong(f"trapped with {trap.kind.name}, expected {kind.name}")

    def assert_exception(self, command: Command) -> None:
        """The action throws a wasm exception that nothing catches."""
        self._raised(command, WasmException)

    # Modules that must be refused

    def assert_malformed(self, command: Command) -> None:
        """The module does not parse or decode."""
        try:
            self.compile(_source(command))
        except Unsupported:
            raise
        except MalformedError:
            return
        raise _Wrong(f"the module was accepted, expected malformed ({command.text})")

    def assert_invalid(self, command: Command) -> None:
        """The module is well-formed and does not validate."""
        try:
            self.compile(_source(command))
        except InvalidError:
            return
        raise _Wrong(f"the module was accepted, expected invalid ({command.text})")

    def assert_unlinkable(self, command: Command) -> None:
        """The module is valid and its imports do not match."""
        module = self.compile(_source(command))
        try:
            self.instantiate(module)
        except LinkError:
            return
        raise _Wrong(f"the module was linked, expected unlinkable ({command.text})")

    def assert_malformed_custom(self, command: Command) -> None:
        """An annotation of the module is malformed."""
        self.assert_malformed(command)

    def assert_invalid_custom(self, command: Command) -> None:
        """The module is valid, and a custom section of it is not."""
        module = self.compile(_source(command))
        try:
            validate_customs(module.syntax)
        except InvalidError:
            return
        raise _Wrong(f"the custom sections were accepted, expected invalid ({command.text})")


def _source(command: Command) -> ModuleSource:
    assert command.source is not None
    return command.source


_RULES: Dict[str, Callable[[ScriptRun, Command], None]] = {
    "module": ScriptRun.module,
    "definition": ScriptRun.definition,
    "instance": ScriptRun.new_instance,
    "register": ScriptRun.register,
    "action": ScriptRun.action,
    "assert_return": ScriptRun.assert_return,
    "assert_trap": ScriptRun.assert_trap,
    "assert_exhaustion": ScriptRun.assert_exhaustion,
    "assert_exception": ScriptRun.assert_exception,
    "assert_malformed": ScriptRun.assert_malformed,
    "assert_invalid": ScriptRun.assert_invalid,
    "assert_unlinkable": ScriptRun.assert_unlinkable,
    "assert_malformed_custom": ScriptRun.assert_malformed_custom,
    "assert_invalid_custom": ScriptRun.assert_invalid_custom,
}
"""One rule per kind of command."""
