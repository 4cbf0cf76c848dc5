"""Fused runs: straight-line instructions of a hot function as one handler each.

What belongs here: how a run of slots becomes one handler, as text that is
compiled.  The overlay has the index space of the plain slots: the fused
handler stands where the run begins, and behind it stand the plain slots, so
that execution can go on anywhere.  In the text there is nothing from the
module but numbers.

Why traps stay exact: a fused handler writes nothing before its last
instruction that may trap, and pops its operands after it.  When it raises,
the state is that of the run's begin, and the plain slots run again, one by
one, until the trap recurs at its instruction.  So a run ends before an
instruction that may trap once something was written to memory; writes to
locals, globals and the stack are held back to its end.

What decides that a function is hot: it was running when a slice of fuel
ended, which is the same in every run of the same program.
"""

from __future__ import annotations

import re
from typing import Any, Dict, List, Match, NamedTuple, Optional, Set, Tuple

from wasmpy.exec import generated, handlers
from wasmpy.exec.prepare import Code, Slot
from wasmpy.isa.derived import BY_OP

LONGEST = 80
"""Characters of an expression beyond which it gets a name of its own."""

_OPERAND = re.compile(r"\b_([0-2])\b")
_IMMEDIATE = re.compile(r"\b_a\b")
_TRUTH = re.compile(r"1 if (.*) else 0")
_ATOM = re.compile(r"-?[\w.]+|L\[\d+\]|S\[-\d+\]")
_FREE = re.compile(r"\b(?:L|buf|g\d+)\b")

_ACCESSORS = [f"{way}_{code}" for way in ("load", "store") for code in generated.PACKERS]


class Value(NamedTuple):
    """A value on the symbolic stack: its text, and what evaluating it late would risk."""

    text: str
    traps: bool = False
    reads_memory: bool = False
    truth: Optional[str] = None

    @property
    def operand(self) -> str:
        """The text as an operand of a larger expression."""
        return self.text if _ATOM.fullmatch(self.text) else f"({self.text})"


LARGEST = 20_000
"""Instructions of a function beyond which it stays as it is: it would take too long."""

BATCH = 600
"""Instructions, or few more, that are compiled between two looks at the interruption flag."""


def fuse(code: Code) -> None:
    """Give ``code`` its overlay; compiled once, in time linear in the body.

    Goes on where it was interrupted the last time.  Raises: Interrupted.
    """
    if len(code.slots) > LARGEST:
        return
    assert code.function.instance is not None
    look = code.function.instance.store.meter.look
    if code.fusing is None:
        code.fusing = _Runs(code)
    while code.fusing.go_on():
        look()
    code.run, code.fusing = code.fusing.overlay(), None


class _Runs:
    """The runs of one function, as source text, and the names the text refers to."""

    def __init__(self, code: Code) -> None:
        function = code.function
        assert function.func is not None
        assert function.instance is not None
        self.code = code
        self.body = function.func.body
        self.mems = function.instance.mems
        self.starts = set(code.starts)
        self.at = 0
        self.made: List[Tuple[int, Slot]] = []
        self.names: Dict[int, str] = {}
        self.objects: List[Any] = []

    def name_of(self, thing: Any) -> str:
        """The name under which the text knows a global or a constant that is no integer."""
        if id(thing) not in self.names:
            self.names[id(thing)] = f"g{len(self.objects)}"
            self.objects.append(thing)
        return self.names[id(thing)]

    def go_on(self) -> bool:
        """Cut the next instructions into runs, and make them handlers; whether there are more."""
        slots = self.code.slots
        self.names, self.objects = {}, []
        lines: List[str] = []
        runs: List[Tuple[int, Slot]] = []
        pc, end = self.at, min(self.at + BATCH, len(slots))
        while pc < end:
            run = _Run(self, pc)
            after = run.extend()
            if after - pc > 1:
                lines += run.source()
                runs.append((pc, slots[run.last]))
            pc = max(after, pc + 1)
        if runs:
            self._compile(lines, runs)
        self.at = pc
        return pc < len(slots)

    def _compile(self, lines: List[str], runs: List[Tuple[int, Slot]]) -> None:
        """The handlers of some runs, from the lines of all of them."""
        names = [*_ACCESSORS, "buf", *self.names.values()]
        names_of_runs = ", ".join(f"h{pc}" for pc, _ in runs)
        text = "\n".join([f"def make({', '.join(names)}):", *lines, f" return [{names_of_runs}]"])
        scope: Dict[str, Any] = dict(vars(generated), callee=handlers.callee)
        exec(compile(text, "<fused runs>", "exec"), scope)  # noqa: S102 - numbers only
        buffer = self.mems[0].buffer if self.mems else None
        made = scope["make"](*_accessors(), buffer, *self.objects)
        for handler in made:
            if "buf" in handler.__code__.co_freevars:
                self.mems[0].bind(handler)  # the others share the variable
                break
        self.made += [(pc, (handler, a[1], a[2])) for handler, (pc, a) in zip(made, runs)]

    def overlay(self) -> List[Slot]:
        """The slots with the fused handlers in place."""
        slots = list(self.code.slots)
        for pc, slot in self.made:
            slots[pc] = slot
        return slots


