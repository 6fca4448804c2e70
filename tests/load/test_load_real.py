"""`tidegate load` as a user runs it, against a node of ours."""

import json
import os
import socket
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from support.channel import live
from support.node import TIDEGATE, RunningNode, environment
from support.publish import make_film, publishing
from support.wait import until

pytestmark = pytest.mark.real


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_film(tmp_path_factory.mktemp("film") / "film.mp4", seconds=40)


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory, film: Path) -> Iterator[RunningNode]:
    started = RunningNode(tmp_path_factory.mktemp("node"))
    try:
        with publishing(started.rtmp("film"), film, "-stream_loop", "-1"):
            until(lambda: live(started, "film"), "the channel is live")
            yield started
    finally:
        started.close()


def load(url: str, *options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*TIDEGATE, "load", url, "--json", *options],
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
        env=environment(),
    )


def figures(url: str, *options: str) -> dict[str, Any]:
    done = load(url, *options)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.mark.parametrize("path", ["film.flv", "film.mp4", "film.m3u8"])
def test_fifty_players_of_each_kind_play(node: RunningNode, film: Path, path: str) -> None:
    found = figures(
        f"{node.http}/live/{path}", "--viewers", "50", "--seconds", "6", "--buffer", "1"
    )
    assert found["viewers_started"] == 50
    assert found["errors"] == {}
    assert found["freeze_rate"] < 0.05  # a shared machine may freeze for a moment
    if path.endswith("flv"):
        bitrate = film.stat().st_size * 8 / 40 / 1e6
        assert found["bitrate_mbps"] == pytest.approx(bitrate, rel=0.5)


def test_flv_players_receive_what_the_source_sends(
    start_node: Callable[..., RunningNode], tmp_path: Path
) -> None:
    """Beside it, at most what came at once when they joined: a keyframe interval of a second."""
    video = "-c:v libx264 -preset veryfast -g 30 -sc_threshold 0 -pix_fmt yuv420p"
    film = make_film(tmp_path / "film.mp4", seconds=20, video=video)
    own = start_node()
    with publishing(own.rtmp("film"), film, "-stream_loop", "-1"):
        until(lambda: live(own, "film"), "the channel is live")
        found = figures(f"{own.http}/live/film.flv", "--viewers", "50", "--seconds", "10")
    bitrate = film.stat().st_size * 8 / 20 / 1e6
    assert found["bitrate_mbps"] == pytest.approx(bitrate, rel=0.15)
    assert found["freeze_rate"] < 0.02


def test_a_picture_that_cannot_be_written_costs_no_figures(
    node: RunningNode, tmp_path: Path
) -> None:
    options = ["--viewers", "2", "--seconds", "1", "--plot", str(tmp_path / "none" / "load.png")]
    done = load(f"{node.http}/live/film.flv", *options)
    assert done.returncode == 2
    assert json.loads(done.stdout)["views"] == 2
    assert done.stderr.strip().splitlines()[-1].startswith("tidegate: --plot")
    assert "Traceback" not in done.stderr


def test_whole_segments_churn_two_processes_and_a_picture(
    node: RunningNode, tmp_path: Path
) -> None:
    picture = tmp_path / "load.png"
    options = ["--viewers", "20", "--seconds", "6", "--no-low-latency", "--churn", "3"]
    options += ["--processes", "2", "--plot", str(picture)]
    found = figures(f"{node.http}/live/film.m3u8", *options)
    assert found["views"] > 20
    assert found["errors"] == {}
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_a_line_too_slow_freezes_as_it_must(node: RunningNode, film: Path) -> None:
    """Who gets a share of the bitrate sees at most that share of the time."""
    kilobits = film.stat().st_size * 8 / 40 / 1000
    line = f"1:{kilobits / 2:.0f}"
    found = figures(
        f"{node.http}/live/film.flv", "--viewers", "5", "--seconds", "14", "--lines", line
    )
    assert found["viewers_started"] == 5
    assert 0.25 < found["freeze_rate"] < 0.75


def test_what_is_not_there_is_told(node: RunningNode) -> None:
    done = load(f"{node.http}/live/none.m3u8", "--viewers", "3", "--seconds", "2")
    assert json.loads(done.stdout)["errors"]["404"] >= 3
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    done = load(f"http://127.0.0.1:{port}/a.m3u8", "--viewers", "3", "--seconds", "2")
    assert json.loads(done.stdout)["errors"]["refused"] >= 3
    for url in (
        "http://127.0.0.1/a.webm",
        "ftp://127.0.0.1/a.flv",
        "http://nowhere.invalid/a.flv",
        "http://[/a.flv",
    ):
        done = load(url)
        assert done.returncode == 2
        assert done.stderr.strip().splitlines()[-1].startswith("tidegate: ")
        assert "Traceback" not in done.stderr


def test_too_many_for_one_process_is_said_before_anything_is_opened(node: RunningNode) -> None:
    if os.geteuid() == 0 and _hard_limit() > 1_000_000:
        pytest.skip("this system has no limit of open files")
    done = load(f"{node.http}/live/film.flv", "--viewers", "1000000")
    assert done.returncode == 2
    assert "--processes" in done.stderr


def _hard_limit() -> int:
    import resource  # noqa: PLC0415

    return resource.getrlimit(resource.RLIMIT_NOFILE)[1]
