"""The vector instructions, fixed-width and relaxed: families times shapes.

What belongs here: the rows behind the prefix 0xFD.  The numeric column names
a combinator of ``wasmpy.numerics.vectors``, the shapes, and the scalar
operator that is lifted.  The codes of the shapes of integers repeat every
0x20; what fills the gaps of one shape is listed after it.

A relaxed instruction is what the deterministic profile makes of it: the
instruction that it relaxes.

Spec: ``appendix/index-instructions.html``, ``appendix/profiles.html``.
"""

from __future__ import annotations

from typing import Dict, Iterator, Tuple, Union

from wasmpy.errors import TrapKind
from wasmpy.isa.row import Access, Instr, make_row
from wasmpy.syntax.types import F32, F64, I32, I64, V128, ResultType, ValType

_OOB = (TrapKind.MEMORY_OUT_OF_BOUNDS,)
_UNARY: Tuple[ResultType, ResultType] = ((V128,), (V128,))
_BINARY: Tuple[ResultType, ResultType] = ((V128, V128), (V128,))
_TERNARY: Tuple[ResultType, ResultType] = ((V128, V128, V128), (V128,))
_TEST: Tuple[ResultType, ResultType] = ((V128,), (I32,))
_SHIFT: Tuple[ResultType, ResultType] = ((V128, I32), (V128,))

_INTS = ("i8x16", "i16x8", "i32x4", "i64x2")
_HALF: Dict[str, str] = {"i16x8": "i8x16", "i32x4": "i16x8", "i64x2": "i32x4"}
"""The shape of integers half as wide."""
_LANES: Dict[str, int] = {"i8x16": 16, "i16x8": 8, "i32x4": 4, "i64x2": 2, "f32x4": 4, "f64x2": 2}
_LANE_TYPE: Dict[str, ValType] = {
    "i8x16": I32, "i16x8": I32, "i32x4": I32, "i64x2": I64, "f32x4": F32, "f64x2": F64,
}  # fmt: skip


_RULE_OF: Dict[str, str] = {
    "vany_true": "vvtestop", "vall_true": "vtestop", "vswizzle": "vswizzlop",
    "vsplat_packed": "vsplat", "vextract_lane_packed": "vextract-lane",
    "vreplace_lane_packed": "vreplace-lane", "vcvtop_high": "vcvtop", "vcvtop_zero": "vcvtop",
    "vextmul": "vextbinop", "vextmul_high": "vextbinop", "vdot": "vextbinop",
    "vextadd_pairwise": "vextunop", "vdot_add": "vextternop",
}  # fmt: skip
"""The spec's rule for a combinator, where it is called otherwise."""
_RULE_OF_LOAD: Dict[str, str] = {"whole": "val", "extend": "pack", "splat": "splat", "zero": "zero"}


def _row(
    code: int,
    mnemonic: str,
    stack: Tuple[ResultType, ResultType],
    combinator: str,
    *constants: Union[int, str],
    immediates: str = "",
    lanes: int = 0,
    feature: str = "simd",
) -> Instr:
    """A row whose semantics is a combinator."""
    rule = _RULE_OF.get(combinator, combinator.replace("_", "-"))
    return make_row(
        code, mnemonic, immediates, stack, prefix=0xFD, numeric=(combinator, constants),
        feature=feature, lanes=lanes, anchor=f"exec/instructions.html#exec-{rule}",
    )  # fmt: skip


