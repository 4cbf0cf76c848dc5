"""Finding a server's guard in the guards' directory.

What belongs here: where is looked, in which order, and what counts as a guard's
file.  What does not: loading it (``load``), and what a server gets where
nothing is found (``registration``).

ABI: section 7, discovery.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Mapping, Optional, Union

from hostabi.errors import GuardDiscoveryError
from hostabi.payload import trim

VARIABLE = "MCP_GATEWAY_WASM_GUARDS_DIR"
"""Names the directory, which has one for each server; set but empty, the guard that comes with
the gateway's image is not used either."""

BAKED_IN_SERVER = "github"
BAKED_IN = "/guards/github/00-github-guard.wasm"
"""The guard that the gateway's image has for that server."""

SUFFIX = ".wasm"


def discover(
    server: str, env: Mapping[str, str], *,
    baked_in: Union[str, os.PathLike[str], None] = BAKED_IN,
) -> Optional[Path]:  # fmt: skip
    """The file of a server's guard, None where there is none.

    First the guard that comes with the image, for its server; then the first
    file, by name, that ends in ``.wasm`` in the server's folder of the
    directory that the environment names.

    Raises: GuardDiscoveryError where it cannot be searched.
    """
    named = env.get(VARIABLE)
    if server == BAKED_IN_SERVER and baked_in is not None and named != "" and _is_file(baked_in):
        return Path(baked_in)
    directory = trim(named or "")
    if not directory:
        return None
    if server in ("", ".", "..") or "/" in server or "\\" in server or "\0" in server:
        raise GuardDiscoveryError("no folder can have the name of this server", server, "name")
    return _first(Path(directory) / server)


def _is_file(path: Union[str, os.PathLike[str]]) -> bool:
    """Whether a file is there; a folder that cannot be entered is none."""
    try:
        return Path(path).is_file()
    except OSError:
        return False


def _first(folder: Path) -> Optional[Path]:
    """The first guard in a folder.  Raises: GuardDiscoveryError."""
    try:
        with os.scandir(folder) as entries:
            names = sorted(
                entry.name for entry in entries
                if entry.name.lower().endswith(SUFFIX) and entry.is_file()
            )
    except FileNotFoundError:
        return None
    except NotADirectoryError as error:
        raise GuardDiscoveryError("a directory is wanted here", str(folder), "kind") from error
    except OSError as error:
        why = error.strerror or str(error)
        raise GuardDiscoveryError(f"it cannot be read: {why}", str(folder), "read") from error
    return folder / names[0] if names else None
