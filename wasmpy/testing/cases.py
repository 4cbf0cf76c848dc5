"""What a case file says, as values: cases, their calls, what is expected.

What belongs here: the values, and reading them out of plain data with an
error that leads to the place.  What does not: files (``casefile``), the keys
themselves (``vocabulary``), and running anything (``engine``).
"""

from __future__ import annotations

import dataclasses
import difflib
from typing import Any, Callable, Dict, List, NamedTuple, Optional, Sequence, Tuple, Union

from hostabi import abi
from hostabi.errors import PayloadError
from hostabi.payload import kind
from hostabi.rules import RulesBackend
from wasmpy.testing import vocabulary as words
from wasmpy.testing.errors import CaseError
from wasmpy.testing.vocabulary import Field, Kind

FILE_KEY = "$file"
"""The only key of an object that stands for the JSON in another file."""

Referred = Callable[[Any, str], Any]
"""What such an object stands for: of the file's name and the place in the case file."""


class _Unset:
    """The type of :data:`UNSET`."""

    def __repr__(self) -> str:
        return "UNSET"


UNSET = _Unset()
"""Not said, where null would mean something."""


class Limits(NamedTuple):
    """What bounds each call of a case; None where the case says nothing."""

    fuel: Optional[int] = None
    timeout: Optional[float] = None
    max_memory_pages: Optional[int] = None


NO_LIMITS = Limits()


@dataclasses.dataclass(frozen=True)
class Step:
    """One call of a case.

    ``call`` is a label function or ``pipeline``; ``expect`` is what is
    expected, by the keys of ``vocabulary.EXPECT``, and ``path`` leads to it in
    the file.
    """

    call: str
    path: str
    expect: Dict[str, Any]
    tool_name: str = ""
    tool_args: Any = None
    tool_result: Any = None
    tool_error: Optional[str] = None
    policy: Any = UNSET
    keys: Tuple[Union[str, int], ...] = ()
    """Where the expectations stand in the file's data."""


@dataclasses.dataclass(frozen=True)
class Case:
    """A guard, fresh; perhaps a policy; and calls.

    ``agent`` is the call of ``label_agent`` that comes first where there is a
    policy; ``load_error`` is expected instead of everything else.
    """

    name: str
    file: str
    path: str
    steps: Tuple[Step, ...]
    description: str = ""
    policy: Any = UNSET
    agent: Optional[Step] = None
    rules: Tuple[Any, ...] = ()
    limits: Limits = NO_LIMITS
    mode: Optional[str] = None
    compat: Optional[str] = None
    outputs: Optional[str] = None
    load_error: Any = UNSET
    keys: Tuple[Union[str, int], ...] = ()

    @property
    def id(self) -> str:
        """The case's name with that of its file."""
        return f"{self.file}::{self.name}"


def read_cases(doc: Any, file: str, referred: Referred, *, fresh: bool = False) -> Tuple[Case, ...]:
    """The cases in a case file's data.

    ``fresh`` allows cases that expect nothing yet.

    Raises: CaseError.
    """
    return _Reader(file, referred, fresh=fresh).file(doc)


