"""Case files: what they may say, and one typed error for all else."""

from __future__ import annotations

import copy
import json
import os
import pickle
from pathlib import Path
from typing import Any, Dict, List, Tuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wasmpy.testing import CaseError, find_files, read_file
from wasmpy.testing import vocabulary as words

GOOD: Dict[str, Any] = {
    "description": "d",
    "policy": {"p": 1},
    "backend": [{"tool_name": "find", "result": 1}],
    "limits": {"fuel": 1000, "timeout": 2.5, "max_memory_pages": 20},
    "mode": "filter",
    "cases": [
        {
            "name": "one",
            "agent": {"secrecy": ["s"], "difc_mode": "filter"},
            "backend": [{"tool_name": "find", "error": "none"}],
            "limits": {"fuel": 5},
            "calls": [
                {"call": "label_resource", "tool_name": "t", "expect": {"operation": "read", "logs": ["x", {"level": "warn"}]}},
                {"call": "label_response", "tool_name": "t", "tool_result": [1], "expect": {"items": [{"integrity": []}]}},
                {"call": "pipeline", "tool_name": "t", "tool_error": "gone", "expect": {"error": "BackendError"}},
                {"call": "label_agent", "policy": None, "expect": {"error": {"error": "PolicyError", "reason": "missing"}}},
            ],
        },
    ],
}  # fmt: skip


def write(folder: Path, doc: Any, name: str = "cases.json") -> Path:
    path = folder / name
    path.write_text(doc if isinstance(doc, str) else json.dumps(doc), encoding="utf-8")
    return path


def error_of(path: Path) -> CaseError:
    with pytest.raises(CaseError) as caught:
        read_file(path)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 3000
    assert caught.value.file.endswith(path.name)
    return caught.value


def changed(keys: Tuple[Any, ...], value: Any) -> Any:
    """The good file with another value at a place; ``...`` removes it."""
    doc = copy.deepcopy(GOOD)
    node = doc
    for key in keys[:-1]:
        node = node[key]
    if value is ...:
        del node[keys[-1]]
    else:
        node[keys[-1]] = value
    return doc


def test_what_a_file_says(tmp_path: Path) -> None:
    (case,) = read_file(write(tmp_path, GOOD)).cases
    assert (case.name, case.path, case.policy, case.mode) == ("one", "cases[0]", {"p": 1}, "filter")
    assert case.limits == (5, 2.5, 20)
    assert [rule.get("error") for rule in case.rules] == ["none", None]
    assert case.agent is not None
    assert case.agent.path == "cases[0].agent"
    assert [step.call for step in case.steps] == ["label_resource", "label_response", "pipeline", "label_agent"]
    assert case.steps[0].path == "cases[0].calls[0].expect"
    assert case.steps[0].tool_args == {}
    assert case.steps[1].keys == ("cases", 0, "calls", 1, "expect")