def _accessors() -> List[Any]:
    packers = generated.PACKERS.values()
    return [p.unpack_from for p in packers] + [p.pack_into for p in packers]


class _Run:
    """One run: a symbolic stack, statements, and the writes held back to the end."""

    def __init__(self, runs: _Runs, pc: int) -> None:
        self.runs = runs
        self.pc = pc
        self.last = pc
        self.taken = 0  # values taken from the real stack
        self.stack: List[Value] = []
        self.statements: List[str] = []
        self.locals: Dict[int, str] = {}
        self.written: Set[int] = set()
        self.globals: Dict[str, str] = {}
        self.stored = False
        self.names = 0
        self.answer: Optional[Value] = None

    # Building blocks ----------------------------------------------------------

    def fresh(self, value: str) -> Value:
        """A new name for the value of an expression."""
        self.names += 1
        self.statements.append(f"t{self.names} = {value}")
        return Value(f"t{self.names}")

    def named(self, value: Value) -> Value:
        """``value`` under a name, unless it is one or a number."""
        if _ATOM.fullmatch(value.text) and not _FREE.search(value.text):
            return value
        return self.fresh(value.text)

    def pop(self) -> Value:
        """The top of the stack; below the run's own values, that of the real stack."""
        if self.stack:
            return self.stack.pop()
        self.taken += 1
        return Value(f"S[-{self.taken}]")

    def push(self, value: Value) -> None:
        """Push; a long expression gets a name."""
        self.stack.append(self.fresh(value.text) if len(value.text) > LONGEST else value)

    def settle(self, *, memory: bool) -> None:
        """Name the pending values that may trap (and, if asked, those that read memory)."""
        for i, value in enumerate(self.stack):
            if value.traps or (memory and value.reads_memory):
                self.stack[i] = self.fresh(value.text)

    # Instructions ----------------------------------------------------------------

    def extend(self) -> int:
        """Take instructions while they fit; the position behind the last one taken."""
        slots, pc = self.runs.code.slots, self.pc
        while self.answer is None:
            if pc != self.pc and (pc in self.runs.starts or pc - self.pc >= BATCH):
                break
            if not self.take(pc, slots[pc]):
                break
            self.last = pc
            pc = slots[pc][2]
            if pc >= len(slots):
                break
        return pc if self.answer is None else self.last + 1

    def take(self, pc: int, slot: Slot) -> bool:
        """Take one instruction; False if it does not fit this run."""
        op = self.runs.body.ops[pc]
        row = BY_OP[op]
        assert row is not None
        if self.stored and row.traps:
            return False
        if op in generated.EXPRESSIONS:
            assert row.params is not None
            template = generated.EXPRESSIONS[op]
            if row.immediates:
                template = _IMMEDIATE.sub(self.constant(slot[1]).text, template)
            self.numeric(template, len(row.params), traps=bool(row.traps))
            return True
        if op in generated.LOADS or op in generated.STORES:
            assert row.access is not None
            _, offset, memidx = self.runs.body.imms[pc]
            if memidx:
                return False
            self.access(op, offset, store=row.access.store)
            return True
        rule = _TAKE.get(slot[0])
        return rule is not None and rule(self, slot[1])

    def constant(self, value: Any) -> Value:
        """A constant: a number as it is, anything else by a name."""
        return Value(str(value) if isinstance(value, int) else self.runs.name_of(value))

    def applied(self, template: str, operands: List[Value]) -> str:
        """A template with its operands; one that stands twice is named first."""
        for i, value in enumerate(operands):
            if len(re.findall(rf"\b_{i}\b", template)) > 1:
                operands[i] = self.named(value)

        def operand(mark: Match[str]) -> str:
            text = operands[int(mark.group(1))].operand
            # A number needs parentheses before the dot of a method.
            return f"({text})" if template[mark.end() : mark.end() + 1] == "." else text

        return _OPERAND.sub(operand, template)

    def numeric(self, template: str, count: int, *, traps: bool) -> None:
        """A numeric instruction."""
        operands = [self.pop() for _ in range(count)][::-1]
        pending = [v for v in operands if v.traps]
        reads = any(v.reads_memory for v in operands)
        if template == "0 if _0 else 1" and operands[0].truth:
            truth: Optional[str] = f"not ({operands[0].truth})"
            text = f"0 if {operands[0].truth} else 1"
        else:
            text = self.applied(template, operands)
            found = _TRUTH.fullmatch(text)
            truth = found.group(1) if found else None
            if template == "0 if _0 else 1":
                truth = f"not {operands[0].operand}"
        self.push(Value(text, traps or bool(pending), reads, truth))

    def access(self, op: int, offset: int, *, store: bool) -> None:
        """A load or store of memory 0."""
        value = self.pop() if store else None
        base = self.pop()
        at = Value(f"{base.operand} + {offset}" if offset else base.text, base.traps)
        if not store:
            text = self.applied(generated.LOADS[op], [at])
            self.push(Value(text, traps=True, reads_memory=True))
            return
        assert value is not None
        self.settle(memory=True)
        if value.traps:
            value = self.fresh(value.text)
        text = self.applied(generated.STORES[op], [at, value])
        self.statements.append(text)
        self.stored = True

    def set_local(self, index: int, *, keep: bool) -> None:
        """``local.set`` and ``local.tee``: a name now, the write at the end."""
        value = self.pop()
        name = self.fresh(value.text)
        self.locals[index] = name.text
        self.written.add(index)
        if keep:
            self.stack.append(name)

    def get_local(self, index: int) -> None:
        """``local.get``: the run's own name for it, or the frame's."""
        if index not in self.locals:
            self.locals[index] = self.fresh(f"L[{index}]").text
        self.stack.append(Value(self.locals[index]))

    # The end ---------------------------------------------------------------------

    def source(self) -> List[str]:
        """The handler as text."""
        body = self.finish()
        return [f" def h{self.pc}(S, L, a):", *(f"  {line}" for line in body)]

    def finish(self) -> List[str]:
        """Statements, then the writes held back, then the answer."""
        answer = self.answer
        if answer is not None and (answer.traps or answer.reads_memory or "S[" in answer.text):
            answer = self.fresh(answer.text)
        self.settle(memory=False)
        lines = list(self.statements)
        pushes = [value.text for value in self.stack]
        lines += _restack(self.taken, pushes)
        lines += [f"{name}.value = {value}" for name, value in self.globals.items()]
        lines += [f"L[{i}] = {self.locals[i]}" for i in sorted(self.written)]
        if answer is not None:
            lines.append(f"return {answer.text}")
        return lines or ["pass"]


