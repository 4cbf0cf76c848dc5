"""Modules from bytes: what is read, what is malformed, and where.

Spec: ``binary/modules.html``.
"""

from __future__ import annotations

import dataclasses
import time

import pytest

from tests.unit import traced as tracemalloc
from tests.unit import wasm_bytes as wb
from wasmpy.binary.decode import decode_module, instr_offsets
from wasmpy.binary.instr import READERS
from wasmpy.config import DEFAULT_LIMITS, Features
from wasmpy.errors import MalformedError
from wasmpy.isa.derived import op_of
from wasmpy.isa.immediates import IMMEDIATES
from wasmpy.isa.table import INSTRS
from wasmpy.syntax.module import Active, Custom, Data, Elem, Export, Expr, Import, Names, TypeUse
from wasmpy.syntax.types import (
    EXTERNREF,
    F32,
    F64,
    FUNC_REF,
    FUNCREF,
    I32,
    I64,
    V128,
    FuncType,
    GlobalType,
    Limits,
    MemType,
    TableType,
)  # fmt: skip

END = op_of("end")
WASM2 = Features.WASM2


def refusal(data: bytes, features: Features = WASM2, limits=DEFAULT_LIMITS) -> MalformedError:
    with pytest.raises(MalformedError) as caught:
        decode_module(data, features, limits)
    return caught.value


def body_of(data: bytes, features: Features = WASM2):
    return decode_module(data, features).funcs[0].body


# The preamble


@pytest.mark.parametrize("data", [b"", b"\0", b"\0as", b"\0asm", b"\0asm\1\0\0"])
def test_a_preamble_that_is_cut_off(data):
    error = refusal(data)
    assert error.message.startswith("unexpected end")
    assert error.offset == len(data)


@pytest.mark.parametrize(
    "data", [b"asm\0\1\0\0\0", b"\x7fELF____", b"(module)", b"\xef\xbb\xbf\0asm\1\0"]
)
def test_what_is_no_wasm(data):
    error = refusal(data)
    assert error.message.startswith("magic header not detected")
    assert error.offset == 0


def test_text_is_told_apart():
    assert "text format" in refusal(b"\n  (module (func))").message
    assert "text format" not in refusal(b"\x7fELF____").message


@pytest.mark.parametrize("version", ["00000000", "02000000", "0e000000", "00010000", "01000100"])
def test_an_unknown_version(version):
    error = refusal(b"\0asm" + bytes.fromhex(version))
    assert error.message.startswith("unknown binary version")
    assert error.offset == 4


def test_a_component_is_named():
    error = refusal(b"\0asm\x0d\0\1\0" + b"\7\0" * 50)
    assert error.message.startswith("unknown binary version")
    assert "component" in error.message


def test_the_empty_module():
    module = decode_module(wb.PREAMBLE)
    assert module.binary == wb.PREAMBLE
    assert dataclasses.replace(module, binary=None) == decode_module(bytearray(wb.PREAMBLE))
    assert (module.types, module.funcs, module.start, module.datacount) == ([], [], None, None)


# Sections

EMPTY_SECTIONS = {sid: wb.section(sid, b"\0") for sid in (1, 2, 3, 4, 5, 6, 7, 9, 12, 10, 11)}


def test_sections_in_order_with_custom_ones_everywhere():
    data = wb.module(*[part + wb.custom("c") for part in EMPTY_SECTIONS.values()], wb.custom("c"))
    customs = decode_module(data).customs
    assert customs == [Custom("c", b"", sid) for sid in [*EMPTY_SECTIONS, 11]]


@pytest.mark.parametrize("sid", EMPTY_SECTIONS)
def test_a_section_stands_once(sid):
    start = 8 + len(EMPTY_SECTIONS[sid])
    error = refusal(wb.module(EMPTY_SECTIONS[sid], EMPTY_SECTIONS[sid]))
    assert error.message.startswith("unexpected content after last section")
    assert error.offset == start


