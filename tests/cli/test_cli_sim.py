"""`tidegate sim` rehearses an event, and tells a wrong scenario in a line with the key's path."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

PARADE = Path(__file__).parents[2] / "scenarios" / "parade-2015.toml"


def sim(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tidegate", "sim", *map(str, arguments)]
    return subprocess.run(command, check=False, capture_output=True, text=True, timeout=110)


@pytest.fixture(scope="module")
def short(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("scenarios")
    for name in ("parade-2015.toml", "access.toml"):
        (folder / name).write_text((PARADE.parent / name).read_text())
    path = folder / "short.toml"
    path.write_text('like = "parade-2015.toml"\nfailures = []\n[event]\nduration_s = 30\n')
    return path


def test_a_line_of_json(short: Path) -> None:
    done = sim(short, "--scale", "0.001", "--json")
    (line,) = done.stdout.splitlines()
    figures = json.loads(line)
    assert figures["freeze_floor"] <= figures["freeze_rate"] + 0.01
    assert {"stall_free_share", "bitrate_kbps", "join_p95_s", "peak_site_load"} <= set(figures)
    assert figures["times_real_time"] > 0
    assert 0 < figures["players_s"] + figures["planning_s"] < figures["cpu_s"]
    took = ("wall_s", "cpu_s", "players_s", "planning_s", "times_real_time")
    again = json.loads(sim(short, "--scale", "0.001", "--json").stdout)
    assert again | {key: figures[key] for key in took} == figures


def test_a_table_for_people(short: Path) -> None:
    done = sim(short, "--scale", "0.001", "--policy", "nearest", "--no-floor")
    assert "freeze rate" in done.stdout
    assert done.stderr.strip() == ""


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (
            'like = "parade-2015.toml"\n[audience]\npeek = 1\n',
            "audience.peek: there is no such key",
        ),
        ('like = "parade-2015.toml"\n[fleet]\nheadroom = 0\n', "fleet.headroom: "),
        (
            'like = "parade-2015.toml"\n[[failures]]\nat_s = 1\nwhat = "site_down"\n'
            'sites = ["guangdong-telecom-11"]\n',
            "failures[0].sites[0]: there is no site 'guangdong-telecom-11'; did you mean guangdong",
        ),
        ("name = ", "not TOML"),
    ],
)
def test_a_wrong_scenario_is_told(short: Path, text: str, line: str) -> None:
    path = short.parent / "wrong.toml"
    path.write_text(text)
    done = sim(path)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    told = done.stderr.splitlines()
    assert any(each.startswith("tidegate: ") and line in each for each in told), told


def test_no_file_is_told(tmp_path: Path) -> None:
    done = sim(tmp_path / "none.toml")
    assert done.returncode == 2
    assert done.stderr.endswith("No such file or directory\n")


def test_a_plan_is_one_page_that_needs_nothing(short: Path, tmp_path: Path) -> None:
    hall = PARADE.parent / "town-hall.toml"
    script = short.parent / "hall.toml"
    text = hall.read_text().replace('name = "town-hall"', 'name = "<b>town & hall</b>"')
    script.write_text(text.replace("duration_s = 600", "duration_s = 420"))
    out = tmp_path / "plan.html"
    command = [sys.executable, "-m", "tidegate", "plan", str(script), "--out", str(out)]
    command += ["--scale", "0.1", "--deaths", "1", "--headroom", "1.2,2", "--sites", "6,12"]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=110)
    assert done.returncode == 0, done.stderr
    page = out.read_text()
    assert "&lt;b&gt;town &amp; hall&lt;/b&gt;" in page
    assert "<b>town" not in page
    assert "http" not in page.replace("http-equiv", "")
    assert page.count("<svg") >= 4
    for word in ("nearest site", "least load", "dies", "yuan", "kbit/s", "6 sites", "monthly 95"):
        assert word in page


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--headroom", "1,2,3,4,5", "--sites", "1,2,3,4,5"], "make 25 fleets; give 1 to 20"),
        (["--commit", "1.5"], "--commit: a share of the capacity is at most 1"),
    ],
)
def test_a_plan_of_too_much_is_told(tmp_path: Path, words: list[str], told: str) -> None:
    command = [sys.executable, "-m", "tidegate", "plan", str(PARADE), *words]
    done = subprocess.run(
        command, check=False, capture_output=True, text=True, timeout=60, cwd=tmp_path
    )
    assert done.returncode == 2
    assert told in done.stderr
    assert not list(tmp_path.iterdir())


def test_a_plan_without_a_folder_is_told_before_it_runs(tmp_path: Path) -> None:
    out = tmp_path / "none" / "plan.html"
    command = [sys.executable, "-m", "tidegate", "plan", str(PARADE), "--out", str(out)]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)
    assert done.returncode == 2
    assert done.stderr.startswith("tidegate: --out ")
