"""Instantiation, constant expressions, and reset.

What belongs here: the steps from a validated module and its imports to a
module instance, and back to what it was then.

Spec: ``exec/modules.html#instantiation``.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any, Iterable, List, NamedTuple, Optional, Sequence, Tuple, Union

from wasmpy.errors import InternalError, LinkError, MissingImport, ResetError
from wasmpy.exec.exceptions import TagInst
from wasmpy.exec.generated import NUMERIC
from wasmpy.exec.handlers import BUILD, BULK
from wasmpy.exec.heap import ArrayInst, StructInst, contents, restore
from wasmpy.exec.interp import invoke
from wasmpy.exec.memory import MemInst
from wasmpy.exec.store import ExternInst, FuncInst, GlobalInst, ModuleInst, Store
from wasmpy.exec.table import TableInst
from wasmpy.exec.waiting import WaitList
from wasmpy.isa.derived import row
from wasmpy.isa.table import INSTRS
from wasmpy.numerics.bits import f32_from_bits, f64_from_bits
from wasmpy.syntax.module import (
    Active,
    Elem,
    Expr,
    Import,
    ImportDesc,
    Module,
    TagUse,
    TypeUse,
)
from wasmpy.syntax.types import (
    PAGE_SIZE,
    DefType,
    ExternType,
    FuncType,
    GlobalType,
    MemType,
    TableType,
    TagType,
    externtype_text,
)
from wasmpy.valid.canonical import closed_global, closed_table
from wasmpy.valid.match import externtype_match

if TYPE_CHECKING:
    from wasmpy.valid.control import SideTable


def type_of(item: ExternInst) -> ExternType:
    """The external type of an instance, with its current size where it has one."""
    if isinstance(item, (TableInst, MemInst)):
        return item.current_type
    return item.type


def instantiate(
    store: Store,
    module: Module,
    sidetables: Sequence[SideTable],
    imports: Sequence[ExternInst],
    name: str = "",
) -> ModuleInst:
    """Instantiate ``module`` with ``imports``, one for each import in order.

    Raises: LinkError; WasmTrap from an active segment or the start function;
    whatever the start function's host functions raise.

    Spec: ``exec/modules.html#exec-instantiation``.
    """
    instance = ModuleInst(store, module, name)
    check_imports(instance, imports)
    _count(store, module)
    _take_imports(instance, imports)
    # Steps 5-11: evaluate and allocate; function instances first, for ref.func.
    for func, table in zip(module.funcs, sidetables):
        deftype = instance.types[func.typeidx]
        instance.funcs.append(FuncInst(deftype, instance, len(instance.funcs), func, table))
    _alloc_state(instance)
    for export in module.exports:
        instance.exports[export.name] = _index_space(instance, export.kind)[export.index]
    # Steps 12-15: copy the active segments, in order; what they wrote stays if one traps.
    written = _copy_segments(instance)
    if module.start is not None:
        invoke(store, instance.funcs[module.start], [])
    _keep_pristine(instance, None if module.start is not None else written)
    return instance


def check_imports(instance: ModuleInst, imports: Sequence[ExternInst]) -> None:
    """Check every import's type.  Raises: LinkError naming all that do not match."""
    pairs = zip(instance.module.imports, imports)
    wrong = mismatches(instance.module, instance.types, pairs)
    if wrong:
        raise LinkError("incompatible import type", wrong)


def mismatches(
    module: Module, types: Sequence[DefType], pairs: Iterable[Tuple[Import, ExternInst]]
) -> List[MissingImport]:
    """The imports for which something of another type is offered."""
    wrong = []
    for wanted, item in pairs:
        actual = item.deftype if isinstance(item, FuncInst) else type_of(item)
        if not externtype_match(actual, _closed_type(wanted.desc, types)):
            expected = externtype_text(module.import_type(wanted))
            got = externtype_text(type_of(item))
            wrong.append(MissingImport(wanted.module, wanted.name, expected, got))
    return wrong