CALL = ("cases", 0, "calls", 0)
EXPECT = (*CALL, "expect")
BAD: List[Tuple[Tuple[Any, ...], Any, str]] = [
    (("caess",), 1, "caess"),
    (("description",), 1, "description"),
    (("cases",), ..., "cases"),
    (("cases",), {}, "cases"),
    (("cases",), [], "cases"),
    (("cases", 0), 1, "cases[0]"),
    (("cases", 0, "naem"), "x", "cases[0]"),
    (("cases", 0, "name"), ..., "cases[0].name"),
    (("cases", 0, "name"), " ", "cases[0].name"),
    (("cases", 0, "calls"), {}, "cases[0].calls"),
    (("backend",), {}, "backend"),
    (("backend",), [{"tool_name": "x"}], "backend"),
    (("cases", 0, "backend"), [1], "cases[0].backend"),
    (("limits",), [], "limits"),
    (("limits", "feul"), 1, "limits"),
    (("limits", "fuel"), -1, "limits.fuel"),
    (("limits", "fuel"), 1.5, "limits.fuel"),
    (("limits", "fuel"), True, "limits.fuel"),
    (("limits", "fuel"), 10**30, "limits.fuel"),
    (("limits", "timeout"), 0, "limits.timeout"),
    (("limits", "timeout"), 1e9, "limits.timeout"),
    (("limits", "timeout"), "1", "limits.timeout"),
    (("limits", "max_memory_pages"), 0, "limits.max_memory_pages"),
    (("limits", "max_memory_pages"), 70000, "limits.max_memory_pages"),
    (("mode",), "lenient", "mode"),
    (("mode",), ["filter"], "mode"),
    (("compat",), "router", "compat"),
    (("cases", 0, "outputs"), "loose", "cases[0].outputs"),
    (("cases", 0, "agent"), [], "cases[0].agent"),
    (("cases", 0, "agent", "operation"), "read", "cases[0].agent"),
    (("cases", 0, "load_error"), 1, "cases[0].load_error"),
    (("cases", 0, "load_error"), "GuardLoadError", "cases[0].load_error"),
    (CALL, 1, "cases[0].calls[0]"),
    ((*CALL, "call"), "label", "cases[0].calls[0].call"),
    ((*CALL, "call"), ..., "cases[0].calls[0].call"),
    ((*CALL, "call"), ["label_agent"], "cases[0].calls[0].call"),
    ((*CALL, "tool_name"), ..., "cases[0].calls[0]"),
    ((*CALL, "tool_name"), 7, "cases[0].calls[0].tool_name"),
    ((*CALL, "tool_result"), 7, "cases[0].calls[0]"),
    ((*CALL, "policy"), {}, "cases[0].calls[0]"),
    (("cases", 0, "calls", 1, "tool_result"), ..., "cases[0].calls[1]"),
    (("cases", 0, "calls", 2, "tool_result"), 1, "cases[0].calls[2]"),
    (("cases", 0, "calls", 3, "policy"), ..., "cases[0].calls[3]"),
    (EXPECT, [], "cases[0].calls[0].expect"),
    ((*EXPECT, "secracy"), [], "cases[0].calls[0].expect"),
    ((*EXPECT, "secrecy"), "s", "cases[0].calls[0].expect.secrecy"),
    ((*EXPECT, "secrecy"), [1], "cases[0].calls[0].expect.secrecy"),
    ((*EXPECT, "operation"), "delete", "cases[0].calls[0].expect.operation"),
    ((*EXPECT, "description"), None, "cases[0].calls[0].expect.description"),
    ((*EXPECT, "logs"), "x", "cases[0].calls[0].expect.logs"),
    ((*EXPECT, "logs", 0), 1, "cases[0].calls[0].expect.logs[0]"),
    ((*EXPECT, "logs", 1), {}, "cases[0].calls[0].expect.logs[1]"),
    ((*EXPECT, "logs", 1, "level"), "loud", "cases[0].calls[0].expect.logs[1].level"),
    ((*EXPECT, "logs", 1, "level"), True, "cases[0].calls[0].expect.logs[1].level"),
    ((*EXPECT, "logs_include"), [{"txt": "x"}], "cases[0].calls[0].expect.logs_include[0]"),
    ((*EXPECT, "questions"), [{}], "cases[0].calls[0].expect.questions[0]"),
    ((*EXPECT, "questions"), [{"tool_name": "t", "answered": 1}], "cases[0].calls[0].expect.questions[0].answered"),
    ((*EXPECT, "error"), "GuardTrap", "cases[0].calls[0].expect.operation"),
    ((*EXPECT, "error"), {}, "cases[0].calls[0].expect.error"),
    ((*EXPECT, "error"), {"error": "A", "cause": {}}, "cases[0].calls[0].expect.error.cause"),
    ((*EXPECT, "fuel_at_most"), -1, "cases[0].calls[0].expect.fuel_at_most"),
    ((*EXPECT, "pages_at_most"), 1.0, "cases[0].calls[0].expect.pages_at_most"),
    ((*EXPECT, "healthy"), 1, "cases[0].calls[0].expect.healthy"),
    (("cases", 0, "calls", 1, "expect", "items"), {}, "cases[0].calls[1].expect.items"),
    (("cases", 0, "calls", 1, "expect", "items", 0), 1, "cases[0].calls[1].expect.items[0]"),
    (("cases", 0, "calls", 1, "expect", "items", 0, "kept"), True, "cases[0].calls[1].expect.items[0]"),
    (("cases", 0, "calls", 2, "expect"), {"denial": {}}, "cases[0].calls[2].expect.denial"),
    (("cases", 0, "calls", 2, "expect"), {"denial": {"rule": "integrety"}}, "cases[0].calls[2].expect.denial.rule"),
    (("cases", 1), {"name": "one", "policy": {}, "agent": {"secrecy": []}}, "cases[1].name"),
]  # fmt: skip