ORDER = list(EMPTY_SECTIONS)


@pytest.mark.parametrize(("first", "second"), zip(ORDER[1:], ORDER))
def test_a_section_out_of_order(first, second):
    error = refusal(wb.module(EMPTY_SECTIONS[first], EMPTY_SECTIONS[second]))
    assert error.message.startswith("unexpected content after last section")


@pytest.mark.parametrize("sid", [14, 15, 0x7F, 0x80, 0xFF])
def test_an_unknown_section(sid):
    error = refusal(wb.module(wb.section(sid, b"")))
    assert error.message.startswith("malformed section id")
    assert error.offset == 8


@pytest.mark.parametrize("sid", EMPTY_SECTIONS)
def test_bytes_left_in_a_section(sid):
    error = refusal(wb.module(wb.section(sid, b"\0\0")))
    assert error.message.startswith("section size mismatch")
    assert error.section is not None


@pytest.mark.parametrize("sid", [*EMPTY_SECTIONS, 8, 0])
def test_a_section_that_is_empty_of_bytes(sid):
    error = refusal(wb.module(wb.section(sid, b"")))
    assert error.message.startswith("unexpected end")
    assert error.offset == 10


@pytest.mark.parametrize("sid", [*EMPTY_SECTIONS, 0])
@pytest.mark.parametrize("size", [1 << 30, 2**32 - 1])
def test_a_section_longer_than_the_file(sid, size):
    tracemalloc.start()
    error = refusal(wb.module(bytes([sid]) + wb.leb(size) + b"\0" * 100))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert error.message.startswith("length out of bounds")
    assert peak < 200_000


@pytest.mark.parametrize("sid", [1, 2, 3, 4, 5, 6, 7, 9, 11])
def test_a_count_that_promises_too_much_allocates_nothing(sid):
    tracemalloc.start()
    error = refusal(wb.module(wb.section(sid, wb.leb(2**32 - 1) + b"\0" * 1000)))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert error.section is not None
    assert peak < 500_000


HOSTILE_BODIES = {
    "br_table": (b"\x41\0\x0e" + wb.leb(2**32 - 1) + b"\0" * 500, b"\0"),
    "select": (b"\x1c" + wb.leb(2**32 - 1) + b"\x7f" * 500, b"\0"),
    "locals": (b"", wb.leb(2**32 - 1) + b"\0\x7f" * 500),
    "block type": (b"\x02\xff\xff\xff\xff\x0f", b"\0"),
}


@pytest.mark.parametrize("what", HOSTILE_BODIES)
def test_a_count_in_a_body_that_promises_too_much(what):
    body, runs = HOSTILE_BODIES[what]
    tracemalloc.start()
    error = refusal(wb.one_func(body, runs=runs))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert error.section == "code"
    assert peak < 500_000


@pytest.mark.parametrize(("funcs", "bodies"), [(1, 0), (0, 1), (2, 1), (1, 2)])
def test_functions_and_bodies_are_as_many(funcs, bodies):
    parts = [wb.types(wb.VOID)]
    parts += [wb.section(3, wb.vec(*[b"\0"] * funcs))] if funcs else []
    parts += [wb.code(*[b"\x0b"] * bodies)] if bodies else []
    text = "function and code section have inconsistent lengths"
    assert refusal(wb.module(*parts)).message.startswith(text)


@pytest.mark.parametrize("count", [0, 2, 3])
def test_the_data_count_is_the_number_of_segments(count):
    passive = wb.section(11, wb.vec(b"\1\0"))
    assert decode_module(wb.module(wb.section(12, b"\1"), passive)).datacount == 1
    error = refusal(wb.module(wb.section(12, bytes([count])), passive))
    assert error.message.startswith("data count and data section have inconsistent lengths")


