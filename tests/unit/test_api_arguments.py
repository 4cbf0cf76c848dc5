"""What an embedder gives in vain is refused where it is given, by the name of the argument.

What belongs here: kinds of arguments and sizes.  What does not: values of the guest
(``test_api``), buffers (``test_api_bytes``).
"""

from __future__ import annotations

import pathlib
from typing import Any, Callable, Type

import pytest

import hostabi
import wasmpy
from hostabi.bundled import guard_bytes
from hostabi.registry import Registry
from wasmpy import FUNCREF, I32, Features, FuncType, GlobalType, MemType, SizeRange, TableType

ANY: Any = wasmpy
"""The API without its types, which say the same to who looks at them."""
WAT = "(module)"


def store() -> Any:
    return wasmpy.Store()


REFUSED = {
    "Module of a path": (lambda: ANY.Module(pathlib.Path("x")), TypeError, "Module.from_file"),
    "Module of a number": (lambda: ANY.Module(5), TypeError, "bytes"),
    "features by name": (lambda: ANY.Module(WAT, features="wasm3"), TypeError, "features is a"),
    "limits of a module": (lambda: ANY.Module(WAT, limits=5), TypeError, "limits is a Limits"),
    "of_syntax": (lambda: ANY.Module.of_syntax(WAT), TypeError, "syntax is a Module"),
    "Features of a name": (lambda: ANY.Features("nope"), TypeError, "frozenset"),
    "a feature unknown": (lambda: Features(frozenset(["nope"])), ValueError, "nope"),
    "Func of a number": (
        lambda: ANY.Func(store(), FuncType((), ()), 5), TypeError, "function is a callable"),
    "Func of no type": (lambda: ANY.Func(store(), 5, print), TypeError, "functype is a"),
    "Func of no types": (
        lambda: ANY.Func(store(), FuncType((5,), ()), print), TypeError, "functype.params"),
    "Func of no store": (
        lambda: ANY.Func(5, FuncType((), ()), print), TypeError, "store is a Store"),
    "Global, swapped": (
        lambda: ANY.Global(store(), GlobalType(True, I32), 1), TypeError, "globaltype.valtype"),
    "Global of no bool": (
        lambda: ANY.Global(store(), GlobalType(I32, 1), 1), TypeError, "globaltype.mut"),
    "Memory of no type": (lambda: ANY.Memory(store(), 1), TypeError, "memtype is a MemType"),
    "Memory of no range": (lambda: ANY.Memory(store(), MemType(1)), TypeError, "SizeRange"),
    "Memory, min over max": (
        lambda: ANY.Memory(store(), MemType(SizeRange(3, 2))), ValueError, "beyond its maximum"),
    "Memory of a float": (
        lambda: ANY.Memory(store(), MemType(SizeRange(0.5))), TypeError, "float"),
    "Memory, negative": (
        lambda: ANY.Memory(store(), MemType(SizeRange(-1))), ValueError, "negative"),
    "Table, min over max": (
        lambda: ANY.Table(store(), TableType(FUNCREF, SizeRange(3, 2))), ValueError, "beyond"),
    "Table of numbers": (
        lambda: ANY.Table(store(), TableType(I32, SizeRange(3))), TypeError, "tabletype.reftype"),
    "Tag of numbers": (lambda: ANY.Tag(store(), (5,)), TypeError, "params"),
    "clock": (lambda: ANY.Store(clock=5), TypeError, "clock is a callable"),
    "limits of a store": (lambda: ANY.Store(limits=5), TypeError, "limits is a Limits"),
    "imports": (lambda: ANY.Module(WAT).instantiate(5), TypeError, "imports are a mapping"),
    "imports, a list": (lambda: ANY.Module(WAT).instantiate([]), TypeError, "imports are a"),
    "imports of one": (
        lambda: ANY.Module(WAT).instantiate({"a": 5}), TypeError, r'imports\["a"\] is a mapping'),
    "store": (lambda: ANY.Module(WAT).instantiate(store=5), TypeError, "store is a Store"),
    "a linker's module": (lambda: ANY.Linker().instantiate(WAT), TypeError, "module is a Module"),
    "a linker's function": (
        lambda: ANY.Linker().define_func("a", "b", FuncType((), ()), 5), TypeError, "function"),
    "a linker's instance": (lambda: ANY.Linker().define_instance("a", 5), TypeError, "instance"),
    "Instance": (
        lambda: ANY.Instance(store(), wasmpy.Module(WAT), []), TypeError, "module.instantiate"),
    "a guard's backend": (
        lambda: hostabi.Guard(guard_bytes(), backend=ANY.F32), TypeError, "backend is a callable"),
    "a guard's log": (lambda: hostabi.Guard(guard_bytes(), log=ANY.F32), TypeError, "log is a"),
    "a registry's guard": (lambda: Registry().register("x", ANY.F32), TypeError, "guard is a Guard"),
}  # fmt: skip