@pytest.mark.parametrize(("keys", "value", "path"), BAD, ids=lambda item: str(item)[:60])
def test_what_means_nothing_is_an_error_with_its_place(
    keys: Tuple[Any, ...], value: Any, path: str, tmp_path: Path
) -> None:
    doc = copy.deepcopy(GOOD)
    if keys == ("cases", 1):
        doc["cases"].append(value)
    else:
        doc = changed(keys, value)
    error = error_of(write(tmp_path, doc))
    assert error.path == ("" if keys == ("caess",) else path)
    assert pickle.loads(pickle.dumps(error)).path == error.path


@pytest.mark.parametrize(
    "case",
    [
        {"name": "n", "policy": {}},
        {"name": "n", "policy": {}, "agent": {}},
        {"name": "n", "calls": []},
        {"name": "n", "calls": [{"call": "label_resource", "tool_name": "t"}]},
        {"name": "n", "calls": [{"call": "label_resource", "tool_name": "t", "expect": {}}]},
        {"name": "n", "agent": {"secrecy": []}},
    ],
)
def test_a_case_that_expects_nothing_is_an_error(case: Dict[str, Any], tmp_path: Path) -> None:
    path = write(tmp_path, {"cases": [case]})
    assert error_of(path).path.startswith("cases[0]")
    if case.get("calls"):
        assert len(read_file(path, fresh=True).cases) == 1


def test_a_wrong_key_that_is_nearly_right_is_told(tmp_path: Path) -> None:
    assert "integrity" in error_of(write(tmp_path, changed((*EXPECT, "integrety"), []))).message


TEXTS = {
    "deep": "[" * 100_000,
    "deep and closed": '{"cases":' + "[" * 600 + "]" * 600 + "}",
    "a long number": '{"cases":' + "9" * 5000 + "}",
    "a large number": '{"cases": 1e400}',
    "not a number": '{"cases": NaN}',
    "twice": '{"cases": [], "cases": []}',
    "twice, in a payload": '{"policy": {"a": 1, "a": 2}, "cases": []}',
    "half a pair": '{"description": "\\ud800", "cases": []}',
    "empty": "",
    "more": "{} {}",
    "an array": "[]",
    "null": "null",
    "escapes": '{"\\u001b[2J": 1}',
}


@pytest.mark.parametrize("what", TEXTS)
def test_hostile_json_is_one_typed_error(what: str, tmp_path: Path) -> None:
    assert "\x1b" not in str(error_of(write(tmp_path, TEXTS[what])))


def test_what_is_no_ordinary_file_is_an_error(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "none.json", tmp_path / ("x" * 300), Path(str(tmp_path) + "/a\0b")):
        with pytest.raises(CaseError):
            read_file(path)
    (tmp_path / "latin.json").write_bytes(b'{"cases": "\xe9"}')
    assert "UTF-8" in error_of(tmp_path / "latin.json").message
    with open(tmp_path / "large.json", "wb") as file:
        file.truncate(17 * 1024 * 1024)
    assert "larger" in error_of(tmp_path / "large.json").message


# What it refers to ------------------------------------------------------------------


def referring(name: Any) -> Dict[str, Any]:
    return {"cases": [{"name": "n", "policy": {"$file": name}, "agent": {"secrecy": []}}]}


def test_a_policy_in_a_file_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    write(tmp_path / "sub", {"a": 1}, "policy.json")
    (case,) = read_file(write(tmp_path, referring("sub/policy.json"))).cases
    assert case.policy == {"a": 1}
    doc = referring("sub/policy.json")
    doc["cases"][0]["policy"]["more"] = 1
    assert read_file(write(tmp_path, doc)).cases[0].policy == {"$file": "sub/policy.json", "more": 1}


@pytest.mark.parametrize("name", ["../secret.json", "/etc/hostname", "sub/../../secret.json", "link.json", "", 7, "none.json", ".", "bad.json", "a\0b", "loop"])
def test_a_file_elsewhere_is_not_read(name: Any, tmp_path: Path) -> None:
    inside = tmp_path / "inside"
    (inside / "sub").mkdir(parents=True)
    write(tmp_path, '{"secret": 1}', "secret.json")
    write(inside, "{", "bad.json")
    (inside / "link.json").symlink_to(tmp_path / "secret.json")
    (inside / "loop").symlink_to(inside / "loop")
    error = error_of(write(inside, referring(name)))
    assert error.path == "cases[0].policy"


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes with names here")
def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.json")
    assert error_of(write(tmp_path, referring("pipe.json"))).path == "cases[0].policy"
    assert error_of(tmp_path / "pipe.json").path == ""


# Folders ------------------------------------------------------------------------------