def test_a_data_count_without_data():
    assert decode_module(wb.module(wb.section(12, b"\0"))).datacount == 0
    text = "data count and data section have inconsistent lengths"
    assert refusal(wb.module(wb.section(12, b"\1"))).message.startswith(text)


@pytest.mark.parametrize("instr", [b"\xfc\x08\0\0", b"\xfc\x09\0"])
def test_instructions_that_need_the_data_count(instr):
    data = wb.section(11, wb.vec(b"\1\0"))
    with_count = wb.module(wb.ONE_VOID_FUNC, wb.section(12, b"\1"), wb.code(instr + b"\x0b"), data)
    assert len(body_of(with_count)) == 2
    error = refusal(wb.module(wb.ONE_VOID_FUNC, wb.code(instr + b"\x0b"), data))
    assert error.message.startswith("data count section required")


# Types, imports, exports


def test_types():
    data = wb.module(wb.types(b"\x60\2\x7f\x7e\1\x7d", b"\x60\0\4\x7c\x70\x6f\x7b"))
    assert decode_module(data).types == [
        FuncType((I32, I64), (F32,)),
        FuncType((), (F64, FUNCREF, EXTERNREF, V128)),
    ]


@pytest.mark.parametrize(
    ("byte", "without", "feature"),
    [(0x7B, "simd", "simd"), (0x6F, "reference_types", "reference_types"),
     (0x70, "reference_types", "reference_types"), (0x64, None, "function_references"), (0x6D, None, "gc")],
)  # fmt: skip
def test_a_value_type_of_a_feature_that_is_off(byte, without, feature):
    features = WASM2.without(without) if without else WASM2
    error = refusal(wb.module(wb.types(bytes([0x60, 1, byte, 0]))), features)
    assert error.message.startswith("malformed value type")
    assert feature in error.message
    assert error.offset == 13


def test_imports():
    data = wb.module(
        wb.types(wb.VOID),
        wb.section(
            2, wb.vec(b"\1a\1f\0\0", b"\1a\1t\1\x70\1\2\3", b"\0\0\2\0\1", b"\1a\1g\3\x7f\1")
        ),
    )
    assert decode_module(data).imports == [
        Import("a", "f", TypeUse(0)),
        Import("a", "t", TableType(FUNCREF, Limits(2, 3))),
        Import("", "", MemType(Limits(1, None))),
        Import("a", "g", GlobalType(I32, True)),
    ]


MALFORMED_PARTS = {
    "malformed definition type": wb.section(1, b"\1\x40"),
    "malformed import kind": wb.section(2, b"\1\0\0\5\0"),
    "malformed export kind": wb.section(7, b"\1\0\5\0"),
    "malformed mutability": wb.section(6, b"\1\x7f\2\x41\0\x0b"),
    "malformed limits flags": wb.section(5, b"\1\x10\0"),
    "malformed reference type": wb.section(4, b"\1\x7f\0\0"),
    "malformed elements segment kind": wb.section(9, b"\1\x08\0"),
    "malformed element kind": wb.section(9, b"\1\1\1\0"),
    "malformed data segment kind": wb.section(11, b"\1\3\0"),
    "malformed UTF-8 encoding": wb.section(7, b"\1\1\xff\0\0"),
    "integer too large": wb.section(5, b"\1\0\x80\x80\x80\x80\x10"),
}


@pytest.mark.parametrize("text", MALFORMED_PARTS)
def test_parts_that_are_malformed(text):
    error = refusal(wb.module(MALFORMED_PARTS[text]))
    assert error.message.startswith(text)
    assert 10 < error.offset < 10 + len(MALFORMED_PARTS[text])


@pytest.mark.parametrize(
    ("flags", "feature"), [(2, "threads"), (4, "memory64"), (8, "custom_page_sizes")]
)
def test_limits_of_later_features_are_named(flags, feature):
    assert feature in refusal(wb.module(wb.section(5, bytes([1, flags, 0, 0])))).message