def _access() -> Iterator[Instr]:
    def load(code: int, name: str, access: Access) -> Instr:
        anchor = f"exec/instructions.html#exec-vload-{_RULE_OF_LOAD[access.lanes]}"
        return make_row(
            code, f"v128.load{name}", "memarg", ((I32,), (V128,)), prefix=0xFD, access=access,
            traps=_OOB, feature="simd", anchor=anchor,
        )  # fmt: skip

    yield load(0x00, "", Access(16, "u", 128, store=False, lanes="whole"))
    code = 0x01
    for part, count in ((1, 8), (2, 4), (4, 2)):
        for sign in "su":
            access = Access(8, sign, 128, store=False, lanes="extend", part=part)
            yield load(code, f"{part * 8}x{count}_{sign}", access)
            code += 1
    for code, width in enumerate((1, 2, 4, 8), 0x07):
        yield load(code, f"{width * 8}_splat", Access(width, "u", 128, store=False, lanes="splat"))
    for code, width in ((0x5C, 4), (0x5D, 8)):
        yield load(code, f"{width * 8}_zero", Access(width, "u", 128, store=False, lanes="zero"))
    yield make_row(
        0x0B, "v128.store", "memarg", ((I32, V128), ()), prefix=0xFD, traps=_OOB, feature="simd",
        access=Access(16, "u", 128, store=True, lanes="whole"),
        anchor="exec/instructions.html#exec-vstore",
    )  # fmt: skip
    for code, way in ((0x54, "load"), (0x58, "store")):
        store = way == "store"
        for i, width in enumerate((1, 2, 4, 8)):
            yield make_row(
                code + i, f"v128.{way}{width * 8}_lane", "memarg laneidx",
                ((I32, V128), () if store else (V128,)), prefix=0xFD, traps=_OOB, feature="simd",
                access=Access(width, "u", 128, store=store, lanes="lane"), lanes=16 // width,
                anchor=f"exec/instructions.html#exec-v{way}-lane",
            )  # fmt: skip


def _lanes() -> Iterator[Instr]:
    yield make_row(
        0x0C, "v128.const", "v128", ((), (V128,)), prefix=0xFD, feature="simd", const="mvp",
        anchor="exec/instructions.html#exec-vconst",
    )  # fmt: skip
    yield _row(0x0D, "i8x16.shuffle", _BINARY, "vshuffle", immediates="lanes", lanes=32)
    yield _row(0x0E, "i8x16.swizzle", _BINARY, "vswizzle")
    code = 0x15
    for i, (shape, t) in enumerate(_LANE_TYPE.items()):
        packed = "_packed" if shape in ("i8x16", "i16x8") else ""
        yield _row(0x0F + i, f"{shape}.splat", ((t,), (V128,)), "vsplat" + packed, shape)
        for sign in ("_s", "_u") if packed else ("",):
            constants = (shape, f"extend{sign}") if packed else (shape,)
            yield _row(
                code, f"{shape}.extract_lane{sign}", ((V128,), (t,)), "vextract_lane" + packed,
                *constants, immediates="laneidx", lanes=_LANES[shape],
            )  # fmt: skip
            code += 1
        yield _row(
            code, f"{shape}.replace_lane", ((V128, t), (V128,)), "vreplace_lane" + packed, shape,
            immediates="laneidx", lanes=_LANES[shape],
        )  # fmt: skip
        code += 1


def _bitwise() -> Iterator[Instr]:
    yield _row(0x4D, "v128.not", _UNARY, "vvunop", "inot")
    for code, name in enumerate(("and", "andnot", "or", "xor"), 0x4E):
        yield _row(code, f"v128.{name}", _BINARY, "vvbinop", "i" + name)
    yield _row(0x52, "v128.bitselect", _TERNARY, "vvternop", "ibitselect")
    yield _row(0x53, "v128.any_true", _TEST, "vany_true")


_IREL = ("eq", "ne", "lt_s", "lt_u", "gt_s", "gt_u", "le_s", "le_u", "ge_s", "ge_u")
_IREL_64 = ("eq", "ne", "lt_s", "gt_s", "le_s", "ge_s")
_FREL = ("eq", "ne", "lt", "gt", "le", "ge")


def _comparisons() -> Iterator[Instr]:
    for first, shape, mask, names in (
        (0x23, "i8x16", "i8x16", _IREL), (0x2D, "i16x8", "i16x8", _IREL),
        (0x37, "i32x4", "i32x4", _IREL), (0x41, "f32x4", "i32x4", _FREL),
        (0x47, "f64x2", "i64x2", _FREL), (0xD6, "i64x2", "i64x2", _IREL_64),
    ):  # fmt: skip
        for code, name in enumerate(names, first):
            operator = shape[0] + name
            yield _row(code, f"{shape}.{name}", _BINARY, "vrelop", shape, mask, operator)


