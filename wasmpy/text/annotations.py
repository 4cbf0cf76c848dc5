"""Annotations that mean something: names, custom sections, producers, branch hints.

What belongs here: their grammar, where each may stand, and what becomes of
them in the module.  Others are skipped by the lexer.  What does not: anything
that they stand beside.

``@producers`` is no annotation of the specification but of the tools that
print and parse it.

Spec: ``appendix/custom.html``, the annotations appendix.
"""

from __future__ import annotations

import bisect
from typing import Dict, List, Optional, Tuple

from wasmpy.errors import MalformedError
from wasmpy.isa.derived import BY_OP
from wasmpy.syntax.module import Custom, Expr, Module
from wasmpy.text.context import ModuleContext
from wasmpy.text.cursor import Cursor
from wasmpy.text.lexer import Annotation, Tokens, annotation_tokens
from wasmpy.text.producers import FIELDS, SECTION, Producer, producers_data
from wasmpy.text.segments import SegmentParser

_NAME, _CUSTOM, _HINT = "name", "custom", "metadata.code.branch_hint"
_PRODUCERS = SECTION

SECTIONS: Tuple[Tuple[str, int, str], ...] = (
    ("type", 1, "types"), ("import", 2, "imports"), ("func", 3, "funcs"), ("table", 4, "tables"),
    ("memory", 5, "mems"), ("tag", 13, "tags"), ("global", 6, "globals"), ("export", 7, "exports"),
    ("start", 8, "start"), ("elem", 9, "elems"), ("datacount", 12, "datacount"),
    ("code", 10, "funcs"), ("data", 11, "datas"),
)  # fmt: skip
"""The sections in their order: the word in an annotation, the id, the field of the module."""

_PLACE: Dict[str, int] = {word: 3 * i + 3 for i, (word, _, _) in enumerate(SECTIONS)}
_FIRST, _LAST = 0, 3 * len(SECTIONS) + 3


