"""The doctor's report."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from tidegate.cli.main import main


@pytest.fixture
def env(tmp_path: Path) -> dict[str, str]:
    return {
        "TIDEGATE_LOG_ROOT": str(tmp_path / "log"),
        "TIDEGATE_STATE_FOLDER": str(tmp_path / "state"),
        "TIDEGATE_HTTP_PORT": "0",
        "TIDEGATE_RTMP_PORT": "0",
        "COLUMNS": "200",
    }


def doctor(env: dict[str, str], *arguments: str) -> Result:
    return CliRunner().invoke(main, ["doctor", *arguments], env=env)


def test_json_is_one_line_and_the_exit_code_tells_of_failures(env: dict[str, str]) -> None:
    result = doctor(env, "--json")
    (line,) = result.stdout.splitlines()
    verdicts = {found["name"]: found["verdict"] for found in json.loads(line)["findings"]}
    assert verdicts["Python"] == "ok"
    assert result.exit_code == ("fail" in verdicts.values())


def test_a_failure_is_shown_with_its_fix(env: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    result = doctor({**env, "TIDEGATE_STATE_FOLDER": str(tmp_path / "file")})
    assert result.exit_code == 1
    shown = result.stdout.splitlines()
    (at,) = [n for n, line in enumerate(shown) if line.split()[:2] == ["fail", "state.folder"]]
    assert "cannot be written" in shown[at]
    assert "set state.folder to another" in shown[at + 1]