def _closed_type(desc: ImportDesc, types: Sequence[DefType]) -> Union[ExternType, DefType]:
    """The type that an import asks for, closed; of a function its defined type."""
    if isinstance(desc, TypeUse):
        return types[desc.typeidx]
    if isinstance(desc, TagUse):
        return TagType(types[desc.typeidx])
    if isinstance(desc, TableType):
        return closed_table(desc, types)
    return closed_global(desc, types) if isinstance(desc, GlobalType) else desc


def _count(store: Store, module: Module) -> None:
    """Count what the module adds to the store.  Raises: LinkError over a limit."""
    store.instances += 1
    store.mems += len(module.mems)
    store.tables += len(module.tables)
    limits = store.limits
    for what, have, limit in (
        ("instances", store.instances, limits.instances),
        ("memories", store.mems, limits.memories),
        ("tables", store.tables, limits.tables),
    ):
        if have > limit:
            raise LinkError(f"the store's limit of {limit} {what} is reached")


def _take_imports(instance: ModuleInst, imports: Sequence[ExternInst]) -> None:
    for wanted, item in zip(instance.module.imports, imports):
        if isinstance(item, FuncInst):
            instance.funcs.append(item)
            continue
        if isinstance(item, TableInst):
            instance.tables.append(item)
        elif isinstance(item, MemInst):
            instance.mems.append(item)
        elif isinstance(item, TagInst):
            instance.tags.append(item)
            continue
        else:
            instance.globals.append(item)
            if not item.type.mut and not isinstance(item.value, (StructInst, ArrayInst)):
                continue
        instance.shared.append(f"{wanted.module}.{wanted.name}")


def _alloc_state(instance: ModuleInst) -> None:
    """Allocate tables, memories, globals and segments.  Raises: LinkError over a limit."""
    store, module = instance.store, instance.module
    limits = store.limits
    instance.tags += [TagInst(TagType(instance.types[tag.typeidx])) for tag in module.tags]
    for mem in module.mems:
        instance.mems.append(_alloc_mem(mem.type, limits.memory_pages, store.waiting()))
    for item in module.globals:
        value = evaluate(instance, item.init)
        globaltype = closed_global(item.type, instance.types)
        instance.globals.append(GlobalInst(globaltype, value))
    for table in module.tables:
        minimum = table.type.limits.min
        if minimum > store.quota.left:
            raise LinkError(
                f"a table needs {minimum} elements; of the store's {limits.table_elements} "
                f"there are {store.quota.left} left"
            )
        init = None if table.init is None else evaluate(instance, table.init)
        tabletype = closed_table(table.type, instance.types)
        instance.tables.append(TableInst(tabletype, store.quota, init))
    instance.elems = [_elem_values(instance, elem) for elem in module.elems]
    instance.datas = [data.init for data in module.datas]


def _alloc_mem(memtype: MemType, limit: int, waits: WaitList) -> MemInst:
    minimum = memtype.limits.min
    if minimum << memtype.page > limit * PAGE_SIZE:
        raise LinkError(f"a memory needs {minimum} pages, the limit is {limit}")
    try:
        return MemInst(memtype, limit, waits)
    except MemoryError as error:
        raise LinkError(f"a memory of {minimum} pages cannot be had") from error


def _elem_values(instance: ModuleInst, elem: Elem) -> List[Any]:
    funcs = instance.funcs
    return [
        funcs[item] if isinstance(item, int) else evaluate(instance, item) for item in elem.init
    ]


def evaluate(instance: ModuleInst, expr: Expr) -> Any:
    """The value of a constant expression.

    Spec: ``valid/instructions.html#constant-expressions``.
    """
    stack: List[Any] = []
    for op, imm in zip(expr.ops, expr.imms):
        numeric = NUMERIC.get(op)
        if numeric is not None:
            numeric(stack, [], None)
            continue
        mnemonic = row(op).mnemonic
        if mnemonic == "end":
            break
        if mnemonic in _ALLOCATING:
            _carry_out(instance, mnemonic, imm, stack)
        else:
            stack.append(_constant(instance, mnemonic, imm))
    if len(stack) != 1:
        raise InternalError("a constant expression left more or less than one value")
    return stack[0]


_ALLOCATING = frozenset(
    r.mnemonic for r in INSTRS if r.const == "gc"
)
"""The constant instructions on the heap; their handlers are those of bodies."""