class _Reader:
    """Reads one file; every method is given the value and the path to it."""

    def __init__(self, file: str, referred: Referred, *, fresh: bool) -> None:
        self._file = file
        self._referred = referred
        self._fresh = fresh

    def refuse(self, message: str, path: str = "") -> CaseError:
        """The error for the place."""
        return CaseError(message, self._file, path)

    # -- the file and its cases ------------------------------------------------

    def file(self, doc: Any) -> Tuple[Case, ...]:
        """The whole file."""
        doc = self.object(doc, "", words.FILE_KEYS)
        self.text(doc, "description", "")
        shared = self.settings(doc, "")
        entries = doc.get("cases")
        if not isinstance(entries, list) or not entries:
            raise self.refuse("cases is an array with at least one case", "cases")
        cases: List[Case] = []
        names: Dict[str, str] = {}
        for i, entry in enumerate(entries):
            case = self.case(entry, i, shared)
            if case.name in names:
                raise self.refuse(
                    f"the name {case.name!r} is that of {names[case.name]}", f"{case.path}.name"
                )
            names[case.name] = case.path
            cases.append(case)
        return tuple(cases)

    def case(self, entry: Any, index: int, shared: Dict[str, Any]) -> Case:
        """One case."""
        path, keys = f"cases[{index}]", ("cases", index)
        entry = self.object(entry, path, words.CASE_KEYS)
        name = self.text(entry, "name", path)
        if not name.strip():
            raise self.refuse("a case needs a name", f"{path}.name")
        own = self.settings(entry, path)
        given = {**shared, **own, "rules": own["rules"] + shared["rules"]}
        given["limits"] = Limits(
            *[b if a is None else a for a, b in zip(own["limits"], shared["limits"])]
        )
        if own["policy"] is UNSET:
            given["policy"] = shared["policy"]
        for word in words.WORDS:
            given[word] = own[word] or shared[word]
        steps = tuple(self.steps(entry, path, keys))
        agent = self.agent(entry, path, keys, given["policy"])
        load_error = UNSET
        if "load_error" in entry:
            load_error = entry["load_error"]
            self.value(Field(Kind.ERROR), load_error, f"{path}.load_error")
            if steps or (agent is not None and agent.expect):
                raise self.refuse("a guard that does not load is not called", f"{path}.load_error")
        case = Case(
            name, self._file, path, steps, self.text(entry, "description", path), agent=agent,
            load_error=load_error, keys=keys, **given,
        )  # fmt: skip
        self.check(case)
        return case

    def check(self, case: Case) -> None:
        """Refuse a case that does nothing or expects nothing."""
        if case.load_error is not UNSET:
            return
        if not case.steps and case.agent is None:
            raise self.refuse("a case needs calls, or a policy", case.path)
        every = case.steps if case.agent is None else (case.agent, *case.steps)
        if not self._fresh and not any(step.expect for step in every):
            raise self.refuse("nothing is expected in this case", case.path)

    def settings(self, doc: Dict[str, Any], path: str) -> Dict[str, Any]:
        """What a file or a case says besides its cases or calls."""
        found: Dict[str, Any] = {"policy": UNSET, "rules": (), "limits": NO_LIMITS}
        if "policy" in doc:
            found["policy"] = self.payload(doc["policy"], _at(path, "policy"))
        if "backend" in doc:
            found["rules"] = self.rules(doc["backend"], _at(path, "backend"))
        if "limits" in doc:
            found["limits"] = self.limits(doc["limits"], _at(path, "limits"))
        for key, allowed in words.WORDS.items():
            found[key] = None
            if key in doc:
                found[key] = self.word(doc[key], allowed, _at(path, key))
        return found

    def rules(self, value: Any, path: str) -> Tuple[Any, ...]:
        """The rules of a backend."""
        value = self.payload(value, path)
        try:
            RulesBackend(value)
        except PayloadError as error:
            raise self.refuse(error.message, path) from error
        return tuple(value)

    def limits(self, value: Any, path: str) -> Limits:
        """What bounds the calls."""
        doc = self.object(value, path, words.LIMIT_KEYS)
        fuel = self.number(doc, "fuel", path, 0, words.MAX_FUEL)
        pages = self.number(doc, "max_memory_pages", path, 1, words.MAX_PAGES)
        timeout = doc.get("timeout")
        if "timeout" in doc and (
            isinstance(timeout, bool) or not isinstance(timeout, (int, float))
            or not 0 < timeout <= words.MAX_TIMEOUT
        ):  # fmt: skip
            raise self.refuse(
                f"timeout is a number of seconds up to {words.MAX_TIMEOUT}", _at(path, "timeout")
            )
        return Limits(fuel, None if timeout is None else float(timeout), pages)

    # -- calls -------------------------------------------------------------------

    def agent(
        self, entry: Dict[str, Any], path: str, keys: Tuple[Union[str, int], ...], policy: Any
    ) -> Optional[Step]:
        """The first call of ``label_agent``, where there is a policy."""
        where = _at(path, "agent")
        if policy is UNSET:
            if "agent" in entry:
                raise self.refuse("without a policy the guard is not asked about the agent", where)
            return None
        expect = self.expect(entry.get("agent", {}), where, abi.LABEL_AGENT)
        return Step(abi.LABEL_AGENT, where, expect, policy=policy, keys=(*keys, "agent"))

    def steps(
        self, entry: Dict[str, Any], path: str, keys: Tuple[Union[str, int], ...]
    ) -> List[Step]:
        """The calls of a case."""
        calls = entry.get("calls", [])
        if not isinstance(calls, list):
            raise self.refuse(f"calls is an array, not {kind(calls)}", _at(path, "calls"))
        return [
            self.step(call, f"{path}.calls[{i}]", (*keys, "calls", i))
            for i, call in enumerate(calls)
        ]

    def step(self, entry: Any, path: str, keys: Tuple[Union[str, int], ...]) -> Step:
        """One call."""
        if not isinstance(entry, dict):
            raise self.refuse(f"a call is an object, not {kind(entry)}", path)
        call = self.word(entry.get("call"), tuple(words.EXPECT), f"{path}.call")
        takes = words.CALL_KEYS[call]
        entry = self.object(entry, path, ("call", *takes, "expect"))
        expect = self.expect(entry.get("expect", {}), f"{path}.expect", call)
        given: Dict[str, Any] = {}
        if "tool_name" in takes:
            given["tool_name"] = self.text(entry, "tool_name", path)
            if not given["tool_name"]:
                raise self.refuse(f"{call} needs a tool_name", path)
            given["tool_args"] = self.payload(entry.get("tool_args", {}), f"{path}.tool_args")
        if "tool_result" in takes:
            given["tool_result"] = self.payload(entry.get("tool_result"), f"{path}.tool_result")
        if "tool_error" in entry:
            given["tool_error"] = self.text(entry, "tool_error", path)
            if "tool_result" in entry:
                raise self.refuse("a tool has either a tool_result or a tool_error", path)
        elif "tool_result" in takes and "tool_result" not in entry:
            raise self.refuse(f"{call} needs the tool_result", path)
        if "policy" in takes:
            if "policy" not in entry:
                raise self.refuse(f"{call} needs a policy", path)
            given["policy"] = self.payload(entry["policy"], f"{path}.policy")
        return Step(call, f"{path}.expect", expect, keys=(*keys, "expect"), **given)

    # -- expectations --------------------------------------------------------------

    def expect(self, value: Any, path: str, call: str) -> Dict[str, Any]:
        """What is expected of a call."""
        doc = self.fields(value, path, words.EXPECT[call])
        labels = [key for key in doc if key not in words.COMMON]
        if "error" in doc and labels:
            raise self.refuse(
                f"a call that fails has no {labels[0]}", _at(path, labels[0])
            )
        return doc

    def fields(self, value: Any, path: str, table: Dict[str, Field]) -> Dict[str, Any]:
        """An object whose keys are in ``table``."""
        doc = self.object(value, path, tuple(table))
        for key, expected in doc.items():
            self.value(table[key], expected, _at(path, key))
        return doc

    def value(self, field: Field, value: Any, path: str) -> None:
        """An expected value of that kind."""
        wanted = field.kind
        if wanted is Kind.WORD:
            self.word(value, field.words, path)
        elif wanted is Kind.OBJECT or wanted is Kind.ITEMS:
            self.nested(field, value, path)
        elif wanted in (Kind.LOGS, Kind.LOGS_INCLUDE):
            for i, line in enumerate(self.array(value, path, wanted)):
                self.log_line(line, f"{path}[{i}]")
        elif wanted is Kind.QUESTIONS:
            for i, question in enumerate(self.array(value, path, wanted)):
                self.question(question, f"{path}[{i}]")
        elif wanted is Kind.ERROR:
            self.error(value, path)
        elif not _fits(wanted, value):
            raise self.refuse(f"{wanted.value} is expected here, not {kind(value)}", path)

    def nested(self, field: Field, value: Any, path: str) -> None:
        """An object with fields of its own, or an array of such."""
        assert field.fields is not None
        if field.kind is Kind.ITEMS:
            for i, item in enumerate(self.array(value, path, field.kind)):
                self.fields(item, f"{path}[{i}]", field.fields)
        else:
            if not self.fields(value, path, field.fields):
                raise self.refuse("nothing is expected here", path)

    def log_line(self, value: Any, path: str) -> None:
        """A line of the log: its text, or an object."""
        if isinstance(value, str):
            return
        doc = self.object(value, path, words.LOG_KEYS)
        if not doc:
            raise self.refuse("nothing is expected of this line", path)
        for key in ("text", "contains", "source"):
            self.text(doc, key, path)
        level = doc.get("level")
        if "level" in doc and level not in abi.LOG_LEVELS and type(level) is not int:
            raise self.refuse(
                f"a level is a number or one of {', '.join(abi.LOG_LEVELS)}", f"{path}.level"
            )

    def question(self, value: Any, path: str) -> None:
        """A question to the backend."""
        doc = self.object(value, path, words.QUESTION_KEYS)
        if not self.text(doc, "tool_name", path):
            raise self.refuse("a question has a tool_name", path)
        if not isinstance(doc.get("answered", True), bool):
            raise self.refuse("answered is true or false", f"{path}.answered")

    def error(self, value: Any, path: str) -> None:
        """An error: the name of its class, or an object."""
        name = value.get("error") if isinstance(value, dict) else value
        if not isinstance(name, str) or not name:
            raise self.refuse("an error is its class name, or an object with that at error", path)
        if isinstance(value, dict) and "cause" in value:
            self.error(value["cause"], f"{path}.cause")

    # -- plain values -----------------------------------------------------------------

    def object(self, value: Any, path: str, keys: Sequence[str]) -> Dict[str, Any]:
        """An object with no other keys than these."""
        if not isinstance(value, dict):
            raise self.refuse(f"an object is expected here, not {kind(value)}", path)
        for key in value:
            if key not in keys:
                near = difflib.get_close_matches(key[:100], keys, 1)
                meant = f"; did you mean {near[0]}?" if near else f" (known: {', '.join(keys)})"
                raise self.refuse(f"unknown key {key[:100]!r}{meant}", path)
        return value

    def array(self, value: Any, path: str, wanted: Kind) -> List[Any]:
        """An array."""
        if not isinstance(value, list):
            raise self.refuse(f"{wanted.value} is expected here, not {kind(value)}", path)
        return value

    def text(self, doc: Dict[str, Any], key: str, path: str) -> str:
        """A string, empty where there is none."""
        value = doc.get(key, "")
        if not isinstance(value, str):
            raise self.refuse(f"{key} is a string, not {kind(value)}", _at(path, key))
        return value

    def word(self, value: Any, allowed: Sequence[Optional[str]], path: str) -> Any:
        """One of some words."""
        if not (value is None or isinstance(value, str)) or value not in allowed:
            known = ", ".join("null" if word is None else word for word in allowed)
            raise self.refuse(f"one of these is expected here: {known}", path)
        return value

    def number(
        self, doc: Dict[str, Any], key: str, path: str, least: int, most: int
    ) -> Optional[int]:
        """A whole number, None where there is none."""
        if key not in doc:
            return None
        value = doc[key]
        if type(value) is not int or not least <= value <= most:
            raise self.refuse(f"{key} is a whole number from {least} to {most}", _at(path, key))
        return value

    def payload(self, value: Any, path: str) -> Any:
        """A value for the guard, or what a reference stands for."""
        if isinstance(value, dict) and list(value) == [FILE_KEY]:
            return self._referred(value[FILE_KEY], path)
        return value


def _at(path: str, key: str) -> str:
    """The path to a member."""
    return f"{path}.{key}" if path else key


def _fits(wanted: Kind, value: Any) -> bool:
    """Whether a plain expected value is of its kind."""
    if wanted is Kind.TAGS:
        return isinstance(value, list) and all(isinstance(tag, str) for tag in value)
    if wanted is Kind.FLAG:
        return isinstance(value, bool)
    if wanted in (Kind.COUNT, Kind.AT_MOST):
        return type(value) is int and value >= 0
    if wanted is Kind.TEXT:
        return isinstance(value, str)
    if wanted is Kind.TEXT_OR_NULL:
        return value is None or isinstance(value, str)
    return True
