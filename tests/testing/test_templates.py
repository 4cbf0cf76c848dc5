"""The templates of ``wasmpy guard new``: written, built, and all with the same decisions.

What belongs here: what holds for each language.  What does not: the command
(``tests/cli/test_guard_new.py``).
"""

from __future__ import annotations

import json
import os
import random
from pathlib import Path
from typing import Any, Dict, List

import pytest

from hostabi import Guard, GuardError, abi
from tests.testing.toolchains import COMPILERS, Missing, build
from wasmpy.testing import LANGUAGES, read_file, run_files, write_project
from wasmpy.testing.engine import module_of
from wasmpy.testing.scaffold import TEMPLATES, NotEmptyError

POLICY = {"allow-only": {"repos": ["acme/web"], "min-integrity": "approved"}}


def project(language: str, folder: Path) -> Path:
    """A new project, built."""
    write_project(language, folder / "project")
    if language in COMPILERS:
        try:
            build(language, folder / "project", folder / "scratch")
        except Missing as why:
            if os.environ.get("WASMPY_COMPILERS") == "all":
                pytest.fail(f"{language}: {why}")
            pytest.skip(str(why))
    return folder / "project"


def test_every_language_that_is_built_has_a_compiler_in_the_tests() -> None:
    assert set(COMPILERS) == {name for name, language in LANGUAGES.items() if language.builds}
    assert {path.name for path in TEMPLATES.iterdir() if path.is_dir()} == set(LANGUAGES)


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_project_has_what_it_needs(language: str, tmp_path: Path) -> None:
    names = write_project(language, tmp_path / "a" / "b")
    folder = tmp_path / "a" / "b"
    assert {"README.md", "cases.json", LANGUAGES[language].source} <= set(names)
    assert sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file()) == sorted(names)
    assert ("build.sh" in names) == LANGUAGES[language].builds
    text = (folder / "README.md").read_text("utf-8")
    assert f"wasmpy guard test {LANGUAGES[language].guard} cases.json" in text
    assert len(read_file(folder / "cases.json").cases) > 5


@pytest.mark.parametrize("language", [*LANGUAGES, "cobol"])
def test_nothing_is_written_over(language: str, tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("precious", encoding="utf-8")
    with pytest.raises((NotEmptyError, KeyError)):
        write_project(language, tmp_path)
    with pytest.raises((NotEmptyError, KeyError)):
        write_project(language, tmp_path / "mine")
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]
    assert (tmp_path / "mine").read_text("utf-8") == "precious"


LANGUAGE_MARKS = [
    pytest.param(name, marks=[pytest.mark.slow] if language.builds else [])
    for name, language in LANGUAGES.items()
]


@pytest.mark.parametrize("language", LANGUAGE_MARKS)
def test_each_guard_decides_as_the_others(
    language: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = project(language, tmp_path)
    module = module_of(folder / LANGUAGES[language].guard)
    results = run_files(module, [read_file(folder / "cases.json")])
    assert [result.text for result in results if not result.passed] == []
    assert len(results) > 5
    with Guard(module, timeout=60) as guard, Guard(TEMPLATES / "wat" / "guard.wat") as reference:
        for policy in POLICIES:
            assert answers(guard, policy) == answers(reference, policy)
        assert not guard.warned
        for size, attempts in ((64, 2), (2, 3)):
            monkeypatch.setattr(abi, "FIRST_OUTPUT", size)
            found = guard.label_response("list_issues", [{"author_association": "OWNER"}] * 3, HERE)
            assert found is not None
            assert [item.source.value for item in found.items] == ["own"] * 3
            # An answer that does not fit says how large it is, and comes once there is room.
            *refused, last = guard.last_report.attempts
            assert len(refused) == attempts - 1
            assert {attempt.returned for attempt in refused} == {abi.TOO_SMALL}
            assert last.out_size == last.returned == len(found.raw)


def answers(guard: Guard, policy: Any) -> List[Any]:
    """What a guard says of a policy, and of some calls."""
    found: List[Any] = []
    try:
        found.append(guard.label_agent(policy).to_json())
    except GuardError as error:
        found.append((type(error).__name__, getattr(error, "detail", None)))
    found.append([line.to_json() for line in guard.last_report.log])
    if policy is not POLICY:
        return found
    for tool, args, result in CALLS:
        found.append(guard.label_resource(tool, args).to_json())
        response = guard.label_response(tool, result, args)
        assert response is not None
        found.append(response.to_json())
    return found


POLICIES: List[Any] = [
    POLICY,
    {},
    {"a": 1},
    {"allow-only": []},
    {"allow-only": {}},
    {"allow-only": {"repos": ["acme/web"], "min-integrity": "merged"}},
    {"allow-only": {"repos": "all", "min-integrity": "none"}},
    {"allow-only": {"repos": ["acme/web*"], "min-integrity": "none"}},
    {**POLICY, "trusted-bots": ["ci"]},
]


def _text(value: Any) -> Dict[str, Any]:
    return {"content": [{"type": "text", "text": value if isinstance(value, str) else json.dumps(value)}]}


HERE = {"owner": "acme", "repo": "web"}
CALLS: List[Any] = [
    ("get_file_contents", HERE, _text("plain \\ text with \"quotes\"")),
    ("get_file_contents", {**HERE, "ref": ""}, [{}, {"author_association": "OWNER"}]),
    ("get_", {"owner": "", "repo": "x"}, None),
    ("s\"earch_\u00e9\\", {"owner": "a\"\\b", "repo": "<\u2028>"}, {"author_association": "MEMBER"}),
    ("search_issues", {"q": "owner", "repo": {"owner": 1}}, [[["]"]], {"x": "}"}, "{", -1.5e-7, True]),
    ("list_issues", [], _text([{"author_association": "NONE"}, {"author_association": "MEMBER"}])),
    ("list_issues", None, {"content": []}),
    ("list_issues", HERE, {"content": [{"type": "image", "text": '[{"author_association":"OWNER"}]'}]}),
    ("list_issues", HERE, {"content": [{"text": "[]"}]}),
    ("list_issues", HERE, _text("")),
    ("list_issues", HERE, _text(" \n[ {\"author_association\" : \"NONE\", \"author_association\": \"OWNER\" } ]")),
    ("list_issues", HERE, _text([{"author_association": "COLLABORATOR", "t": "\u0001\u2028<&>\b\f"}] * 25)),
]


def _random_value(rng: random.Random, depth: int) -> Any:
    kind = rng.randrange(8 if depth else 5)
    if kind < 3:
        return rng.choice([None, True, 17, -0.5, 1e300, "", "\\", "\"", "a/b", "\u263a", "]}"])
    if kind < 5:
        return {"author_association": rng.choice(["OWNER", "MEMBER", "CONTRIBUTOR", "NONE", "", 1])}
    if kind < 7:
        return [_random_value(rng, depth - 1) for _ in range(rng.randrange(4))]
    keys = ["owner", "repo", "tool_name", "content", "text", "author_association", "\"", "\\"]
    return {rng.choice(keys): _random_value(rng, depth - 1) for _ in range(rng.randrange(4))}


_RNG = random.Random(5)
for _ in range(8):
    _value = _random_value(_RNG, 3)
    CALLS.append((_RNG.choice(["list_x", "get_x", "x"]), HERE, _RNG.choice([_text, lambda value: value])(_value)))