def _restack(taken: int, pushes: List[str]) -> List[str]:
    """Replace the top ``taken`` values of the stack by ``pushes``, in one statement."""
    together = ", ".join(pushes)
    if taken == 0:
        if len(pushes) == 1:
            return [f"S.append({together})"]
        return [f"S += ({together})"] if pushes else []
    if not pushes:
        return ["S.pop()"] if taken == 1 else [f"del S[-{taken}:]"]
    if taken == len(pushes) == 1:
        return [f"S[-1] = {together}"]
    return [f"S[-{taken}:] = ({together},)"]


# What a structural slot does to a run, by its plain handler -----------------------


def _local_get(run: _Run, index: int) -> bool:
    run.get_local(index)
    return True


def _local_set(run: _Run, index: int) -> bool:
    run.set_local(index, keep=False)
    return True


def _local_tee(run: _Run, index: int) -> bool:
    run.set_local(index, keep=True)
    return True


def _global_get(run: _Run, inst: Any) -> bool:
    name = run.runs.name_of(inst)
    run.stack.append(run.fresh(run.globals.get(name, f"{name}.value")))
    return True


def _global_set(run: _Run, inst: Any) -> bool:
    run.globals[run.runs.name_of(inst)] = run.fresh(run.pop().text).text
    return True


