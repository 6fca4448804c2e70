"""The pages made from the code are committed as the code makes them."""

import os
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from pydantic import BaseModel

from tidegate.cli.docs import PAGES, settings_page
from tidegate.cli.main import main
from tidegate.settings import Channel, Settings, SettingsError, load

DOCS = Path(__file__).parent.parent.parent / "docs"
TABLES: dict[str, type[BaseModel]] = {
    name: field.annotation
    for name, field in Settings.model_fields.items()
    if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel)
}
KEYS = [(table, key) for table, model in TABLES.items() for key in model.model_fields]
ODD = {
    ("http", "reserve"): "0.25",
    ("http", "buddy"): "https://other.example",
    ("http", "exempt"): "192.0.2.0/24,2001:db8::/32",
    ("tls", "certificates"): "a.pem:a.key,b.pem:b.key",
    ("tls", "min_version"): "1.3",
}
"""A valid value of what takes not just any number or name."""


@pytest.mark.parametrize("name", PAGES)
def test_committed_page_is_the_one_the_code_makes(name: str) -> None:
    assert (DOCS / name).read_text() == PAGES[name](), "run: tidegate docs docs"


def test_docs_command_writes_the_pages(tmp_path: Path) -> None:
    assert CliRunner().invoke(main, ["docs", str(tmp_path)]).exit_code == 0
    assert sorted(os.listdir(tmp_path)) == sorted(PAGES)  # noqa: PTH208


@pytest.mark.parametrize(("table", "key"), KEYS)
def test_every_setting_is_explained_and_overridden_by_its_variable(table: str, key: str) -> None:
    variable = f"TIDEGATE_{table}_{key}".upper()
    assert f"`{variable}`" in settings_page()
    assert TABLES[table].model_fields[key].description
    default = getattr(getattr(Settings(), table), key)
    text = sample(default, table, key)
    changed = getattr(getattr(load(None, {variable: text}), table), key)
    assert changed != default
    if not isinstance(default, list):
        assert str(changed) == text


def sample(default: Any, table: str, key: str) -> str:
    """A valid value, as the environment holds it, that differs from the default."""
    if (table, key) in ODD:
        return ODD[table, key]
    if default is None:
        return "k" * 16
    if isinstance(default, bool):
        return str(not default)
    if isinstance(default, str | Path):
        return "/elsewhere" if isinstance(default, Path) else "192.0.2.9"
    return str(type(default)(default + 1 if default else 1))


def test_every_setting_of_a_channel_is_explained() -> None:
    for key, field in Channel.model_fields.items():
        assert f"| `{key}` |" in settings_page()
        assert field.description


@pytest.mark.parametrize(("table", "key"), KEYS)
def test_a_slip_in_any_key_is_answered_with_that_key(table: str, key: str, tmp_path: Path) -> None:
    slip = key[:-1] + ("x" if key[-1] != "x" else "y")
    config = tmp_path / "config.toml"
    config.write_text(f"[{table}]\n{slip} = 1\n")
    with pytest.raises(SettingsError, match=f"{table}.{slip}: .*did you mean {key}"):
        load(config, {})


def test_a_playlist_may_not_list_what_is_not_kept() -> None:
    with pytest.raises(SettingsError, match=r"log\.retention_s \(40\) must be at least twice"):
        load(None, {"TIDEGATE_LOG_RETENTION_S": "40"})
