"""``--update``: new expectations, and a file of which all else stays as it is."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any, Dict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.hostabi.wat import RESOURCE, guard_wat
from tests.testing.test_engine import GUARD, TRAP
from wasmpy import Module
from wasmpy.testing import CaseError, read_file, run_files
from wasmpy.testing.update import WIDTH, pretty, replaced, spans_of, update_file

TEXT = """\
{ "cases" : [
    {"name": "one",   "policy": {"n": 1.50, "big": 12345678901234567890},
     "agent": {"secrecy": ["wrong"], "difc_mode": "filter"},
     "calls": [
        {"call": "label_resource", "tool_name": "t\\u00e9",
         "expect": {"secrecy": ["wrong"], "logs_include": ["find"]}},
        {"tool_name": "t", "call": "label_response", "tool_result": [1, 2, 3]}
     ]}
] }
"""


def update(folder: Path, text: str, guard: Any = GUARD, name: str = "cases.json") -> str:
    """The text after an update, which leaves nothing to update."""
    path = folder / name
    path.write_bytes(text.encode("utf-8"))
    file = read_file(path, fresh=True)
    changed = update_file(file, run_files(guard, [file]))
    after = path.read_bytes().decode("utf-8")
    assert (after != text) == (changed > 0)
    again = read_file(path)
    assert [result.text for result in run_files(guard, [again]) if not result.passed] == []
    assert update_file(again, run_files(guard, [again])) == 0
    return after


def test_what_is_not_expected_stays_as_it_is_written(tmp_path: Path) -> None:
    after = update(tmp_path, TEXT)
    assert after == TEXT.replace(
        '"agent": {"secrecy": ["wrong"], "difc_mode": "filter"}',
        '"agent": {"secrecy": ["s"], "difc_mode": "filter"}',
    ).replace(
        '"expect": {"secrecy": ["wrong"], "logs_include": ["find"]}',
        '"expect": {"secrecy": ["s"], "logs_include": ["find"]}',
    ).replace(
        '"tool_result": [1, 2, 3]}',
        '"tool_result": [1, 2, 3],\n        "expect": {\n'
        '          "items": [\n'
        '            {"secrecy": [], "integrity": ["i"]},\n'
        '            {"secrecy": ["other"], "integrity": ["i"]},\n'
        '            {"secrecy": ["s"], "integrity": []}\n'
        "          ]\n        }}",
    )  # fmt: skip


def step_of(text: str) -> Dict[str, Any]:
    found = json.loads(text)["cases"][0]["calls"][0]["expect"]
    assert isinstance(found, dict)
    return found


def case(call: str, expect: Any, **given_: Any) -> str:
    step = {"call": call, "tool_name": "list_t", **given_, "expect": expect}
    return json.dumps({"cases": [{"name": "n", "policy": {}, "calls": [step]}]})


def test_a_failure_takes_the_place_of_labels_and_labels_that_of_a_failure(tmp_path: Path) -> None:
    assert step_of(update(tmp_path, case("label_resource", {"secrecy": ["s"], "healthy": True}), TRAP)) == {
        "error": {"error": "GuardTrap"}, "healthy": False,
    }  # fmt: skip
    assert step_of(update(tmp_path, case("label_resource", {"error": "GuardTrap"}))) == {
        "secrecy": ["s"], "integrity": ["i"], "operation": "read",
    }  # fmt: skip
    wrong = {"error": "GuardTimeout", "during": "alloc", "cause": {"error": "GuardTrap"}}
    assert step_of(update(tmp_path, case("label_resource", {"error": wrong}), TRAP))["error"] == {
        "error": "GuardTrap", "during": "label_resource", "cause": {"error": "WasmTrap"},
    }  # fmt: skip


def test_items_by_the_keys_that_they_have(tmp_path: Path) -> None:
    items = [{"kept": False, "rule": "secrecy"}]
    after = step_of(update(tmp_path, case("pipeline", {"items": items}, tool_result=[1, 2, 3])))
    assert after == {"items": [
        {"kept": True, "rule": None}, {"kept": False, "rule": "secrecy"}, {"kept": False, "rule": "integrity"},
    ]}  # fmt: skip
    after = step_of(update(tmp_path, case("pipeline", {}, tool_result=[1, 2, 3])))
    assert after["allowed"] is True
    assert [item["kept"] for item in after["items"]] == [True, False, False]


def test_a_denial_is_written(tmp_path: Path) -> None:
    guard = Module(guard_wat(resource=RESOURCE.replace('"read"', '"write"').replace('["s"]', '["t"]')))
    after = step_of(update(tmp_path, case("pipeline", {}, tool_result=1), guard))
    assert after["denial"] == {
        "side": "resource", "rule": "secrecy", "missing_integrity": [], "extra_secrecy": ["s"],
    }  # fmt: skip
    assert after["allowed"] is False


@pytest.mark.parametrize(
    "expect",
    [
        {"fuel_at_most": 1},
        {"logs": []},
        {"logs_include": ["never", "find", "find"]},
        {"questions": []},
        {"description": "x", "operation": "write"},
        {"pages_at_most": 1},
    ],
)
def test_every_kind_of_expectation(expect: Any, tmp_path: Path) -> None:
    assert set(step_of(update(tmp_path, case("label_resource", expect)))) == set(expect)


def test_what_holds_is_left_alone(tmp_path: Path) -> None:
    text = case("label_resource", {"secrecy": ["s", "s"], "fuel_at_most": 10**9})
    assert update(tmp_path, text) == text


def test_a_mark_line_ends_and_permissions_stay(tmp_path: Path) -> None:
    path = tmp_path / "cases.json"
    path.write_bytes(b"\xef\xbb\xbf" + TEXT.replace("\n", "\r\n").encode("utf-8"))
    path.chmod(0o640)
    link = tmp_path / "link.json"
    link.symlink_to(path)
    file = read_file(link, fresh=True)
    assert update_file(file, run_files(GUARD, [file])) == 3
    raw = path.read_bytes()
    assert raw.startswith(b'\xef\xbb\xbf{ "cases" : [\r\n')
    assert link.is_symlink()
    assert path.stat().st_mode & 0o777 == 0o640
    assert sorted(p.name for p in tmp_path.iterdir()) == ["cases.json", "link.json"]


def test_a_file_that_has_changed_meanwhile_is_not_written(tmp_path: Path) -> None:
    path = tmp_path / "cases.json"
    path.write_text(TEXT, encoding="utf-8")
    file = read_file(path, fresh=True)
    path.write_text(TEXT + " ", encoding="utf-8")
    with pytest.raises(CaseError):
        update_file(file, run_files(GUARD, [file]))
    assert path.read_text("utf-8") == TEXT + " "


@pytest.mark.skipif(os.getuid() == 0, reason="nothing is forbidden to root")
def test_a_folder_that_cannot_be_written_is_one_error(tmp_path: Path) -> None:
    path = tmp_path / "cases.json"
    path.write_text(TEXT, encoding="utf-8")
    file = read_file(path, fresh=True)
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(CaseError):
            update_file(file, run_files(GUARD, [file]))
    finally:
        tmp_path.chmod(0o700)
    assert path.read_text("utf-8") == TEXT


def test_yaml_is_counted_and_not_written(tmp_path: Path) -> None:
    pytest.importorskip("yaml", reason="needs the extra yaml")
    path = tmp_path / "cases.yaml"
    path.write_text(TEXT, encoding="utf-8")  # JSON is YAML
    file = read_file(path, fresh=True)
    assert update_file(file, run_files(GUARD, [file])) == 3
    assert path.read_text("utf-8") == TEXT


# The text --------------------------------------------------------------------------------

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=20,
)  # fmt: skip


def _walk(value: Any, keys: Any) -> Any:
    yield keys, value
    if isinstance(value, (dict, list)):
        for key, one in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _walk(one, (*keys, key))


@given(JSON, st.sampled_from([None, 2]), st.booleans())
def test_every_value_is_found_where_it_stands(value: Any, indent: Any, ascii_: bool) -> None:
    text = json.dumps(value, indent=indent, ensure_ascii=ascii_)
    spans = spans_of(text)
    assert set(spans) == {keys for keys, _ in _walk(value, ())}
    for keys, one in _walk(value, ()):
        start, end = spans[keys]
        assert json.loads(text[start:end]) == one


@given(st.dictionaries(st.text(max_size=3), JSON, min_size=1), JSON, st.sampled_from([None, 2]))
def test_a_member_is_replaced_or_added_and_nothing_else_changes(value: Any, new: Any, indent: Any) -> None:
    text = json.dumps({"inner": value, "after": 1}, indent=indent)
    for key in [*value, "a key that is new"]:
        after = json.loads(replaced(text, {("inner", key): new}))
        assert after == {"inner": {**value, key: new}, "after": 1}


@given(JSON)
def test_what_is_written_reads_the_same(value: Any) -> None:
    assert json.loads(pretty(value)) == value


def test_lines_are_no_longer_than_they_need_be() -> None:
    long = {"a": ["x" * 20] * 10, "b": []}
    assert max(map(len, pretty(long, 8).splitlines())) <= WIDTH