def test_a_table_with_an_initial_value_names_its_feature():
    data = wb.module(wb.section(4, b"\1\x40\0\x70\0\1\xd0\x70\x0b"))
    assert "function_references" in refusal(data).message


def test_a_custom_section_is_bounded_and_named():
    assert decode_module(wb.module(wb.custom("x", b"abc"))).customs == [Custom("x", b"abc", 0)]
    assert refusal(wb.module(wb.section(0, b"\5ab"))).message.startswith("length out of bounds")
    assert refusal(wb.module(wb.section(0, b"\1\xff"))).message.startswith("malformed UTF-8")


# Segments

GET = bytes([0x41, 0x05, 0x0B])
OFFSET = Expr([op_of("i32.const"), END], [5, None])
NULL = Expr([op_of("ref.null"), END], ["func", None])
ELEMS = {
    "00" + GET.hex() + "020304": Elem(FUNC_REF, [3, 4], Active(0, OFFSET)),
    "0100020304": Elem(FUNC_REF, [3, 4], None),
    "0201" + GET.hex() + "00020304": Elem(FUNC_REF, [3, 4], Active(1, OFFSET)),
    "0300020304": Elem(FUNC_REF, [3, 4], "declare"),
    "04" + GET.hex() + "02d2030bd0700b": Elem(FUNCREF, [3, NULL], Active(0, OFFSET)),
    "057002d2030bd0700b": Elem(FUNCREF, [3, NULL], None),
    "0601" + GET.hex() + "6f01d06f0b": Elem(
        EXTERNREF, [Expr([op_of("ref.null"), END], ["extern", None])], Active(1, OFFSET)
    ),
    "077002d2030bd0700b": Elem(FUNCREF, [3, NULL], "declare"),
}


@pytest.mark.parametrize("hexes", ELEMS)
def test_element_segments(hexes):
    data = wb.module(wb.section(9, wb.vec(bytes.fromhex(hexes))))
    assert decode_module(data).elems == [ELEMS[hexes]]


DATAS = {
    "00" + GET.hex() + "026162": Data(b"ab", Active(0, OFFSET)),
    "01026162": Data(b"ab", None),
    "0203" + GET.hex() + "00": Data(b"", Active(3, OFFSET)),
}


@pytest.mark.parametrize("hexes", DATAS)
def test_data_segments(hexes):
    data = wb.module(wb.section(11, wb.vec(bytes.fromhex(hexes))))
    assert decode_module(data).datas == [DATAS[hexes]]


@pytest.mark.parametrize("sid", [9, 11])
def test_segments_of_bulk_memory(sid):
    error = refusal(wb.module(wb.section(sid, b"\1\1\0\0")), WASM2.without("bulk_memory"))
    assert "bulk_memory" in error.message


def test_forty_thousand_data_segments():
    segment = b"\0\x41\x80\x80\x80\x80\0\x0b\x83\x80\x80\x80\0abc"
    data = wb.module(wb.ONE_PAGE, wb.section(11, wb.vec(*[segment] * 40_000)))
    start = time.process_time()
    module = decode_module(data)
    assert time.process_time() - start < 10
    assert len(module.datas) == 40_000
    assert module.datas[39_999] == Data(
        b"abc", Active(0, Expr([op_of("i32.const"), END], [0, None]))
    )


# Bodies


def test_a_body():
    body = bytes.fromhex(
        "4100 4480000000000000f0 1a 2000 2802ff01 1a 02404100 04 7f 41c000 05 417f 0b 1a 0b 0b"
    )
    data = wb.module(wb.ONE_VOID_FUNC, wb.code(body, runs=b"\2\1\x7f\2\x7e"))
    func = decode_module(data).funcs[0]
    assert func.locals == [(1, I32), (2, I64)]
    assert (func.body.offset, func.body.end) == wb.body_span(data, body, b"\2\1\x7f\2\x7e")
    names = (
        "i32.const f64.const drop local.get i32.load drop block i32.const if i32.const else i32.const "
        "end drop end end"
    ).split()
    assert func.body.ops == [op_of(n) for n in names]
    imms = [0, 0xF000_0000_0000_0080, None, 0, (2, 255, 0), None, None, 0, I32, 64, None, 2**32 - 1]
    assert func.body.imms == [*imms, None, None, None, None]
    offsets = instr_offsets(data, func.body)
    assert [data[o] for o in offsets] == func.body.ops
    assert offsets[-1] == func.body.end - 1