def test_the_case_files_of_a_folder(tmp_path: Path) -> None:
    (tmp_path / "b" / "c").mkdir(parents=True)
    for name in ("cases.json", "b/x.cases.json", "b/c/y.guard.yml", "b/policy.json", "b/cases.txt"):
        (tmp_path / name).write_text("{}", encoding="utf-8")
    found = [str(Path(name).relative_to(tmp_path)) for name in find_files([tmp_path, "named"]) if name != "named"]
    assert found == ["b/c/y.guard.yml", "b/x.cases.json", "cases.json"]
    assert find_files(["named"]) == ["named"]
    with pytest.raises(CaseError):
        (tmp_path / "empty").mkdir()
        find_files([tmp_path / "empty"])


# YAML -----------------------------------------------------------------------------------


def test_yaml_says_the_same(tmp_path: Path) -> None:
    yaml = pytest.importorskip("yaml", reason="needs the extra yaml")
    path = write(tmp_path, yaml.safe_dump(GOOD), "cases.yaml")
    mine, others = read_file(path), read_file(write(tmp_path, GOOD))
    assert mine.is_yaml
    assert [case.steps for case in mine.cases] == [case.steps for case in others.cases]
    assert [case.limits for case in mine.cases] == [case.limits for case in others.cases]


YAML = {
    "a bomb": "a: &a [1,1]\nb: &b [*a,*a]\ncases: [*b,*b]\n",
    "itself": "cases: &a [*a]\n",
    "an object": "cases: !!python/object/apply:os.system ['true']\n",
    "a tag": "cases: !mine {}\n",
    "a date": "cases: 2022-01-01\n",
    "a wrong date": "cases: 2022-13-41\n",
    "bytes": "cases: !!binary aGk=\n",
    "wrong bytes": "cases: !!binary '~'\n",
    "a set": "cases: !!set {a, b}\n",
    "pairs": "cases: !!omap [a: 1]\n",
    "wrong pairs": "cases: !!pairs [[a, b]]\n",
    "a number as key": "1: 2\n",
    "a list as key": "? [a]\n: 1\n",
    "a key twice": "cases: []\ncases: []\n",
    "a merge": "cases: {<<: {a: 1}}\n",
    "infinity": "cases: .inf\n",
    "deep": "cases: " + "[" * 5000,
    "deep and closed": "cases: " + "[" * 300 + "]" * 300,
    "two documents": "cases: []\n---\ncases: []\n",
    "a long number": "cases: " + "9" * 5000,
    "a wrong number": "cases: !!int x\n",
    "sixties": "cases: !!int '1:a'\n",
    "broken": "cases: [",
    "a tab": "cases:\n\t- a\n",
    "a control character": "cases: '\x01'\n",
    "nothing": "",
}


@pytest.mark.parametrize("what", YAML)
def test_hostile_yaml_is_one_typed_error(what: str, tmp_path: Path) -> None:
    pytest.importorskip("yaml", reason="needs the extra yaml")
    error = error_of(write(tmp_path, YAML[what], "cases.yaml"))
    assert "\x01" not in str(error)


def test_without_pyyaml_one_line_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "yaml", None)
    error = error_of(write(tmp_path, "cases: []\n", "cases.yml"))
    assert "pip install 'wasmpy-runtime[yaml]'" in error.message


# Whatever it says ---------------------------------------------------------------------------

PLACES: List[Tuple[Any, ...]] = []


def _places(node: Any, keys: Tuple[Any, ...]) -> None:
    for key, value in node.items() if isinstance(node, dict) else enumerate(node):
        PLACES.append((*keys, key))
        if isinstance(value, (dict, list)):
            _places(value, (*keys, key))


_places(GOOD, ())
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5)
    | st.sampled_from([*words.EXPECT, *words.CASE_KEYS, "GuardTrap"]),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(st.sampled_from([*words.CASE_KEYS, *words.COMMON, "call", "expect"]), inner, max_size=3),
    max_leaves=8,
)  # fmt: skip


@settings(max_examples=200)
@given(st.sampled_from(PLACES), VALUES)
def test_any_value_anywhere_is_read_or_refused(place: Tuple[Any, ...], value: Any) -> None:
    from wasmpy.testing.cases import read_cases

    def referred(name: Any, path: str) -> Any:
        raise CaseError("no files here", "f", path)

    try:
        cases = read_cases(changed(place, value), "f", referred)
    except CaseError as error:
        assert error.file == "f"
    else:
        assert cases
