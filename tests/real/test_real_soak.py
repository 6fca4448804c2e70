"""Viewers who come and go leave nothing behind: the short form of `python -m bench soak`.

Law: memory levels off while they do; and once all have left, a worker holds as many sockets as
before they came, and no segment that retention has removed once its log is looked at again.
"""

import json
import os
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from support.channel import live, media_playlists
from support.growth import MB, Series, held, process, slope
from support.node import TIDEGATE, RunningNode, environment
from support.publish import make_film, publishing
from support.wait import until

pytestmark = pytest.mark.real

SECONDS, WARM_S, CHURN_S = 24.0, 14.0, 2
VIEWERS = 40
"""Of each kind: some 400 views of each in all."""
MOST_GROWN = 4 * MB
"""In the seconds after the warm-up: a leak of 5 kB a view, or of the media sent, is found."""
KINDS = (("flv",), ("mp4",), ("m3u8", "--no-low-latency"), ("m3u8",))
SETTINGS = {
    "http": {"workers": 2},
    "log": {"retention_s": 12},
    "package": {"window_s": 6, "segment_ms": 1000},
}
"""Logs that are as long as they get within the warm-up."""


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    small = "-c:v libx264 -preset ultrafast -b:v 300k -bf 2 -g 30 -sc_threshold 0 -pix_fmt yuv420p"
    return make_film(tmp_path_factory.mktemp("film") / "film.mp4", seconds=60, video=small)


def load(node: RunningNode, ending: str, *more: str) -> subprocess.Popen[str]:
    """Players of one kind, who come and go."""
    command = [*TIDEGATE, "load", f"{node.http}/live/film.{ending}", "--json", "--over", "1"]
    command += ["--viewers", str(VIEWERS), "--seconds", f"{SECONDS:g}", "--churn", str(CHURN_S)]
    return subprocess.Popen(
        [*command, *more],
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )


def look(series: list[Series]) -> None:
    """A sample of each, four times a second, for as long as the load lasts."""
    began = time.monotonic()
    while time.monotonic() - began < SECONDS - 1:
        time.sleep(0.25)
        for each in series:
            each.look(began)


def sockets(pid: int) -> int:
    """How many a process holds."""
    found = 0
    for fd in Path(f"/proc/{pid}/fd").iterdir():
        try:
            found += os.readlink(fd).startswith("socket:")  # noqa: PTH115
        except FileNotFoundError:
            continue
    return found


def test_viewers_who_come_and_go_leave_nothing_behind(
    start_node: Callable[..., RunningNode], film: Path
) -> None:
    node = start_node(SETTINGS)
    with publishing(node.rtmp("film"), film):
        until(lambda: live(node, "film"), "the channel is live")
        parts = node.parts()
        before = {pid: sockets(pid) for pid in parts.values()}
        loads = [load(node, *kind) for kind in KINDS]
        series = [Series(name, lambda pid=pid: process(pid)) for name, pid in parts.items()]
        look(series)
        felt = [json.loads(each.communicate(timeout=60)[0]) for each in loads]
        assert [each["errors"] for each in felt] == [{}] * len(KINDS)
        assert all(each["views"] > 3 * VIEWERS for each in felt)
        grown = {each.name: grown_by(each) for each in series}
        assert max(grown.values()) < MOST_GROWN, grown
        until(lambda: {pid: sockets(pid) for pid in before} == before, "all sockets are closed")
        until(lambda: asked(node) and not removed(node), "no removed segment is held")
    assert node.parts() == parts


def grown_by(series: Series) -> float:
    """Bytes by which a process grew after the warm-up, by its slope."""
    points = [(each.at, each.memory) for each in series.after(WARM_S)]
    return slope(points) * (SECONDS - WARM_S)


def asked(node: RunningNode) -> bool:
    """Asks one worker or another for every log, and watches none."""
    for url in media_playlists(node, "film").values():
        assert node.get(url.removeprefix(node.http)).status == 200
    for ending in ("flv", "mp4"):
        no_version = {"Connection": "Upgrade", "Upgrade": "websocket"}
        assert node.get(f"/live/film.{ending}", no_version).status == 426
    return True


def removed(node: RunningNode) -> list[str]:
    """Segments that a process holds though retention has removed them."""
    paths = [path for pid in node.parts().values() for path in held(pid, node.log_root)]
    return [path for path in paths if path.endswith("(deleted)")]
