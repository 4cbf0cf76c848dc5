"""The engines by name: which adapter drives each, and how it is set up.

An adapter is a module of this package. One that runs inside Python has ``engine(**setup)``,
which gives an ``Engine`` (see ``base``), and imports what it adapts at the top, so that it
fails to import where that is not installed. ``v8.js`` is a program that speaks the protocol
of ``harness/work.py`` itself.
"""

import importlib
from typing import Any, Dict, Tuple

#: Adapter and setup of each engine that Python drives.
ENGINES: Dict[str, Tuple[str, Dict[str, Any]]] = {
    "pywasm": ("pywasm", {}),
    "wasmpy_reference_plain": ("wasmpy", {"tier": "reference", "fusing": "never"}),
    "wasmpy_reference": ("wasmpy", {"tier": "reference"}),
    "wasmpy_python": ("wasmpy", {"tier": "python"}),
    "wasmpy_python_fuel": ("wasmpy", {"tier": "python", "metered": True}),
    "wasmpy_auto": ("wasmpy", {"tier": "auto"}),
    "wasmtime": ("wasmtime", {}),
    "wasmtime_fuel": ("wasmtime", {"metered": True}),
    "wasm3": ("command", {"words": ["wasm3", "{wasm}"], "version": ["wasm3", "--version"]}),
    "wazero": ("command", {"words": ["wazero", "run", "{wasm}"], "version": ["wazero", "version"]}),
    "wazero_interpreter": (
        "command",
        {"words": ["wazero", "run", "-interpreter", "{wasm}"], "version": ["wazero", "version"]},
    ),
}

#: Engines with a program of their own: its name and the script beside this file.
PROGRAMS: Dict[str, Tuple[str, str]] = {"v8": ("node", "v8.js")}

#: Every name.
NAMES = (*ENGINES, *PROGRAMS)


def engine(name: str) -> Any:
    """The engine of that name. Raises: ImportError or Missing where it is not there."""
    module, setup = ENGINES[name]
    return importlib.import_module("." + module, __name__).engine(**setup)
