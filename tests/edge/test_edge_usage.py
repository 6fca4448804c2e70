"""Access records: every byte is in exactly one slot, whatever happens to disk and worker."""

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from edge_world import Publisher, flv_init, running
from hypothesis import given, settings
from hypothesis import strategies as st

from support.disk import small_disk
from tidegate.edge.usage import SLOT_S, Usage, read_usage
from tidegate.settings import Channel, Settings

NOW = 1_700_000_000.0  # before any file here was written
CHARGES = st.tuples(
    st.sampled_from(["one", "two"]), st.sampled_from(["hls", "flv"]), st.integers(0, 1 << 40)
)


@settings(max_examples=25)
@given(st.lists(st.one_of(CHARGES, st.just("flush"), st.just("later"), st.just("anew"))))
def test_what_is_charged_is_what_is_read(steps: list[object]) -> None:
    import tempfile  # noqa: PLC0415

    with tempfile.TemporaryDirectory() as name:
        folder, now = Path(name), NOW
        channels = {"one": Channel(tenant="mine")}
        wanted: dict[object, tuple[int, int]] = {}
        usage = Usage(folder, channels, 45, now)
        for step in steps:
            if step == "flush":
                usage.flush(now)
            elif step == "later":
                now += SLOT_S
                usage.turn(now)
            elif step == "anew":
                usage.close(now)
                usage = Usage(folder, channels, 45, now)
            else:
                channel, protocol, size = step  # type: ignore[misc]
                usage.charge(channel, protocol, size, 1)
                tenant = "mine" if channel == "one" else "default"
                key = int(now) // SLOT_S * SLOT_S, tenant, channel, protocol
                before = wanted.get(key, (0, 0))
                wanted[key] = before[0] + size, before[1] + 1
        usage.close(now)
        assert read_usage(folder) == wanted


KILLED = """
import sys, time
from pathlib import Path
from tidegate.edge.usage import Usage
usage = Usage(Path(sys.argv[1]), {}, 45, 1.8e9)
for number in range(50):
    usage.charge("demo", "flv", 10, 1)
    usage.flush(1.8e9 + number)
usage.charge("demo", "flv", 7, 1)
print("written", flush=True)
time.sleep(60)
"""


def test_what_was_flushed_outlives_a_kill(tmp_path: Path) -> None:
    command = [sys.executable, "-c", KILLED, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        child.stdout.readline()
        os.kill(child.pid, signal.SIGKILL)
    assert list(read_usage(tmp_path).values()) == [(500, 50)]


def test_a_full_disk_loses_nothing(tmp_path: Path) -> None:
    with small_disk(tmp_path, "256k") as disk:
        usage = Usage(disk / "usage", {}, 45, NOW)
        ballast = disk / "ballast"
        with ballast.open("wb", buffering=0) as file, contextlib.suppress(OSError):
            while file.write(bytes(4096)):
                pass
        for number in range(5):
            usage.charge("demo", "hls", 100, 1)
            usage.flush(NOW + number)
        ballast.unlink()
        usage.close(NOW + 5)
        assert list(read_usage(disk / "usage").values()) == [(500, 5)]


def test_logs_past_the_retention_go(tmp_path: Path) -> None:
    old = Usage(tmp_path, {}, 1, NOW)
    old.charge("demo", "hls", 1, 1)
    old.close(NOW)
    for path in tmp_path.glob("*/index"):
        os.utime(path, (NOW, NOW))
    Usage(tmp_path, {}, 1, NOW + 3600).close(NOW)
    assert read_usage(tmp_path)
    Usage(tmp_path, {}, 1, NOW + 2 * 86_400).close(NOW)
    assert not read_usage(tmp_path)


def test_a_living_workers_log_stays_however_idle(tmp_path: Path) -> None:
    idle = Usage(tmp_path, {}, 1, NOW)
    idle.charge("demo", "hls", 1, 1)
    idle.flush(NOW)
    for path in tmp_path.glob("*/index"):
        os.utime(path, (NOW, NOW))
    Usage(tmp_path, {}, 1, NOW + 9 * 86_400).close(NOW)
    assert list(read_usage(tmp_path).values()) == [(1, 1)]
    idle.close(NOW)


def test_a_disk_that_clears_page_by_page_loses_nothing(tmp_path: Path) -> None:
    with small_disk(tmp_path, "256k") as disk:
        usage = Usage(disk / "usage", {}, 45, NOW)
        (disk / "usage").mkdir()
        ballast = [disk / f"ballast{number}" for number in range(100)]
        for path in ballast:
            with contextlib.suppress(OSError):
                path.write_bytes(bytes(4096))
        for number, path in enumerate(ballast):
            usage.charge("demo", "hls", 100, 1)
            usage.flush(NOW + number)
            path.unlink()
        usage.close(NOW + len(ballast))
        assert list(read_usage(disk / "usage").values()) == [(10_000, 100)]


def test_the_bytes_a_viewer_got_are_recorded(
    settings: Callable[..., Settings], publisher: Publisher
) -> None:
    made = settings(channels={"demo": {"tenant": "mine"}})
    parts = publisher.parts(12)
    chunk = publisher.tags(50_000)
    with running(made) as edge, edge.client() as client:
        hls = len(client.get("/live/demo.m3u8").body)
        for target in ("/live/demo/e1/source.m3u8", "/live/demo/e1/source/part.3.m4s"):
            hls += len(client.get(target).body)
        hls += len(client.get("/live/demo/e1/source/0.m4s", Range="bytes=0-99").body)
        assert client.get("/live/demo/e1/source/part.3.m4s").body == parts[3]
        hls += len(parts[3])
        client.get("/channels.json")
        client.ask("/live/demo.flv")
        client.reply()
        wanted = flv_init(b"0") + chunk
        assert client.read(len(wanted)) == wanted
    sums: dict[tuple[str, str, str], tuple[int, int]] = {}
    for (_slot, *key), (size, requests) in read_usage(made.state.folder / "usage").items():
        before = sums.get(tuple(key), (0, 0))
        sums[tuple(key)] = before[0] + size, before[1] + requests
    assert sums == {("mine", "demo", "hls"): (hls, 5), ("mine", "demo", "flv"): (len(wanted), 1)}
