"""The command, wrongly used: one clear line a mistake, exit code 2, never a traceback."""

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from tidegate.cli.main import main


def run(*arguments: str, env: dict[str, str] | None = None) -> Result:
    return CliRunner().invoke(main, list(arguments), env=env)


def config(folder: Path, text: str) -> str:
    path = folder / "config.toml"
    path.write_text(text)
    return str(path)


def told(result: Result) -> list[str]:
    assert result.exit_code == 2
    assert result.stdout == ""
    assert isinstance(result.exception, SystemExit)
    return result.stderr.splitlines()


def test_an_unknown_key_is_answered_with_the_nearest(tmp_path: Path) -> None:
    lines = told(run("up", config(tmp_path, "[package]\nsegment_sm = 2000\n")))
    assert lines == ["tidegate: package.segment_sm: there is no such key; did you mean segment_ms?"]


def test_every_mistake_has_a_line(tmp_path: Path) -> None:
    text = "[http]\nport = 70000\n[logs]\n[channels.one]\ntakeovr = true\n"
    lines = told(run("up", config(tmp_path, text)))
    assert [line.split(":")[1].strip() for line in lines] == [
        "http.port",
        "channels.one.takeovr",
        "logs",
    ]
    assert lines[1].endswith("did you mean takeover?")
    assert lines[2].endswith("did you mean log?")


@pytest.mark.parametrize("command", ["up", "doctor", "upgrade"])
def test_a_missing_file_is_named(tmp_path: Path, command: str) -> None:
    path = tmp_path / "none.toml"
    assert told(run(command, str(path))) == [f"tidegate: {path}: No such file or directory"]


def test_what_is_no_toml_is_named(tmp_path: Path) -> None:
    path = config(tmp_path, "[http\n")
    (line,) = told(run("up", path))
    assert line.startswith(f"tidegate: {path}: not TOML: ")


def test_a_wrong_environment_variable_is_named() -> None:
    (line,) = told(run("up", env={"TIDEGATE_HTTP_PORT": "many"}))
    assert line.startswith("tidegate: http.port: ")


def test_the_demo_says_a_wrong_environment_too() -> None:
    (line,) = told(run("demo", env={"TIDEGATE_HTTP_PORT": "many"}))
    assert line.startswith("tidegate: http.port: ")


def test_help_shows_what_an_operator_runs_and_nothing_else() -> None:
    shown = run("--help").stdout
    commands = shown.partition("Commands:")[2].split("\n")
    assert [line.split()[0] for line in commands if line.strip()] == [
        "demo",
        "doctor",
        "load",
        "plan",
        "sim",
        "up",
        "upgrade",
    ]
