"""The module ``spectest`` that every official script may import from.

What belongs here: its functions, globals, table and memory.

Spec: the reference interpreter's description of scripts.
"""

from __future__ import annotations

from typing import Any, Dict, List, Tuple

from wasmpy.api.module import Module
from wasmpy.api.store import Store
from wasmpy.config import Features
from wasmpy.exec.host import Caller, HostFunc
from wasmpy.syntax.types import F32, F64, I32, I64, FuncType, ValType

_STATE = """
(module
  (global (export "global_i32") i32 (i32.const 666))
  (global (export "global_i64") i64 (i64.const 666))
  (global (export "global_f32") f32 (f32.const 666.6))
  (global (export "global_f64") f64 (f64.const 666.6))
  (table (export "table") 10 20 funcref)
  (table (export "table64") i64 10 20 funcref)
  (memory (export "memory") 1 2)
  (memory (export "shared_memory") 1 2 shared))
"""
_PRINTS: Dict[str, Tuple[ValType, ...]] = {
    "print": (),
    "print_i32": (I32,),
    "print_i64": (I64,),
    "print_f32": (F32,),
    "print_f64": (F64,),
    "print_i32_f32": (I32, F32),
    "print_f64_f64": (F64, F64),
}


def spectest_module(store: Store, printed: List[Tuple[Any, ...]]) -> Dict[str, Any]:
    """The exports of a fresh ``spectest`` in ``store``.

    What a script prints is appended to ``printed`` as raw values.
    """

    def record(caller: Caller, *args: Any) -> None:
        printed.append(args)

    instance = Module(_STATE, features=Features.ALL).instantiate(store=store)
    exports: Dict[str, Any] = {name: instance.exports[name] for name in instance.exports}
    for name, params in _PRINTS.items():
        exports[name] = HostFunc(FuncType(params, ()), record, name, "spectest")
    return exports