class _Constants(NamedTuple):
    """What the rules of handlers ask, where there is no function."""

    instance: ModuleInst


def _carry_out(instance: ModuleInst, mnemonic: str, imm: Any, stack: List[Any]) -> None:
    """Carry out a constant instruction that is not a value by itself."""
    rules: Any = BUILD[mnemonic]
    handler, a = rules(_Constants(instance), 0, imm)
    if handler(stack, [], a) == BULK:
        a.run(stack, instance.store.meter.look)
        del stack[len(stack) - a.operands :]


def _constant(instance: ModuleInst, mnemonic: str, imm: Any) -> Any:
    if mnemonic in ("i32.const", "i64.const", "v128.const"):
        return imm
    if mnemonic == "f32.const":
        return f32_from_bits(imm)
    if mnemonic == "f64.const":
        return f64_from_bits(imm)
    if mnemonic == "global.get":
        return instance.globals[imm].value
    if mnemonic == "ref.func":
        return instance.funcs[imm]
    if mnemonic == "ref.null":
        return None
    raise InternalError(f"{mnemonic} is not constant")


Written = List[List[Tuple[int, int]]]
"""Per table or memory, where something was written: (index, size)."""


def _copy_segments(instance: ModuleInst) -> Tuple[Written, Written]:
    """Copy active segments and drop what is not passive; what was written to tables, memories."""
    module = instance.module
    look = instance.store.meter.look
    elements: Written = [[] for _ in instance.tables]
    for i, elem in enumerate(module.elems):
        if isinstance(elem.mode, Active):
            at = evaluate(instance, elem.mode.offset)
            items = instance.elems[i]
            instance.tables[elem.mode.index].init(items, at, 0, len(items))
            elements[elem.mode.index].append((at, len(items)))
        if elem.mode is not None:
            instance.elems[i] = []
    written: Written = [[] for _ in instance.mems]
    for i, data in enumerate(module.datas):
        if isinstance(data.mode, Active):
            at = evaluate(instance, data.mode.offset)
            instance.mems[data.mode.index].init(data.init, at, 0, len(data.init), look)
            written[data.mode.index].append((at, len(data.init)))
            instance.datas[i] = b""
    return elements, written


def _index_space(instance: ModuleInst, kind: str) -> Sequence[ExternInst]:
    spaces: Tuple[Tuple[str, Sequence[ExternInst]], ...] = (
        ("func", instance.funcs),
        ("table", instance.tables),
        ("memory", instance.mems),
        ("global", instance.globals),
        ("tag", instance.tags),
    )
    return dict(spaces)[kind]


# Reset ------------------------------------------------------------------------


def _keep_pristine(instance: ModuleInst, written: Optional[Tuple[Written, Written]]) -> None:
    """Remember the state after instantiation, of what the instance owns."""
    if instance.shared:
        return
    look = instance.store.meter.look
    for i, mem in enumerate(instance.mems):
        mem.keep_pristine(None if written is None else written[1][i], look)
    for i, table in enumerate(instance.tables):
        table.keep_pristine(None if written is None else written[0][i])
    for item in instance.globals:
        item.pristine = item.value
    instance.pristine_elems = instance.elems[:]
    instance.pristine_datas = instance.datas[:]
    if any(not isinstance(comp, FuncType) for comp in instance.module.types):
        values = [item.value for item in instance.globals]
        held = [table.elems for table in instance.tables] + instance.elems
        instance.pristine_heap = contents(itertools.chain(values, *held))


def reset(instance: ModuleInst) -> None:
    """Make the instance what it was right after instantiation.

    Raises: ResetError while it runs, or if it shares a mutable import.
    """
    if instance.store.depth.hosts:
        raise ResetError("the instance is running")
    if instance.shared:
        raise ResetError(f"the instance shares {', '.join(instance.shared)}")
    for mem in instance.mems:
        mem.reset()
    for table in instance.tables:
        table.reset()
    for item in instance.globals:
        item.value = item.pristine
    instance.elems = instance.pristine_elems[:]
    instance.datas = instance.pristine_datas[:]
    restore(instance.pristine_heap)
