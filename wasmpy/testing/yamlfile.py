"""Case files in YAML: plain data, without aliases, each key once.

What belongs here: reading YAML, and what is refused of it.  What does not:
what the data mean (``cases``).

PyYAML is an extra: it is imported when a file in YAML is read.
"""

from __future__ import annotations

import importlib
from typing import Any

from hostabi.errors import PayloadError
from hostabi.payload import encode
from wasmpy.testing.errors import CaseError

MAX_BYTES = 2 * 1024 * 1024
"""Bytes of a file in YAML, which takes a hundred times as long to read as JSON."""
MAX_DEPTH = 100
"""Collections within each other; the loader's own recursion would take more of the stack."""
SUFFIXES = (".yaml", ".yml")
INSTALL = "pip install 'wasmpy-runtime[yaml]'"


def read_yaml(name: str, text: str) -> Any:
    """The one document in ``text``, which says nothing but what JSON could.

    Aliases are refused, since a few of them make a value that takes for ever to
    walk; so are ``<<`` and a key that stands twice.

    Raises: CaseError, also where PyYAML is not installed.
    """
    try:
        yaml: Any = importlib.import_module("yaml")
    except ImportError:
        raise CaseError(f"YAML needs PyYAML: {INSTALL}", name) from None
    try:
        loader = _loader_class(yaml)(text)
        try:
            value = loader.get_single_data()
        finally:
            loader.dispose()
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        problem = getattr(error, "problem", None) or str(error).split("\n")[0]
        line = "" if mark is None else f" (line {mark.line + 1})"
        raise CaseError(f"not YAML: {problem}{line}", name) from None
    except RecursionError:
        raise CaseError("nested too deep", name) from None
    except (ValueError, OverflowError, LookupError, AttributeError, TypeError) as error:
        # A number or a date that Python cannot have; the loader lets through what it raises.
        raise CaseError(f"not YAML: {error}", name) from None
    try:
        encode(value)
    except PayloadError as error:
        raise CaseError(f"it says what JSON cannot: {error.message}", name) from error
    return value


def _loader_class(yaml: Any) -> Any:
    """The safe loader, stricter."""

    class Loader(yaml.SafeLoader):  # type: ignore[misc]
        """Reads one document."""

        depth = 0

        def compose_node(self, parent: Any, index: Any) -> Any:
            """One node."""
            if self.check_event(yaml.events.AliasEvent):
                self.refuse("aliases are not read here", self.peek_event())
            self.depth += 1
            if self.depth > MAX_DEPTH:
                self.refuse("nested too deep", self.peek_event())
            node = super().compose_node(parent, index)
            self.depth -= 1
            return node

        def construct_mapping(self, node: Any, deep: bool = False) -> Any:  # noqa: FBT001, FBT002
            """An object."""
            seen = set()
            for key, _ in node.value:
                if key.tag != "tag:yaml.org,2002:str":
                    self.refuse("a key is no string: put it in quotes", key)
                if key.value in seen:
                    self.refuse(f"the key {key.value[:60]!r} stands twice", key)
                seen.add(key.value)
            return super().construct_mapping(node, deep)

        def refuse(self, why: str, at: Any) -> None:
            """Stop here.  Raises: yaml.MarkedYAMLError."""
            raise yaml.MarkedYAMLError(None, None, why, at.start_mark)

    return Loader
