"""wasmpy: a WebAssembly runtime in pure Python for guards.

Names are imported when first used, so that importing a part of wasmpy loads
no more than it needs.

>>> import wasmpy
>>> wat = '(module (func (export "two") (result i32) (i32.const 2)))'
>>> wasmpy.Module(wat).instantiate().exports.two()
2
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any, Dict, List

__version__ = "0.1.0"

if TYPE_CHECKING:
    from wasi import WasiConfig as WasiConfig
    from wasmpy.api.caller import Caller as Caller
    from wasmpy.api.heap import Array as Array
    from wasmpy.api.heap import Struct as Struct
    from wasmpy.api.instance import Func as Func
    from wasmpy.api.instance import Global as Global
    from wasmpy.api.instance import Instance as Instance
    from wasmpy.api.instance import Memory as Memory
    from wasmpy.api.instance import Table as Table
    from wasmpy.api.instance import Tag as Tag
    from wasmpy.api.linker import Linker as Linker
    from wasmpy.api.module import ExportType as ExportType
    from wasmpy.api.module import ImportType as ImportType
    from wasmpy.api.module import Module as Module
    from wasmpy.api.store import Store as Store
    from wasmpy.config import Features as Features
    from wasmpy.config import Limits as Limits
    from wasmpy.errors import ConcurrencyError as ConcurrencyError
    from wasmpy.errors import FallbackError as FallbackError
    from wasmpy.errors import Frame as Frame
    from wasmpy.errors import GuardError as GuardError
    from wasmpy.errors import InternalError as InternalError
    from wasmpy.errors import Interrupted as Interrupted
    from wasmpy.errors import InvalidError as InvalidError
    from wasmpy.errors import LinkError as LinkError
    from wasmpy.errors import MalformedError as MalformedError
    from wasmpy.errors import MissingImport as MissingImport
    from wasmpy.errors import ResetError as ResetError
    from wasmpy.errors import Resource as Resource
    from wasmpy.errors import TrapKind as TrapKind
    from wasmpy.errors import WasiExit as WasiExit
    from wasmpy.errors import WasmError as WasmError
    from wasmpy.errors import WasmException as WasmException
    from wasmpy.errors import WasmTrap as WasmTrap
    from wasmpy.exec.heap import I31 as I31
    from wasmpy.exec.heap import HostRef as HostRef
    from wasmpy.exec.host import HostFunc as HostFunc
    from wasmpy.syntax.types import ANYREF as ANYREF
    from wasmpy.syntax.types import EQREF as EQREF
    from wasmpy.syntax.types import EXTERNREF as EXTERNREF
    from wasmpy.syntax.types import F32 as F32
    from wasmpy.syntax.types import F64 as F64
    from wasmpy.syntax.types import FUNCREF as FUNCREF
    from wasmpy.syntax.types import I8 as I8
    from wasmpy.syntax.types import I16 as I16
    from wasmpy.syntax.types import I32 as I32
    from wasmpy.syntax.types import I64 as I64
    from wasmpy.syntax.types import ArrayType as ArrayType
    from wasmpy.syntax.types import DefType as DefType
    from wasmpy.syntax.types import FieldType as FieldType
    from wasmpy.syntax.types import FuncType as FuncType
    from wasmpy.syntax.types import GlobalType as GlobalType
    from wasmpy.syntax.types import MemType as MemType
    from wasmpy.syntax.types import RefType as RefType
    from wasmpy.syntax.types import StructType as StructType
    from wasmpy.syntax.types import TableType as TableType
    from wasmpy.syntax.types import TagType as TagType
    from wasmpy.tiers.cache import Cache as Cache
    from wasmpy.tiers.cache import CacheWarning as CacheWarning
    from wasmpy.tiers.fallback import FallbackWarning as FallbackWarning
    from wasmpy.tiers.folder import CacheError as CacheError

_HOME: Dict[str, str] = {}
for _module, _names in {
    "wasi": "WasiConfig",
    "wasmpy.api.caller": "Caller",
    "wasmpy.api.heap": "Array Struct",
    "wasmpy.api.instance": "Func Global Instance Memory Table Tag",
    "wasmpy.api.linker": "Linker",
    "wasmpy.api.module": "ExportType ImportType Module",
    "wasmpy.api.store": "Store",
    "wasmpy.config": "Features Limits",
    "wasmpy.errors": (
        "ConcurrencyError FallbackError Frame GuardError InternalError Interrupted InvalidError "
        "LinkError MalformedError MissingImport ResetError Resource TrapKind WasiExit WasmError "
        "WasmException WasmTrap"
    ),
    "wasmpy.exec.heap": "HostRef I31",
    "wasmpy.exec.host": "HostFunc",
    "wasmpy.tiers.cache": "Cache CacheWarning",
    "wasmpy.tiers.fallback": "FallbackWarning",
    "wasmpy.tiers.folder": "CacheError",
    "wasmpy.syntax.types": (
        "ANYREF EQREF EXTERNREF F32 F64 FUNCREF I8 I16 I32 I64 ArrayType DefType FieldType "
        "FuncType GlobalType MemType RefType StructType TableType TagType"
    ),
}.items():
    for _name in _names.split():
        _HOME[_name] = _module

__all__ = sorted([*_HOME, "SizeRange", "__version__"])  # pyright: ignore


def __getattr__(name: str) -> Any:
    if name == "SizeRange":
        value = importlib.import_module("wasmpy.syntax.types").Limits
    elif name in _HOME:
        value = getattr(importlib.import_module(_HOME[name]), name)
    else:
        raise AttributeError(f"module 'wasmpy' has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> List[str]:
    return __all__
