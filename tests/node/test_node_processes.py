"""A real node and its parts: what happens when one of them dies, and when they are to stop."""

import contextlib
import os
import signal
import socket
import stat
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from support.node import TIDEGATE, RunningNode, environment, toml
from support.processes import alive
from support.wait import until

pytestmark = pytest.mark.real

StartNode = Callable[..., RunningNode]
PARTS = {"ingest", "edge.0"}


def running(node: RunningNode) -> dict[str, int]:
    """The parts, once all of them run and HTTP answers."""
    until(lambda: set(node.parts()) == PARTS, "all parts run")
    until(lambda: answers(node), "HTTP answers")
    return node.parts()


def answers(node: RunningNode) -> bool:
    with contextlib.suppress(OSError):
        return node.get("/channels.json").status == 200
    return False


def test_a_node_serves_and_keeps_its_key_for_itself(node: RunningNode) -> None:
    running(node)
    key = node.state_folder / "key"
    assert key.read_text().strip() == node.key
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert stat.S_IMODE(node.state_folder.stat().st_mode) == 0o700
    assert node.key not in node.log_text()


def test_no_secret_in_any_command_line_or_environment(node: RunningNode) -> None:
    for pid in [node.pid, *running(node).values()]:
        assert node.key.encode() not in Path(f"/proc/{pid}/cmdline").read_bytes()
        assert node.key.encode() not in Path(f"/proc/{pid}/environ").read_bytes()


@pytest.mark.parametrize("name", sorted(PARTS))
def test_a_killed_part_comes_back_and_no_connection_is_lost(node: RunningNode, name: str) -> None:
    before = running(node)[name]
    os.kill(before, signal.SIGKILL)
    port = node.http_port if name == "edge.0" else node.rtmp_port
    with socket.create_connection(("127.0.0.1", port), timeout=10) as early:
        after = until(
            lambda: (pid := node.parts().get(name)) != before and pid, f"{name} runs again"
        )
        assert after != before
        early.settimeout(20)
        if name == "edge.0":
            early.sendall(b"GET /channels.json HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n")
            assert early.recv(12) == b"HTTP/1.1 200"
        else:
            early.sendall(bytes([3]) + bytes(1536))  # RTMP C0 and C1: S0 answers
            assert early.recv(1) == bytes([3])
    assert "signal SIGKILL" in node.log_text()


def test_restarts_are_counted(node: RunningNode) -> None:
    os.kill(running(node)["ingest"], signal.SIGKILL)
    line = b'tidegate_part_restarts_total{part="ingest"} 1.0'
    until(lambda: line in node.get("/metrics").body, "the restart is counted")


def test_a_dead_parts_gauges_are_gone(node: RunningNode) -> None:
    before = running(node)["edge.0"]
    gauges = node.log_root / ".node" / "metrics" / f"gauge_livesum_{before}.db"
    assert gauges.exists()
    os.kill(before, signal.SIGKILL)
    until(lambda: not gauges.exists(), "the dead part's gauges are removed")
    running(node)


def test_a_killed_node_leaves_no_orphan_and_frees_its_root(start_node: StartNode) -> None:
    node = start_node({"node": {"drain_s": 1}})
    parts = running(node)
    node.kill()
    until(lambda: not any(map(alive, parts.values())), "the parts are gone")
    again = start_node({"log": {"root": str(node.log_root)}})
    assert set(running(again)) == PARTS


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_drains_every_part(start_node: StartNode, number: int) -> None:
    node = start_node({"node": {"drain_s": 2}})
    parts = running(node)
    assert node.stop(number) == 0
    assert not any(map(alive, parts.values()))
    assert not (node.log_root / ".node" / "metrics").exists()
    assert node.rest_of_output() == ""


def test_a_signal_right_after_the_start_stops_the_node_too(start_node: StartNode) -> None:
    assert start_node().stop() == 0


def test_a_stopped_part_that_hangs_is_killed_and_told(start_node: StartNode) -> None:
    node = start_node({"node": {"drain_s": 0}})
    edge = running(node)["edge.0"]
    os.kill(edge, signal.SIGSTOP)
    node.killed = True  # not by us, but the node says itself that it was no clean end
    assert node.stop() == 1
    assert not alive(edge)
    assert "killing parts that did not drain" in node.log_text()


def test_a_second_signal_does_not_wait_for_the_drain(start_node: StartNode) -> None:
    node = start_node({"node": {"drain_s": 600}})
    edge = running(node)["edge.0"]
    os.kill(edge, signal.SIGSTOP)
    node.process.send_signal(signal.SIGINT)
    until(lambda: set(node.parts()) == {"edge.0"}, "the other part drained")
    node.killed = True
    assert node.stop(signal.SIGINT) == 1
    assert not alive(edge)


def test_a_node_that_is_up_again_has_the_same_key(start_node: StartNode) -> None:
    first = start_node()
    second = start_node({"state": {"folder": str(first.state_folder)}})
    assert second.key == first.key


def refused(folder: Path, tables: dict[str, dict[str, object]]) -> str:
    """The one line that a node which cannot start prints."""
    config = folder / "refused.toml"
    config.write_text(toml(tables))
    ended = subprocess.run(
        [*TIDEGATE, "up", "--json", str(config)],
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr.count("\n") == 1, ended.stderr
    return ended.stderr


def test_a_second_node_on_the_same_root_is_refused(node: RunningNode, tmp_path: Path) -> None:
    told = refused(
        tmp_path,
        {"log": {"root": str(node.log_root)}, "state": {"folder": str(node.state_folder)}},
    )
    assert told.startswith(f"tidegate: log.root: {node.log_root} is in use by another node")
    assert f"(process {node.pid})" in told


def test_a_taken_port_is_refused(node: RunningNode, tmp_path: Path) -> None:
    told = refused(
        tmp_path,
        {
            "log": {"root": str(tmp_path / "log")},
            "state": {"folder": str(tmp_path / "state")},
            "http": {"host": "127.0.0.1", "port": node.http_port},
        },
    )
    assert told.startswith(f"tidegate: http.port: port {node.http_port} of 127.0.0.1 is taken")