class AnnotationParser(SegmentParser):
    """Reads annotations in their places.

    ``annotations`` are those of the module that are not taken yet, by the
    token each stands before.
    """

    def __init__(self, tokens: Tokens, context: ModuleContext, pos: int = 0) -> None:
        super().__init__(tokens, context, pos)
        self.annotations: Dict[int, List[Annotation]] = {}
        self.given_names: Dict[str, Dict[int, str]] = {}
        self._befores: List[int] = []
        self._customs: List[Tuple[int, Custom]] = []

    def begin_annotations(self, start: int, end: int) -> None:
        """The module's tokens are those from ``start`` to ``end``."""
        found = self.tokens.annotations
        if found:
            places = [a.before for a in found]
            for a in found[bisect.bisect_left(places, start) : bisect.bisect_right(places, end)]:
                self.annotations.setdefault(a.before, []).append(a)
            self._befores = list(self.annotations)

    def _wrong(self, annotation: Annotation, what: str) -> MalformedError:
        return self.tokens.error_at(annotation.start, f"@{annotation.name} annotation: {what}")

    def _take(self, at: int, *names: str) -> List[Annotation]:
        """Take the annotations called one of ``names`` before token ``at``, in their order."""
        there = self.annotations.get(at)
        if there is None:
            return []
        taken = [a for a in there if a.name in names]
        left = [a for a in there if a.name not in names]
        if left:
            self.annotations[at] = left
        else:
            del self.annotations[at]
        return taken

    def _cursor(self, annotation: Annotation) -> Cursor:
        return Cursor(annotation_tokens(self.tokens, annotation))

    def take_name_annotation(self, what: str) -> Optional[str]:
        """Take ``(@name "...")`` if it comes next; ``what`` it names is for the error."""
        if not self.annotations:
            return None
        taken = self._take(self.pos, _NAME)
        if len(taken) > 1:
            raise self._wrong(taken[1], f"multiple {what}")
        return self._name_in(taken[0]) if taken else None

    def _name_in(self, annotation: Annotation) -> str:
        cursor = self._cursor(annotation)
        if not cursor.at_string():
            raise self._wrong(annotation, "missing name")
        name = cursor.take_name()
        if not cursor.at_end():
            raise self._wrong(annotation, "unexpected token")
        return name

    def take_customs(self, at: int) -> None:
        """Take the custom sections written before the field at token ``at``."""
        if self.annotations:
            for annotation in self._take(at, _CUSTOM, _PRODUCERS):
                read = self._custom_in if annotation.name == _CUSTOM else self._producers_in
                self._customs.append(read(annotation))

    def _custom_in(self, annotation: Annotation) -> Tuple[int, Custom]:
        """A custom section and its place in the order of sections."""
        cursor = self._cursor(annotation)
        if not cursor.at_string():
            raise self._wrong(annotation, "missing section name")
        name = cursor.take_name()
        place = self._placement(annotation, cursor) if cursor.texts[cursor.pos] == "(" else _LAST
        data = cursor.take_strings()
        if not cursor.at_end():
            raise self._wrong(annotation, "unexpected token")
        return place, Custom(name, data, 0)

    def _producers_in(self, annotation: Annotation) -> Tuple[int, Custom]:
        """A producers section, which is always the last: ``(field "name" "version")...``."""
        cursor = self._cursor(annotation)
        found: List[Producer] = []
        while not cursor.at_end():
            field = cursor.texts[cursor.pos + 1]
            if cursor.texts[cursor.pos] != "(" or field not in FIELDS:
                raise self._wrong(annotation, "malformed field")
            cursor.pos += 2
            if not cursor.at_string():
                raise self._wrong(annotation, "missing name")
            name = cursor.take_name()
            if not cursor.at_string():
                raise self._wrong(annotation, "missing version")
            found.append(Producer(field, name, cursor.take_name()))
            cursor.expect(")")
        return _LAST, Custom(SECTION, producers_data(found), 0)

    def _placement(self, annotation: Annotation, cursor: Cursor) -> int:
        """Take ``(before section)`` or ``(after section)``."""
        side = cursor.texts[cursor.pos + 1]
        if side not in ("before", "after"):
            raise self._wrong(annotation, "malformed placement")
        cursor.pos += 2
        word = cursor.texts[cursor.pos]
        cursor.pos += 1
        if (side, word) == ("before", "first"):
            place = _FIRST
        elif (side, word) == ("after", "last"):
            place = _LAST
        elif word in _PLACE:
            place = _PLACE[word] + (1 if side == "after" else -1)
        else:
            raise self._wrong(annotation, "malformed section kind")
        if cursor.texts[cursor.pos] != ")":
            raise self._wrong(annotation, "unexpected token")
        cursor.pos += 1
        return place

    def take_body_annotations(self, funcidx: int, expr: Expr, at: List[int], start: int) -> None:
        """Take branch hints and the names of blocks within a body that began at token ``start``.

        ``at`` has the token of each instruction.
        """
        befores = self._befores
        low, high = bisect.bisect_left(befores, start), bisect.bisect_right(befores, self.pos)
        there = befores[low:high]
        if not there:
            return
        pcs = {token: pc for pc, token in enumerate(at[:-1])}
        blocks = [pc for pc, op in enumerate(expr.ops) if _is_block(op)]
        for before in there:
            folded = self.texts[before] == "("
            pc = pcs.get(before + folded)
            if pc is not None:
                self._take_hint(funcidx, pc, before)
            identified = self.texts[before - 1][:1] == "$"
            pc = pcs.get(before - 1 - identified)
            if pc is not None and _is_block(expr.ops[pc]):
                label = bisect.bisect_left(blocks, pc)
                for annotation in self._take(before, _NAME):
                    names = self.context.module.names.labels.setdefault(funcidx, {})
                    names[label] = self._name_in(annotation)

    def _take_hint(self, funcidx: int, pc: int, before: int) -> None:
        taken = self._take(before, _HINT)
        if len(taken) > 1:
            raise self._wrong(taken[1], "duplicate annotation")
        for annotation in taken:
            cursor = self._cursor(annotation)
            data = cursor.take_strings()
            if not cursor.at_end():
                raise self._wrong(annotation, "unexpected token")
            if data not in (b"\0", b"\1"):
                raise self._wrong(annotation, "malformed branch hint")
            hints = self.context.module.branch_hints.setdefault(funcidx, {})
            hints[pc] = data[0]

    def end_annotations(self) -> None:
        """Every annotation must have been taken; custom sections go where they belong."""
        for left in self.annotations.values():
            annotation = left[0]
            if annotation.name == _HINT:
                raise self._wrong(annotation, "not in a function, or before no instruction")
            message = f"misplaced @{annotation.name} annotation"
            raise self.tokens.error_at(annotation.start, message)
        module = self.context.module
        ids = present(module) if self._customs else []
        for place, custom in sorted(self._customs, key=lambda item: item[0]):
            after = max((p for p, _ in ids if p < place), default=0)
            module.customs.append(custom._replace(after=dict(ids).get(after, 0)))


def _is_block(op: int) -> bool:
    row = BY_OP[op]
    return row is not None and "blocktype" in row.immediates


def present(module: Module) -> List[Tuple[int, int]]:
    """Place and id, in their order, of the sections that the module will have."""
    found = []
    for word, sid, field in SECTIONS:
        content = getattr(module, field, None)
        if content if isinstance(content, list) else content is not None:
            found.append((_PLACE[word], sid))
    return found


