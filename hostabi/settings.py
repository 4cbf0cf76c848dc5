"""The host's settings: what flags and environment say, in which order, by one table.

What belongs here: reading a mapping of variables and one of flags.  What does
not: ``os.environ`` and a command line, which the caller has, policies
(``policy_sources``), and acting on any of it.

A flag that is given and not blank counts before the environment, the
environment before the default; blank values fall through.

ABI: section 7, settings.
"""

from __future__ import annotations

import dataclasses
import tempfile
from pathlib import Path
from typing import Any, Callable, Dict, Mapping, NamedTuple, Optional, Tuple, Union

from hostabi import discovery, policy_sources
from hostabi.errors import SettingError
from hostabi.labels import Mode
from hostabi.payload import trim
from hostabi.policy_sources import Scope

CACHE_VARIABLE = "MCP_GATEWAY_WASM_CACHE_DIR"
CACHE_FOLDER = "wasmpy-cache"
"""The gateway's is called ``wazero-cache``; what is in it is of no use to anybody else."""

_YES = ("1", "t", "true", "yes", "on")
_NO = ("0", "f", "false", "no", "off")


def _text(text: str) -> str:
    return text


def _mode(text: str) -> Mode:
    return Mode(text.lower())


def _names(text: str) -> Tuple[str, ...]:
    """Names with commas between them, without repetitions."""
    return tuple(dict.fromkeys(name for name in map(trim, text.split(",")) if name))


def _yes_or_no(text: str) -> bool:
    word = text.lower()
    if word not in _YES + _NO:
        raise ValueError
    return word in _YES


class Setting(NamedTuple):
    """A setting: its field, its flag and variable (None for one that has none), how it is read.

    ``lenient`` says that a variable which cannot be read counts as not given,
    as in the gateway.
    """

    field: str
    flag: Optional[str]
    variable: Optional[str]
    read: Callable[[str], Any]
    expected: str
    lenient: bool = False


SETTINGS: Tuple[Setting, ...] = (
    Setting("mode", "--guards-mode", "MCP_GATEWAY_GUARDS_MODE", _mode,
            "strict, filter or propagate", lenient=True),
    Setting("policy_json", "--guard-policy-json", policy_sources.ENV_POLICY, _text, "a policy"),
    Setting("scope_public", "--allowonly-scope-public", policy_sources.ENV_SCOPE_PUBLIC, _text,
            "true or false"),
    Setting("scope_owner", "--allowonly-scope-owner", policy_sources.ENV_SCOPE_OWNER, _text,
            "an owner"),
    Setting("scope_repo", "--allowonly-scope-repo", policy_sources.ENV_SCOPE_REPO, _text,
            "a repository's name"),
    Setting("min_integrity", "--allowonly-min-integrity", policy_sources.ENV_MIN_INTEGRITY, _text,
            "none, unapproved, approved or merged"),
    Setting("sink_servers", "--guards-sink-server-ids", "MCP_GATEWAY_GUARDS_SINK_SERVER_IDS",
            _names, "servers with commas between them"),
    Setting("cache_directory", "--wasm-cache-dir", CACHE_VARIABLE, _text, "a directory"),
    Setting("guards_directory", None, discovery.VARIABLE, _text, "a directory"),
    Setting("force_public_repos", "--force-public-repos", "MCP_GATEWAY_FORCE_PUBLIC_REPOS",
            _yes_or_no, "true or false"),
    Setting("guard", "--guard-wasm", None, _text, "a guard's file"),
    Setting("policy", "--policy", None, _text, "a policy"),
    Setting("trusted_bots", "--trusted-bots", None, _names, "names with commas between them"),
    Setting("trusted_users", "--trusted-users", None, _names, "names with commas between them"),
)  # fmt: skip
"""Every setting, in the order of the reference page."""


@dataclasses.dataclass(frozen=True)
class Settings:
    """What was set; ``sources`` has, by field, the flag or variable that a value is from.

    ``scope_*`` and ``min_integrity`` are as given.
    """

    mode: Mode = Mode.STRICT
    policy_json: Optional[str] = None
    scope_public: Optional[str] = None
    scope_owner: Optional[str] = None
    scope_repo: Optional[str] = None
    min_integrity: Optional[str] = None
    sink_servers: Tuple[str, ...] = ()
    cache_directory: Optional[str] = None
    guards_directory: Optional[str] = None
    force_public_repos: bool = False
    guard: Optional[str] = None
    policy: Optional[str] = None
    trusted_bots: Tuple[str, ...] = ()
    trusted_users: Tuple[str, ...] = ()
    sources: Mapping[str, str] = dataclasses.field(default_factory=dict)

    def flag(self, field: str) -> Any:
        """The value of a field if a flag gave it, else None."""
        return getattr(self, field) if self.sources.get(field, "").startswith("--") else None

    @property
    def scope(self) -> Scope:
        """The allow-only policy that flags give in four settings."""
        return Scope(
            self.flag("scope_public"), self.flag("scope_owner"), self.flag("scope_repo"),
            self.flag("min_integrity"),
        )  # fmt: skip


def read_settings(env: Mapping[str, str], flags: Optional[Mapping[str, Any]] = None) -> Settings:
    """The settings by flags (as ``--guards-mode``; None and blank are not given) and variables.

    >>> found = read_settings({"MCP_GATEWAY_GUARDS_MODE": "filter"}, {"--guards-mode": " "})
    >>> found.mode.value, found.sources["mode"]
    ('filter', 'MCP_GATEWAY_GUARDS_MODE')

    Raises: SettingError.
    """
    given = dict(flags or {})
    unknown = sorted(set(given) - {setting.flag for setting in SETTINGS})
    if unknown:
        raise SettingError(unknown[0], str(given[unknown[0]]), "no setting")
    values: Dict[str, Any] = {}
    sources: Dict[str, str] = {}
    for setting in SETTINGS:
        for source, text in ((setting.flag, given.get(setting.flag or "")),
                             (setting.variable, env.get(setting.variable or ""))):  # fmt: skip
            if source is None or text is None or not trim(str(text)):
                continue
            read, value = _read(setting, source, trim(str(text)))
            if read:
                values[setting.field], sources[setting.field] = value, source
                break
    return Settings(**values, sources=sources)


def _read(setting: Setting, source: str, text: str) -> Tuple[bool, Any]:
    """Whether a value counts, and the value.  Raises: SettingError."""
    try:
        return True, setting.read(text)
    except ValueError as error:
        if setting.lenient and source == setting.variable:
            return False, None
        raise SettingError(source, text, setting.expected) from error


def cache_directory(
    flag: Optional[str], env: Mapping[str, str],
    log_directory: Union[str, Path, None] = None,
) -> Path:  # fmt: skip
    """The directory of the cache: the flag, the variable, or one beside that of the log.

    >>> str(cache_directory(" ", {CACHE_VARIABLE: "/cache"}))
    '/cache'
    """
    for text in (flag, env.get(CACHE_VARIABLE)):
        if text is not None and trim(text):
            return Path(trim(text))
    if log_directory is not None and trim(str(log_directory)):
        return Path(log_directory).parent / CACHE_FOLDER
    return Path(tempfile.gettempdir()) / "gh-aw" / CACHE_FOLDER
