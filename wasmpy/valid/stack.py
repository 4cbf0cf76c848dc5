"""The state of the validation of one body: operand types and control frames.

What belongs here: the abstract stack machine of the spec's validation
algorithm, and the registry of rules that work on it.  What does not: a rule
for any instruction (``control``, ``instr``), the loop over them (``body``).

The operand types are bytes in one bytearray.  Under the operands of every
control frame lies the sentinel 0, which equals no type: taking an operand
where there is none shows as a mismatch, so that the frequent path tests
neither the height nor whether the code can be reached.

Spec: ``appendix/algorithm.html``.
"""

from __future__ import annotations

from typing import Any, Callable, Dict, List, NoReturn, Optional, Sequence, Tuple

from wasmpy.errors import InvalidError
from wasmpy.isa.derived import BY_MNEMONIC, BY_OP
from wasmpy.syntax.types import ValType
from wasmpy.valid.codes import BOTTOM, REF_BOTTOM, SENTINEL
from wasmpy.valid.context import Context, Signature

# A control frame is a list, which is made and read faster than an object, and
# blocks are frequent.  Its fields:
CTRL_OP = 0
"""The opcode: block, loop, if or else; :data:`FUNCTION` for the body itself."""
CTRL_START, CTRL_END = 1, 2
"""The types at its start and at its end."""
CTRL_BASE = 3
"""Where its sentinel lies in the type stack."""
CTRL_UNREACHABLE = 4
"""Whether the rest of it cannot be reached."""
CTRL_FIXUPS = 5
"""The places in the side table that wait for the pc of its end."""
CTRL_PLACE = 6
"""For a loop, the pc that a branch to it goes to; for an if, the place of its own entry."""

FUNCTION = -1

Ctrl = List[Any]


