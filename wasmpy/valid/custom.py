"""Validity of custom sections, where they have a notion of it.

What belongs here: what a branch hint may be attached to.  What does not: any
rule of the core language.  A custom section never makes a module invalid;
whoever asks for it (``validate --customs``, test scripts) is told.

Spec: ``metadata/code/binary.html#branch-hints`` of the branch hinting proposal.
"""

from __future__ import annotations

from wasmpy.errors import InvalidError
from wasmpy.isa.derived import BY_OP, op_of
from wasmpy.syntax.module import Module, TypeUse

_TARGETS = frozenset((op_of("if"), op_of("br_if")))


def validate_customs(module: Module) -> None:
    """Every branch hint is attached to an ``if`` or a ``br_if``.  Raises: InvalidError."""
    imported = len(module.imported(TypeUse))
    for func, hints in module.branch_hints.items():
        ops = module.funcs[func - imported].body.ops
        for pc in sorted(hints):
            if ops[pc] not in _TARGETS:
                row = BY_OP[ops[pc]]
                instr = None if row is None else row.mnemonic
                raise InvalidError(
                    "branch hint: invalid target", "branch_hint", func=func, pc=pc, instr=instr,
                    expected="if or br_if", actual=instr, section="custom",
                )  # fmt: skip