def test_integers_of_five_bytes_as_linkers_write_them():
    body = (
        b"\x10"
        + wb.leb(3, 5)
        + b"\x41\x80\x80\xc0\x80\0\x1a\x41\xff\xff\xff\xff\x7f\x1a\x20"
        + wb.leb(9, 5)
    )
    body += b"\x28" + wb.leb(2, 5) + wb.leb(7, 5) + b"\x02" + b"\x83\x80\x80\x80\0\x0b\x0b"
    decoded = body_of(wb.module(wb.ONE_VOID_FUNC, wb.code(body)))
    assert decoded.imms == [3, 0x10_0000, None, 2**32 - 1, None, 9, (2, 7, 0), 3, None, None]


@pytest.mark.parametrize(
    ("immediate", "text"),
    [
        (b"\x80\x80\x80\x80\x10", "integer too large"),
        (b"\x80\x80\x80\x80\x80\0", "integer representation too long"),
    ],
)
@pytest.mark.parametrize("opcode", [b"\x20", b"\x41", b"\x10", b"\x28\2"])
def test_immediates_that_are_malformed(opcode, immediate, text):
    error = refusal(wb.one_func(opcode + immediate))
    assert error.message.startswith(text)
    assert error.section == "code"


@pytest.mark.parametrize(
    "opcode", ["06", "12", "27", "c5", "ff", "fc12", "fcffffffff0f", "fd9a01", "fb00", "fe00"]
)
def test_an_unknown_opcode(opcode):
    data = wb.one_func(b"\1\1" + bytes.fromhex(opcode))
    error = refusal(data)
    assert error.message.startswith("illegal opcode " + opcode[:2])
    assert error.offset == data.index(b"\1\1" + bytes.fromhex(opcode)[:1]) + 2


@pytest.mark.parametrize(
    "feature",
    sorted(
        {row.feature for row in INSTRS if row.feature in Features.WASM2 and row.feature != "mvp"}
    ),
)
def test_an_instruction_of_a_feature_that_is_off_is_named(feature):
    row = next(r for r in INSTRS if r.feature == feature)
    opcode = bytes([row.sub]) if row.prefix is None else bytes([row.prefix, row.sub])
    error = refusal(wb.one_func(opcode + b"\0\0"), WASM2.without(feature))
    assert error.message.startswith("illegal opcode")
    assert row.mnemonic in error.message
    assert error.message.endswith(feature)


BAD_ENDS = {
    "no end": b"\1",
    "a block left open": b"\2\x40\x0b",
    "bytes behind the end": b"\x0b\1\x0b",
    "else outside of if": b"\5\x0b",
    "else in a block": b"\2\x40\5\x0b\x0b",
    "two elses": b"\x41\0\4\x40\5\5\x0b\x0b",
    "else in a block in an if": b"\x41\0\4\x40\2\x40\5\x0b\x0b\x0b",
    "cut off in an immediate": b"\x41\x80",
    "cut off in a float": b"\x44\0\0\0",
    "cut off in a block type": b"\2",
    "cut off in a memory argument": b"\x28\2",
}


@pytest.mark.parametrize("what", BAD_ENDS)
@pytest.mark.parametrize("followed", [False, True])
def test_a_body_ends_where_it_says(what, followed):
    bodies = [BAD_ENDS[what]] + [b"\x0b" * 12] * followed
    parts = [wb.types(wb.VOID), wb.section(3, wb.vec(*[b"\0"] * len(bodies))), wb.code(*bodies)]
    error = refusal(wb.module(*parts))
    start, end = wb.body_span(wb.module(*parts), BAD_ENDS[what])
    assert error.section == "code"
    assert start <= error.offset <= end