def _push(run: _Run, constant: Any) -> bool:
    run.stack.append(run.constant(constant))
    return True


def _drop(run: _Run, _: Any) -> bool:
    value = run.pop()
    if value.traps:
        run.fresh(value.text)
    return True


def _select(run: _Run, _: Any) -> bool:
    run.settle(memory=False)
    condition, other, one = run.pop(), run.pop(), run.pop()
    test = condition.truth or condition.operand
    reads = condition.reads_memory or other.reads_memory or one.reads_memory
    run.push(Value(f"{one.operand} if {test} else {other.operand}", False, reads))
    return True


def _jump(run: _Run, target: int) -> bool:
    run.answer = Value(str(target))
    return True


def _branch_if(run: _Run, targets: Tuple[int, int]) -> bool:
    condition = run.pop()
    test = condition.truth or condition.operand
    text = f"{targets[0]} if {test} else {targets[1]}"
    run.answer = condition._replace(text=text, truth=None)
    return True


def _branch_table(run: _Run, targets: Tuple[int, ...]) -> bool:
    index = run.named(run.pop())
    table = ", ".join(map(str, targets))
    run.answer = Value(f"({table},)[{index.text} if {index.text} < {len(targets)} else -1]")
    return True


def _return(run: _Run, _: int) -> bool:
    run.answer = Value(str(handlers.RETURN))
    return True


def _call(run: _Run, _: Any) -> bool:
    run.answer = Value(str(handlers.CALL))
    return True


def _call_indirect(run: _Run, table: Any) -> bool:
    if run.stored:
        return False
    index = run.pop().text
    run.stack.append(run.fresh(f"callee({run.runs.name_of(table)}, {index})"))
    run.answer = Value(str(handlers.CALL_TOP))
    return True


def _return_call(run: _Run, _: Any) -> bool:
    run.answer = Value(str(handlers.TAIL_CALL))
    return True


def _return_call_indirect(run: _Run, table: Any) -> bool:
    taken = _call_indirect(run, table)
    if taken:
        run.answer = Value(str(handlers.TAIL_CALL_TOP))
    return taken


def _nop(run: _Run, _: Any) -> bool:
    return True


_TAKE: Dict[Any, Any] = {
    handlers.local_get: _local_get,
    handlers.local_set: _local_set,
    handlers.local_tee: _local_tee,
    handlers.global_get: _global_get,
    handlers.global_set: _global_set,
    handlers.push: _push,
    handlers.drop: _drop,
    handlers.select: _select,
    handlers.jump: _jump,
    handlers.branch_if: _branch_if,
    handlers.branch_table: _branch_table,
    handlers.return_: _return,
    handlers.call: _call,
    handlers.call_indirect: _call_indirect,
    handlers.return_call: _return_call,
    handlers.return_call_indirect: _return_call_indirect,
    handlers.nop: _nop,
}
