"""Links lead somewhere, generated pages are fresh, the README's first command works."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from tests.arch.tree import ROOT, relative
from tests.docs.markdown import anchors, blocks, commands, links, pages


def _generator() -> ModuleType:
    spec = importlib.util.spec_from_file_location("docs_generate", str(ROOT / "docs/generate.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


GENERATOR = _generator()


@pytest.mark.parametrize("page", pages(), ids=relative)
def test_relative_links_lead_somewhere(page: Path) -> None:
    broken = []
    text = page.read_text("utf-8")
    for link in links(text):
        if re.match(r"^[a-z]+:", link):
            continue
        target, _, anchor = link.partition("#")
        path = (page.parent / target).resolve() if target else page
        if not path.exists() or (anchor and anchor not in anchors(path.read_text("utf-8"))):
            broken.append(link)
    assert broken == []


def test_every_page_can_be_reached_from_the_index() -> None:
    index = ROOT / "docs/index.md"
    seen, queue = set(), [index]
    while queue:
        page = queue.pop()
        if page in seen or page.suffix != ".md" or not page.exists():
            continue
        seen.add(page)
        for link in links(page.read_text("utf-8")):
            if not re.match(r"^[a-z]+:", link):
                queue.append((page.parent / link.partition("#")[0]).resolve())
    lost = [relative(p) for p in pages() if p.is_relative_to(ROOT / "docs") and p not in seen]
    assert lost == []


@pytest.mark.parametrize("name", sorted(GENERATOR.PAGES))
def test_generated_pages_are_fresh(name: str) -> None:
    committed = (ROOT / "docs" / name).read_text("utf-8")
    assert committed == GENERATOR.PAGES[name](), f"stale: run python3 docs/generate.py {name}"


def test_the_readme_begins_with_two_commands_and_the_first_works() -> None:
    consoles = [b for b in blocks((ROOT / "README.md").read_text("utf-8")) if b.kind in ("sh", "console")]
    first, second = [c for b in consoles for c, _ in commands(b.text)][:2]
    assert first == "python3 -m wasmpy demo"
    assert "tests/run.py" in second
    done = subprocess.run(
        [sys.executable, *first.split()[1:]], cwd=str(ROOT), capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "secrecy" in done.stdout
    assert "integrity" in done.stdout