class Body:
    """A body being validated.

    ``func`` is the function's index, None for a constant expression;
    ``where`` names such an expression.  ``pc`` is the instruction at hand,
    set before a rule is called.  ``branches`` and ``heights`` grow into the side table.
    ``inits`` says of locals without a default value in which frame they were
    set: that frame, how many are below it, and its opcode then.
    """

    __slots__ = (
        "C", "branches", "ctrls", "func", "heights", "imms", "inits", "locals", "ops", "params",
        "pc", "results", "vals", "where",
    )  # fmt: skip

    def __init__(
        self,
        C: Context,
        ops: Sequence[int],
        imms: Sequence[Any],
        locals_: bytes,
        results: bytes,
        func: Optional[int] = None,
        where: str = "",
    ) -> None:
        self.C = C
        self.ops = ops
        self.imms = imms
        self.locals = locals_
        self.params = 0 if func is None else len(C.funcs[func].params)
        self.results = results
        self.func = func
        self.where = where
        self.pc = 0
        self.vals = C.codes.stack()
        self.inits: Dict[int, Tuple[Ctrl, int, int]] = {}
        self.branches: List[int] = []
        self.heights: List[int] = []
        self.ctrls: List[Ctrl] = [[FUNCTION, b"", results, 0, False, [], 0]]

    def invalid(
        self,
        message: str,
        expected: Optional[str] = None,
        actual: Optional[str] = None,
        feature: Optional[str] = None,
    ) -> InvalidError:
        """The error at the instruction at hand."""
        pc: Optional[int] = self.pc
        instr = None
        if self.pc < len(self.ops):
            op = self.ops[self.pc]
            row = BY_OP[op] if 0 <= op < len(BY_OP) else None
            instr = row.mnemonic if row is not None else None
        if self.where:
            message = f"{message} in {self.where}"
        return InvalidError(
            message, instr or "", func=self.func, pc=pc, instr=instr, expected=expected,
            actual=actual, feature=feature,
        )  # fmt: skip

    def mismatch(self, expected: bytes) -> InvalidError:
        """The error where ``expected`` is not on top of the stack; shows what is."""
        base = self.ctrls[-1][CTRL_BASE]
        found = self.vals[max(base + 1, len(self.vals) - max(len(expected), 1)) :]
        return self.invalid("type mismatch", self.C.codes.text(expected), self.C.codes.text(found))

    def mismatched(self, expected: bytes, actual: bytes) -> InvalidError:
        """The error where the result type ``actual`` is not ``expected``."""
        return self.invalid("type mismatch", self.C.codes.text(expected), self.C.codes.text(actual))

    def pop(self, expected: int) -> int:
        """Take an operand of type ``expected``.  Raises: InvalidError."""
        found = self.vals.pop()
        if found in (expected, BOTTOM):
            return found
        if found == SENTINEL and self.ctrls[-1][CTRL_UNREACHABLE]:
            self.vals.append(SENTINEL)
            return expected
        if self.C.codes.match(found, expected):
            return found
        self.vals.append(found)
        raise self.mismatch(self.C.codes.frozen([expected]))

    def pop_any(self) -> int:
        """Take an operand of any type; the bottom type if there is none.  Raises: InvalidError."""
        found = self.vals.pop()
        if found != SENTINEL:
            return found
        self.vals.append(SENTINEL)
        if not self.ctrls[-1][CTRL_UNREACHABLE]:
            raise self.invalid("type mismatch", "[_]", "[]")
        return BOTTOM

    def pop_ref(self) -> int:
        """Take an operand of any reference type; their bottom if there is none.

        Raises: InvalidError.
        """
        found = self.pop_any()
        if found == BOTTOM:
            return REF_BOTTOM
        if found not in self.C.codes.refs:
            raise self.invalid("type mismatch", "[(ref null _)]", self.C.codes.text([found]))
        return found

    def pop_types(self, expected: bytes) -> None:
        """Take operands of the types ``expected``, the last on top.  Raises: InvalidError.

        In unreachable code operands may be missing from below, and those
        that are there may be of the bottom type.  The loop over them is not
        ours, whatever the length: a hostile body repeats long signatures.
        """
        vals = self.vals
        if not expected:
            return
        if vals.endswith(expected):
            del vals[-len(expected) :]
            return
        top = self.ctrls[-1]
        there = len(vals) - top[CTRL_BASE] - 1
        count = min(there, len(expected))
        if count < len(expected) and not top[CTRL_UNREACHABLE]:
            raise self.mismatch(expected)
        if count:
            if not self.C.codes.all_match(vals[-count:], expected[-count:]):
                raise self.mismatch(expected)
            del vals[-count:]

    def set_unreachable(self) -> None:
        """Nothing after this in the frame is reached: its operands are forgotten."""
        top = self.ctrls[-1]
        top[CTRL_UNREACHABLE] = True
        height = top[CTRL_BASE] + 1
        if len(self.vals) > height:
            del self.vals[height:]

    def signature(self, typeidx: int) -> Signature:
        """The function type at an index.  Raises: InvalidError."""
        types = self.C.types
        if typeidx >= len(types):
            self.unknown("type", typeidx)
        found = types[typeidx]
        if found is None:
            raise self.invalid("type mismatch", "a function type", str(self.C.comp(typeidx)))
        return found

    def code(self, valtype: ValType) -> int:
        """The code of a type written in the body.  Raises: InvalidError."""
        try:
            return self.C.codes.of(valtype)
        except InvalidError as error:
            raise self.invalid(error.message) from None

    def unknown(self, what: str, index: Any, feature: Optional[str] = None) -> NoReturn:
        """Raise for an index that names nothing.  Raises: InvalidError."""
        raise self.invalid(f"unknown {what} {index}", feature=feature)


Rule = Callable[[Body, Any], None]

RULES: Dict[int, Rule] = {}
"""The rule of each instruction whose type the table alone does not tell, by opcode number."""


def rule(mnemonic: str, *immediates: str) -> Callable[[Rule], Rule]:
    """Register the rule of ``mnemonic``, of its row with ``immediates`` where it has several."""

    def register(function: Rule) -> Rule:
        rows = [
            row for row in BY_MNEMONIC[mnemonic] if not immediates or row.immediates == immediates
        ]
        RULES[rows[0].op] = function
        return function

    return register