def test_an_initial_value_ends_in_its_section():
    data = wb.module(wb.section(6, b"\1\x7f\0\x41\0"), wb.custom("\x0b"))
    error = refusal(data)
    assert error.section == "global"
    assert error.message.startswith("unexpected end")


@pytest.mark.parametrize(
    ("runs", "accepted"),
    [("00", 0), ("01007f", 0), ("01d086037f", 50_000), ("02d086037f007e", 50_000), ("01d186037f", None),
     ("02d086037f017e", None), ("01ffffffff0f7f", None), ("04808080800 47f808080800 47e808080800 47d808080800 47c", None)],
)  # fmt: skip
def test_locals_are_counted_not_made(runs, accepted):
    runs = bytes.fromhex(runs.replace(" ", ""))
    data = wb.one_func(b"", runs=runs)
    if accepted is None:
        tracemalloc.start()
        assert refusal(data).message.startswith("too many locals")
        assert tracemalloc.get_traced_memory()[1] < 200_000
        tracemalloc.stop()
    else:
        assert sum(n for n, _ in decode_module(data).funcs[0].locals) == accepted


@pytest.mark.parametrize("depth", [501, 5_000, 50_000])
def test_deep_nesting(depth):
    data = wb.one_func(b"\2\x40" * depth + b"\x0b" * depth)
    body = body_of(data)
    assert len(body) == 2 * depth + 1
    limits = dataclasses.replace(DEFAULT_LIMITS, nesting=depth - 1)
    assert refusal(data, WASM2, limits).message.startswith("too many nested blocks")


def test_a_long_body():
    body = body_of(wb.one_func(b"\x41\1\x1a" * 50_000))
    assert len(body) == 100_001


LIMITED = {
    "module_bytes": (9, wb.module(wb.custom(""))),
    "types": (1, wb.module(wb.types(wb.VOID, wb.VOID))),
    "functions": (
        1,
        wb.module(wb.types(wb.VOID), wb.section(3, b"\2\0\0"), wb.code(b"\x0b", b"\x0b")),
    ),
    "imports": (0, wb.module(wb.section(2, wb.vec(b"\0\0\2\0\1")))),
    "exports": (0, wb.module(wb.section(7, wb.vec(b"\0\0\0")))),
    "globals": (0, wb.module(wb.section(6, wb.vec(b"\x7f\0\x41\0\x0b")))),
    "tables": (0, wb.module(wb.section(4, wb.vec(b"\x70\0\0")))),
    "memories": (0, wb.module(wb.ONE_PAGE)),
    "data_segments": (1, wb.module(wb.section(11, wb.vec(b"\1\0", b"\1\0")))),
    "elem_segments": (1, wb.module(wb.section(9, wb.vec(b"\1\0\0", b"\1\0\0")))),
    "function_bytes": (3, wb.one_func(b"\1\1")),
    "params": (1, wb.module(wb.types(b"\x60\2\x7f\x7f\0"))),
    "results": (1, wb.module(wb.types(b"\x60\0\2\x7f\x7f"))),
    "br_table_labels": (1, wb.one_func(b"\x41\0\x0e\2\0\0\0")),
    "name_bytes": (3, wb.module(wb.custom("long"))),
}


@pytest.mark.parametrize("name", LIMITED)
def test_limits_on_the_module(name):
    most, data = LIMITED[name]
    assert decode_module(data) is not None
    error = refusal(data, WASM2, dataclasses.replace(DEFAULT_LIMITS, **{name: most}))
    assert f"limit is {most}" in error.message


# Features that change an encoding