@pytest.mark.parametrize("what", REFUSED)
def test_what_is_of_another_kind_is_refused_by_its_name(what: str) -> None:
    call, kind, message = REFUSED[what]
    _refused(call, kind, message)


def _refused(call: Callable[[], Any], kind: Type[Exception], message: str) -> None:
    with pytest.raises(kind, match=message):
        call()


@pytest.mark.parametrize(("n", "kind"), [
    (-1, ValueError), (-1000, ValueError), (0.5, TypeError), (1.0, TypeError), (True, TypeError),
    ("1", TypeError), (None, TypeError),
])  # fmt: skip
def test_memories_and_tables_grow_by_a_number(n: Any, kind: Type[Exception]) -> None:
    holder = wasmpy.Store(limits=wasmpy.Limits(table_elements=5))
    table = wasmpy.Table(holder, TableType(FUNCREF, SizeRange(1)))
    memory = wasmpy.Memory(holder, MemType(SizeRange(1)))
    for grown in (table, memory):
        with pytest.raises(kind):
            grown.grow(n)
    assert (table.grow(5), len(table), table.grow(4), table.grow(1)) == (-1, 1, 1, -1)
    assert (memory.grow(0), memory.pages) == (1, 1)


def test_a_guard_whose_call_brings_no_backend_answers_the_next() -> None:
    with hostabi.Guard(guard_bytes()) as guard:
        with pytest.raises(TypeError, match="backend is a callable"):
            guard.label_resource("get_me", {}, backend=ANY.F32)
        assert guard.healthy


def test_what_the_api_has_says_what_it_is() -> None:
    holder = wasmpy.Store(tier="reference", fuel=100, deadline=2.5)
    module = wasmpy.Module('(module $guest (memory (export "m") 1 2) (func (export "f")))')
    made = [
        holder, module.instantiate(store=holder), module.instantiate(name="other"),
        wasmpy.Module("(module)").instantiate(), wasmpy.Store(tier="python"),
        wasmpy.Memory(holder, MemType(SizeRange(1))),
        wasmpy.Table(holder, TableType(FUNCREF, SizeRange(0, 3))),
        wasmpy.Global(holder, GlobalType(I32, True), 7),
    ]  # fmt: skip
    assert [repr(thing) for thing in made] == [
        "<wasmpy.Store of the tier reference, 100 fuel left, 2.5 s a call>",
        "<wasmpy.Instance guest with 2 exports>",
        "<wasmpy.Instance other with 2 exports>",
        "<wasmpy.Instance with 0 exports>",
        "<wasmpy.Store of the tier python>",
        "<wasmpy.Memory memory 1>",
        "<wasmpy.Table table 0 3 funcref>",
        "<wasmpy.Global global (mut i32)>",
    ]


def test_the_packages_list_what_they_have() -> None:
    for package in (wasmpy, hostabi):
        assert set(package.__all__) <= set(dir(package))
    assert {"GuardPool", "Pipeline", "ProcessPool"} <= set(dir(hostabi))


def test_text_that_is_no_utf8_says_where(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "bad.wat"
    path.write_bytes('(module ;; é\n  (func $a'.encode() + b"\xff))")
    with pytest.raises(wasmpy.MalformedError) as caught:
        wasmpy.Module.from_file(path)
    error = caught.value
    assert (error.rule, error.offset, error.line, error.column) == ("utf8", 24, 2, 11)
