"""The WASI programs under wasmtime and Node: what fails there is listed, with the reason.

What belongs here: that the programs ask for nothing that only this runtime does.
What does not: the list (``tests/wasi/differences.py``), the programs
(``tests/wasi/programs``).
"""

from __future__ import annotations

import importlib.metadata
import subprocess
from pathlib import Path
from typing import Optional, Set

import pytest

from tests.wasi import differences, running
from tests.wasi.differences import CRASHES, ESCAPES, EVERYTHING, NEVER_ENDS, OUTPUT, TRAPS
from tests.wasi.running import Outcome, World

pytestmark = pytest.mark.diff

ALL = {running.name_of(p): p for p in running.programs()}
QUIET = [name for name, p in ALL.items() if not running.settings(p).listen]
RUN = {"wasmtime": running.under_wasmtime, "node": running.under_node}
WHOLE = {TRAPS, CRASHES, NEVER_ENDS}


def version(engine: str) -> Optional[str]:
    """The version that is here, if any."""
    if engine == "wasmtime":
        try:
            return importlib.metadata.version("wasmtime")
        except importlib.metadata.PackageNotFoundError:
            return None
    node = running.node()
    if node is None:
        return None
    return subprocess.run([node, "--version"], capture_output=True, text=True, check=True).stdout[1:]


@pytest.fixture(scope="module", params=sorted(RUN))
def engine(request: pytest.FixtureRequest) -> str:
    """An engine that is here, of the version that the table is of."""
    name: str = request.param
    found, wanted = version(name), differences.VERSIONS[name]
    if found is None:
        pytest.skip(f"no {name} here")
    if found.split(".")[0] != wanted:
        pytest.skip(f"the table is of {name} {wanted}, and here is {found.strip()}")
    return name


def observed(name: str, outcome: Outcome, world: World) -> Set[str]:
    """What was otherwise than it should be: labels, and what the program did as a whole."""
    own = running.settings(ALL[name])
    found = {label for label, _ in outcome.failures}
    if outcome.note == "never ends":
        found.add(NEVER_ENDS)
    elif outcome.code is None:
        found |= {TRAPS} if own.exit is not None else set()
    elif outcome.code < 0:
        found.add(CRASHES)
    elif outcome.code != own.exit:
        assert found and outcome.code == 1, outcome
    if outcome.code is not None and outcome.code >= 0 and own.stdout not in (None, outcome.stdout):
        found.add(OUTPUT)
    if not world.is_untouched():
        found.add(ESCAPES)
    return found


@pytest.mark.parametrize("name", QUIET)
def test_program(name: str, engine: str, tmp_path: Path) -> None:
    rows = [r for r in differences.DIFFERENCES if (r.engine, r.program) == (engine, name)]
    wanted = {check for row in rows for check in row.checks}
    allowed = wanted | {check for row in rows for check in row.sometimes}
    if NEVER_ENDS in wanted:
        pytest.skip(f"{engine}: {rows[0].reason}")
    world = World(tmp_path / "world")
    found = observed(name, RUN[engine](ALL[name], world), world)
    if wanted & {TRAPS, CRASHES}:
        assert found & WHOLE == wanted
    elif EVERYTHING in wanted:
        assert len(found) > 5
    else:
        assert found <= allowed, f"not listed: {sorted(found - allowed)}"
        assert found >= wanted, f"listed, and yet not so: {sorted(wanted - found)}"


def test_the_table_names_programs_that_there_are() -> None:
    for row in differences.DIFFERENCES:
        assert row.program in ALL
        assert row.reason
        assert row.checks or row.sometimes
