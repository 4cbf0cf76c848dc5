"""The pytest plugin: a ``guard`` fixture, and case files as tests.

What belongs here: what pytest calls.  What does not: anything that is not
needed before a test wants a guard; pytest imports this wherever wasmpy is
installed, so wasmpy's parts are imported inside the functions, and without an
option nothing is done.

- ``--guard FILE``, or ``wasmpy_guard = FILE`` in the configuration, names the
  guard; a path in the configuration is relative to its file.
- The fixture ``guard`` is a fresh ``hostabi.Guard`` for each test.  The marker
  ``guard(source, policy=..., backend=..., **options)`` says more for a test:
  options are those of ``hostabi.Guard``, ``policy`` is given to it first.
- Where a guard is named, files called ``*.guard.json``, ``*.guard.yaml`` and
  ``*.guard.yml`` are case files, and each case is a test.
"""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING, Any, Dict, Iterator, Optional

import pytest

if TYPE_CHECKING:
    from hostabi.guard import Guard

NAMED = "wasmpy_guard"
HELP = "the guard (.wasm or .wat) of the guard fixture and of *.guard.json files"
SUFFIXES = (".guard.json", ".guard.yaml", ".guard.yml")
"""How the names of case files end that pytest collects."""
MARKER = "guard(source=None, *, policy=None, backend=None, **options): the guard of this test"
TIMEOUT = 60.0
"""Seconds that a call of the fixture's guard may take unless the marker says otherwise."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declare the option and its name in the configuration."""
    group = parser.getgroup("wasmpy", "guards")
    # Another plugin may have the option: then the configuration names the guard.
    with contextlib.suppress(ValueError):
        group.addoption("--guard", metavar="FILE", dest=NAMED, help=HELP)
    parser.addini(NAMED, HELP, default="")


def pytest_configure(config: pytest.Config) -> None:
    """Declare the marker."""
    config.addinivalue_line("markers", MARKER)


def guard_path(config: pytest.Config) -> Optional[Path]:
    """The guard that the command line or the configuration names; None if neither does."""
    named = config.getoption(NAMED, None)
    if named:
        return Path(config.invocation_params.dir) / str(named)
    told = str(config.getini(NAMED) or "")
    if not told:
        return None
    home = config.rootpath if config.inipath is None else config.inipath.parent
    return home / told


@pytest.fixture
def guard(request: pytest.FixtureRequest) -> Iterator[Guard]:
    """The guard, fresh for this test, closed after it."""
    from hostabi.guard import Guard
    from hostabi.rules import RulesBackend

    marker = request.node.get_closest_marker("guard")
    options: Dict[str, Any] = {"timeout": TIMEOUT}
    source: Any = None
    if marker is not None:
        if len(marker.args) > 1:
            pytest.fail("the marker guard takes one guard", pytrace=False)
        source = marker.args[0] if marker.args else None
        options.update(marker.kwargs)
        source = options.pop("source", source)
    policy = options.pop("policy", None)
    if isinstance(options.get("backend"), list):
        options["backend"] = RulesBackend(options["backend"])
    if source is None:
        source = guard_path(request.config)
    elif isinstance(source, str):
        source = request.path.parent / source
    if source is None:
        why = f"no guard is named: --guard FILE, {NAMED} = FILE, or the marker"
        pytest.fail(why, pytrace=False)
    with Guard(_module(request.config, source, options), **options) as made:
        if policy is not None:
            made.label_agent(policy)
        yield made


def _module(config: pytest.Config, source: Any, options: Dict[str, Any]) -> Any:
    """The guard's module: a file is decoded once for all tests."""
    if not isinstance(source, Path) or "features" in options or "limits" in options:
        return source
    from wasmpy.testing.engine import module_of

    known: Dict[Path, Any] = config.stash.setdefault(_MODULES, {})
    if source not in known:
        known[source] = module_of(source)
    return known[source]


_MODULES: pytest.StashKey[Dict[Path, Any]] = pytest.StashKey()


# -- case files ----------------------------------------------------------------------------


def pytest_collect_file(
    file_path: Path, parent: pytest.Collector
) -> Optional[pytest.Collector]:
    """A case file, where a guard is named."""
    if not file_path.name.endswith(SUFFIXES) or guard_path(parent.config) is None:
        return None
    collector: pytest.Collector = CaseFileCollector.from_parent(parent, path=file_path)
    return collector


class CaseFileCollector(pytest.File):
    """A case file; its cases are tests."""

    def collect(self) -> Iterator[pytest.Item]:
        """The cases."""
        from wasmpy.testing.casefile import read_file
        from wasmpy.testing.errors import CaseError

        try:
            cases = read_file(self.path).cases
        except CaseError as error:
            raise self.CollectError(str(error)) from error
        for case in cases:
            yield CaseItem.from_parent(self, name=case.name, case=case)


class CaseItem(pytest.Item):
    """A case."""

    def __init__(self, *, case: Any, **more: Any) -> None:
        super().__init__(**more)
        self.case = case

    def runtest(self) -> None:
        """Run it with the guard that is named.  Raises: CaseFailed."""
        from wasmpy.testing.engine import run_case

        path = guard_path(self.config)
        result = run_case(_module(self.config, path, {}), self.case)
        if not result.passed:
            raise CaseFailed(result.text)

    def repr_failure(self, excinfo: Any, style: Any = None) -> Any:
        """What differs, without a traceback."""
        if isinstance(excinfo.value, CaseFailed):
            return str(excinfo.value)
        from hostabi.errors import GuardLoadError

        if isinstance(excinfo.value, GuardLoadError):
            return f"the guard does not load: {excinfo.value}"
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> Any:
        """The file and the case's name."""
        return self.path, None, self.case.name


class CaseFailed(Exception):  # noqa: N818 - a result
    """A case is not as expected."""