@pytest.mark.parametrize("instr", ["3f01", "4001", "fc0b01", "fc0a0001", "fc0a0100", "3f8000"])
def test_a_memory_index_is_a_zero_byte_without_multi_memory(instr):
    data = wb.one_func(bytes.fromhex(instr))
    assert refusal(data).message.startswith("zero byte expected")
    many = WASM2.having("multi_memory")
    assert len(body_of(data, many)) == 2


def test_the_table_index_is_a_zero_byte_without_reference_types():
    data = wb.one_func(b"\x11\0\1")
    assert body_of(data).imms[0] == (0, 1)
    assert refusal(data, Features.WASM1).message.startswith("zero byte expected")


def test_memory_arguments():
    many = WASM2.having("multi_memory")
    assert body_of(wb.one_func(b"\x28\2\x10")).imms[0] == (2, 16, 0)
    assert body_of(wb.one_func(b"\x28\x3f\x10")).imms[0] == (63, 16, 0)
    assert body_of(wb.one_func(b"\x28\x42\3\x10"), many).imms[0] == (2, 16, 3)
    assert refusal(wb.one_func(b"\x28\x42\3\x10")).message.startswith("malformed memop flags")
    assert "multi_memory" in refusal(wb.one_func(b"\x28\x42\3\x10")).message
    assert refusal(wb.one_func(b"\x28\x82\1\x10"), many).message.startswith("malformed memop flags")
    assert refusal(wb.one_func(b"\x28\2" + wb.leb(1 << 32))).message.startswith("integer too large")
    wide = WASM2.having("memory64")
    assert body_of(wb.one_func(b"\x28\2" + wb.leb(1 << 32)), wide).imms[0] == (2, 1 << 32, 0)


def test_block_types():
    assert body_of(wb.one_func(b"\2\x6f\x0b")).imms[0] == EXTERNREF
    assert body_of(wb.one_func(b"\3\x80\1\x0b")).imms[0] == 128
    for byte in (b"\x41", b"\x6d", b"\x80\x7f", b"\xc0\x7f"):
        assert refusal(wb.one_func(b"\2" + byte + b"\x0b")).message.startswith(
            "malformed block type"
        )
    assert "multi_value" in refusal(wb.one_func(b"\2\0\x0b"), WASM2.without("multi_value")).message
    assert "simd" in refusal(wb.one_func(b"\2\x7b\x0b"), WASM2.without("simd")).message


def test_the_data_count_section_belongs_to_bulk_memory():
    assert "bulk_memory" in refusal(wb.module(wb.section(12, b"\0")), Features.WASM1).message


# The table drives


def test_every_kind_of_immediate_has_a_reader():
    assert READERS.keys() == IMMEDIATES.keys()


# The name section


def test_names():
    section = wb.custom("name", b"\0\2\1m" + b"\1\7\2\0\1f\1\1g" + b"\2\6\1\0\1\0\1x" + b"\7\1\0")
    module = decode_module(wb.module(section))
    assert module.names == Names("m", {0: "f", 1: "g"}, {0: {0: "x"}})
    assert [c.name for c in module.customs] == ["name"]


@pytest.mark.parametrize(
    "body",
    [b"\0\5\1m", b"\1\2\1\0", b"\0\2\1\xff", b"\1", b"\0\3\1m\0", b"\1\5\xff\xff\xff\xff\x0f"],
)
def test_a_name_section_that_cannot_be_read_is_ignored(body):
    module = decode_module(wb.module(wb.custom("name", body)))
    assert module.names == Names()
    assert module.customs == [Custom("name", body, 0)]


def test_exports():
    data = wb.module(wb.section(7, wb.vec(b"\1f\0\0", b"\1t\1\1", b"\1m\2\2", b"\1g\3\3")))
    assert decode_module(data).exports == [
        Export("f", "func", 0), Export("t", "table", 1), Export("m", "memory", 2), Export("g", "global", 3),
    ]  # fmt: skip