_SATURATING = ("i8x16", "i16x8")
_MINMAX = ("i8x16", "i16x8", "i32x4")
_IBIN: Tuple[Tuple[int, str, Tuple[str, ...]], ...] = (
    (0x0E, "add", _INTS), (0x0F, "add_sat_s", _SATURATING), (0x10, "add_sat_u", _SATURATING),
    (0x11, "sub", _INTS), (0x12, "sub_sat_s", _SATURATING), (0x13, "sub_sat_u", _SATURATING),
    (0x15, "mul", ("i16x8", "i32x4", "i64x2")), (0x16, "min_s", _MINMAX), (0x17, "min_u", _MINMAX),
    (0x18, "max_s", _MINMAX), (0x19, "max_u", _MINMAX), (0x1B, "avgr_u", _SATURATING),
)  # fmt: skip
"""Code from the shape's first, name, shapes."""


def _integers() -> Iterator[Instr]:
    for first, shape in zip((0x60, 0x80, 0xA0, 0xC0), _INTS):
        for i, name in enumerate(("abs", "neg")):
            yield _row(first + i, f"{shape}.{name}", _UNARY, "vunop", shape, "i" + name)
        yield _row(first + 0x03, f"{shape}.all_true", _TEST, "vall_true", shape)
        yield _row(first + 0x04, f"{shape}.bitmask", _TEST, "vbitmask", shape)
        for i, name in enumerate(("shl", "shr_s", "shr_u"), 0x0B):
            yield _row(first + i, f"{shape}.{name}", _SHIFT, "vshiftop", shape, "i" + name)
        for i, name, shapes in _IBIN:
            if shape in shapes:
                yield _row(first + i, f"{shape}.{name}", _BINARY, "vbinop", shape, "i" + name)
    yield _row(0x62, "i8x16.popcnt", _UNARY, "vunop", "i8x16", "ipopcnt")
    yield _row(0x82, "i16x8.q15mulr_sat_s", _BINARY, "vbinop", "i16x8", "iq15mulrsat_s")


def _widths() -> Iterator[Instr]:
    """From one width of integers to another."""
    for code, src, dst in ((0x65, "i16x8", "i8x16"), (0x85, "i32x4", "i16x8")):
        for i, sign in enumerate("su"):
            name = f"{dst}.narrow_{src}_{sign}"
            yield _row(code + i, name, _BINARY, "vnarrow", src, dst, f"narrow_{sign}")
    for first, (dst, src) in zip((0x80, 0xA0, 0xC0), _HALF.items()):
        for i, (sign, half) in enumerate((s, h) for s in "su" for h in ("low", "high")):
            constants = (src, dst, f"extend_{sign}")
            high = "_high" if half == "high" else ""
            name = f"{dst}.extend_{half}_{src}_{sign}"
            yield _row(first + 0x07 + i, name, _UNARY, "vcvtop" + high, *constants)
            name = f"{dst}.extmul_{half}_{src}_{sign}"
            yield _row(first + 0x1C + i, name, _BINARY, "vextmul" + high, *constants)
    for code, dst in ((0x7C, "i16x8"), (0x7E, "i32x4")):
        src = _HALF[dst]
        for i, sign in enumerate("su"):
            name = f"{dst}.extadd_pairwise_{src}_{sign}"
            yield _row(code + i, name, _UNARY, "vextadd_pairwise", src, dst, f"extend_{sign}")
    yield _row(0xBA, "i32x4.dot_i16x8_s", _BINARY, "vdot", "i16x8", "i32x4", "extend_s", "iadd")


def _floats() -> Iterator[Instr]:
    roundings = ("ceil", "floor", "trunc", "nearest")
    for shape, codes in (
        ("f32x4", (0x67, 0x68, 0x69, 0x6A)), ("f64x2", (0x74, 0x75, 0x7A, 0x94))
    ):  # fmt: skip
        for code, name in zip(codes, roundings):
            yield _row(code, f"{shape}.{name}", _UNARY, "vunop", shape, "f" + name)
    binary = ("add", "sub", "mul", "div", "min", "max", "pmin", "pmax")
    for first, shape in ((0xE0, "f32x4"), (0xEC, "f64x2")):
        for i, name in ((0, "abs"), (1, "neg"), (3, "sqrt")):
            yield _row(first + i, f"{shape}.{name}", _UNARY, "vunop", shape, "f" + name)
        for code, name in enumerate(binary, first + 4):
            yield _row(code, f"{shape}.{name}", _BINARY, "vbinop", shape, "f" + name)


