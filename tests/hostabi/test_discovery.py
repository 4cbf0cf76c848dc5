"""Finding guards, and what flags and environment say: scenarios 136-141."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from hostabi import Mode
from hostabi.discovery import VARIABLE, discover
from hostabi.errors import GuardDiscoveryError, SettingError
from hostabi.settings import (
    CACHE_FOLDER,
    CACHE_VARIABLE,
    SETTINGS,
    Settings,
    cache_directory,
    read_settings,
)


def folder(tmp_path, *names, server="s"):
    """An environment with these files in the server's folder."""
    place = tmp_path / server
    place.mkdir()
    for name in names:
        (place / name).write_bytes(b"\0asm")
    return {VARIABLE: f" {tmp_path} "}


def test_s136_an_upper_case_extension_matches(tmp_path):
    assert discover("s", folder(tmp_path, "G.WASM", "x.wat", "wasm")).name == "G.WASM"


def test_s137_a_directory_named_wasm_is_skipped(tmp_path):
    env = folder(tmp_path, "b.wasm")
    (tmp_path / "s" / "a.wasm").mkdir()
    assert discover("s", env).name == "b.wasm"
    (tmp_path / "s" / "b.wasm").unlink()
    assert discover("s", env) is None


def test_s138_the_first_name_in_order_wins(tmp_path):
    assert discover("s", folder(tmp_path, "b.wasm", "B.wasm", "10.wasm", "2.wasm")).name == "10.wasm"


def test_s139_a_file_where_a_directory_is_expected_is_an_error(tmp_path):
    (tmp_path / "s").write_bytes(b"")
    with pytest.raises(GuardDiscoveryError) as caught:
        discover("s", {VARIABLE: str(tmp_path)})
    assert (caught.value.reason, caught.value.path) == ("kind", str(tmp_path / "s"))


def test_s140_an_explicitly_blank_variable_disables_the_baked_in_guard(tmp_path):
    baked_in = tmp_path / "00-github-guard.wasm"
    baked_in.write_bytes(b"\0asm")
    for env in ({}, {VARIABLE: " "}, {VARIABLE: str(tmp_path)}):
        assert discover("github", env, baked_in=baked_in) == baked_in
    assert discover("github", {VARIABLE: ""}, baked_in=baked_in) is None
    # It is that server's alone, and only if it is there.
    assert discover("other", {}, baked_in=baked_in) is None
    assert discover("github", {}, baked_in=tmp_path / "none.wasm") is None
    assert discover("github", folder(tmp_path, "a.wasm", server="github"), baked_in=None).name == "a.wasm"


@pytest.mark.parametrize("env", [{}, {VARIABLE: ""}, {VARIABLE: " \t"}])
def test_without_a_directory_nothing_is_found(env, tmp_path):
    assert discover("s", env) is None
    assert discover("s", {VARIABLE: str(tmp_path / "missing")}) is None
    assert discover("s", {VARIABLE: str(tmp_path)}) is None


@pytest.mark.parametrize("server", ["", ".", "..", "../other", "a/b", "a\\b", "a\0b"])
def test_a_server_s_name_leads_nowhere_else(server, tmp_path):
    with pytest.raises(GuardDiscoveryError) as caught:
        discover(server, {VARIABLE: str(tmp_path)})
    assert caught.value.reason == "name"


def test_a_directory_that_cannot_be_read_is_an_error(tmp_path, monkeypatch):
    env = folder(tmp_path, "a.wasm")

    def refuse(path):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.raises(GuardDiscoveryError) as caught:
        discover("s", env)
    assert caught.value.reason == "read"


# -- settings ------------------------------------------------------------------


def test_s141_flag_beats_environment_beats_default_and_blanks_fall_through(tmp_path):
    env = {CACHE_VARIABLE: "/env"}
    logs = tmp_path / "logs"
    assert cache_directory("/flag", env, logs) == Path("/flag")
    assert cache_directory(" /flag ", env, logs) == Path("/flag")
    for blank in (None, "", " \t"):
        assert cache_directory(blank, env, logs) == Path("/env")
        assert cache_directory(blank, {CACHE_VARIABLE: blank or ""}, logs) == tmp_path / CACHE_FOLDER
        assert cache_directory(blank, {}).parts[-2:] == ("gh-aw", CACHE_FOLDER)


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda setting: setting.field)
def test_s141_every_setting_is_taken_from_its_flag_then_from_its_variable(setting):
    samples = {"mode": ("filter", "propagate"), "force_public_repos": ("yes", "no")}
    flagged, named = samples.get(setting.field, ("one", "two"))
    flags = {setting.flag: flagged} if setting.flag else {}
    env = {setting.variable: f" {named}\n"} if setting.variable else {}
    found = read_settings(env, flags)
    assert getattr(found, setting.field) == setting.read(flagged if flags else named)
    assert found.sources == {setting.field: setting.flag or setting.variable}
    assert found.flag(setting.field) == (setting.read(flagged) if flags else None)
    blank = read_settings(env, {flag: " " for flag in flags})
    assert getattr(blank, setting.field) == (setting.read(named) if env else getattr(Settings(), setting.field))
    assert read_settings({}, {flag: None for flag in flags}) == Settings()


def test_a_mode_that_is_none_is_an_error_of_a_flag_and_passed_over_in_the_environment():
    assert read_settings({"MCP_GATEWAY_GUARDS_MODE": "what"}).mode is Mode.STRICT
    assert read_settings({"MCP_GATEWAY_GUARDS_MODE": "FILTER"}).mode is Mode.FILTER
    with pytest.raises(SettingError) as caught:
        read_settings({}, {"--guards-mode": "what"})
    assert (caught.value.source, caught.value.value) == ("--guards-mode", "what")


def test_what_cannot_be_read_is_an_error_that_says_where_it_is_from():
    with pytest.raises(SettingError) as caught:
        read_settings({"MCP_GATEWAY_FORCE_PUBLIC_REPOS": "perhaps"})
    assert caught.value.source == "MCP_GATEWAY_FORCE_PUBLIC_REPOS"
    with pytest.raises(SettingError) as caught:
        read_settings({}, {"--no-such-flag": "1"})
    assert caught.value.source == "--no-such-flag"


def test_lists_have_commas_and_no_repetitions():
    found = read_settings({"MCP_GATEWAY_GUARDS_SINK_SERVER_IDS": "a, b,,a"}, {"--trusted-bots": "x"})
    assert (found.sink_servers, found.trusted_bots) == (("a", "b"), ("x",))


def test_the_reference_page_has_every_setting():
    page = (Path(__file__).parents[2] / "docs/reference/settings.md").read_text("utf-8")
    rows = [[cell.strip().strip("`") for cell in line.split("|")[1:-1]]
            for line in page.splitlines() if line.startswith("| `")]  # fmt: skip
    assert rows == [[s.field, s.flag or "", s.variable or "", s.expected] for s in SETTINGS]