def _conversions() -> Iterator[Instr]:
    for i, sign in enumerate("su"):
        for code, src, dst, name, end in (
            (0xF8, "f32x4", "i32x4", "trunc_sat", ""),
            (0xFA, "i32x4", "f32x4", "convert", ""),
            (0xFC, "f64x2", "i32x4", "trunc_sat", "_zero"),
        ):
            mnemonic = f"{dst}.{name}_{src}_{sign}{end}"
            yield _row(code + i, mnemonic, _UNARY, "vcvtop" + end, src, dst, f"{name}_{sign}")
        yield _row(
            0xFE + i, f"f64x2.convert_low_i32x4_{sign}", _UNARY,
            "vcvtop", "i32x4", "f64x2", f"convert_{sign}",
        )  # fmt: skip
    yield _row(0x5E, "f32x4.demote_f64x2_zero", _UNARY, "vcvtop_zero", "f64x2", "f32x4", "demote")
    yield _row(0x5F, "f64x2.promote_low_f32x4", _UNARY, "vcvtop", "f32x4", "f64x2", "promote")


def _relaxed() -> Iterator[Instr]:
    def row(
        code: int, mnemonic: str, stack: Tuple[ResultType, ResultType], combinator: str,
        *constants: str,
    ) -> Instr:  # fmt: skip
        return _row(code, mnemonic, stack, combinator, *constants, feature="relaxed_simd")

    yield row(0x100, "i8x16.relaxed_swizzle", _BINARY, "vswizzle")
    for code, src, sign, end in (
        (0x101, "f32x4", "s", ""), (0x102, "f32x4", "u", ""),
        (0x103, "f64x2", "s", "_zero"), (0x104, "f64x2", "u", "_zero"),
    ):  # fmt: skip
        mnemonic = f"i32x4.relaxed_trunc_{src}_{sign}{end}"
        yield row(code, mnemonic, _UNARY, "vcvtop" + end, src, "i32x4", f"trunc_sat_{sign}")
    for i, shape in enumerate(("f32x4", "f64x2")):
        for j, name in enumerate(("madd", "nmadd")):
            mnemonic = f"{shape}.relaxed_{name}"
            yield row(0x105 + 2 * i + j, mnemonic, _TERNARY, "vternop", shape, f"frelaxed_{name}")
        for j, name in enumerate(("min", "max")):
            mnemonic = f"{shape}.relaxed_{name}"
            yield row(0x10D + 2 * i + j, mnemonic, _BINARY, "vbinop", shape, "f" + name)
    for code, shape in enumerate(_INTS, 0x109):
        # Selecting bits is the same whatever the shape.
        yield row(code, f"{shape}.relaxed_laneselect", _TERNARY, "vvternop", "ibitselect")
    yield row(0x111, "i16x8.relaxed_q15mulr_s", _BINARY, "vbinop", "i16x8", "iq15mulrsat_s")
    yield row(
        0x112, "i16x8.relaxed_dot_i8x16_i7x16_s", _BINARY,
        "vdot", "i8x16", "i16x8", "extend_s", "iadd_sat_s",
    )  # fmt: skip
    yield row(
        0x113, "i32x4.relaxed_dot_i8x16_i7x16_add_s", _TERNARY,
        "vdot_add", "i8x16", "i16x8", "i32x4", "extend_s", "iadd_sat_s",
    )  # fmt: skip


def rows() -> Iterator[Instr]:
    """Every row behind the prefix 0xFD."""
    yield from _access()
    yield from _lanes()
    yield from _bitwise()
    yield from _comparisons()
    yield from _integers()
    yield from _widths()
    yield from _floats()
    yield from _conversions()
    yield from _relaxed()
