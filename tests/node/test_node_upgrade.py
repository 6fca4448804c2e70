"""`tidegate upgrade` and SIGHUP of a real node: what is refused, and how the replaced ones end."""

import contextlib
import http.client
import json
import os
import signal
import socket
import ssl
import subprocess
import threading
import tomllib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from support.certificates import make
from support.node import TIDEGATE, RunningNode, environment, toml
from support.processes import alive
from support.wait import until
from tidegate.node.upgrade import Report, read_report

pytestmark = pytest.mark.real

StartNode = Callable[..., RunningNode]


def answers(node: RunningNode) -> bool:
    with contextlib.suppress(OSError):
        return node.get("/channels.json").status == 200
    return False


def ready(start_node: StartNode, **tables: dict[str, Any]) -> RunningNode:
    node = start_node(tables)
    until(lambda: "edge.0" in node.parts() and answers(node), "HTTP answers")
    return node


def upgrade(config: Path, *options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*TIDEGATE, "upgrade", *options, str(config)],
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def report(node: RunningNode) -> Report:
    return read_report(node.log_root / ".node")


def rewrite(node: RunningNode, **tables: dict[str, Any]) -> None:
    """Changes the node's configuration file."""
    all_tables = tomllib.loads(node.config.read_text())
    for name, table in tables.items():
        all_tables[name] = {**all_tables.get(name, {}), **table}
    node.config.write_text(toml(all_tables))


@contextmanager
def unfinished(node: RunningNode) -> Iterator[socket.socket]:
    """A request whose end the worker waits for: a viewer whom a drain does not send away."""
    with socket.create_connection(("127.0.0.1", node.http_port), timeout=20) as viewer:
        viewer.sendall(b"GET /channels.json HTTP/1.1\r\nHost: t\r\n\r\nGET ")
        assert viewer.recv(12) == b"HTTP/1.1 200"
        yield viewer


def test_new_settings_are_taken_over_and_those_that_wait_are_named(start_node: StartNode) -> None:
    node = ready(start_node)
    before = node.parts()
    rewrite(node, http={"max_connections": 77}, publish={"grace_s": 1.5})
    told = upgrade(node.config)
    assert told.returncode == 0, told.stderr
    assert "generation 2" in told.stdout
    assert "wait for a restart: publish.grace_s" in told.stdout
    after = node.parts()
    assert after["ingest"] == before["ingest"]
    assert after["edge.0"] != before["edge.0"]
    until(lambda: not alive(before["edge.0"]), "the first worker ends")
    assert answers(node)
    again = json.loads(upgrade(node.config, "--json").stdout)
    assert (again["generation"], again["ok"], again["waits"]) == (3, True, [])


def test_a_wrong_file_is_refused_by_the_command_and_by_the_node(start_node: StartNode) -> None:
    node = ready(start_node)
    before = node.parts()
    rewrite(node, http={"prot": 1})
    told = upgrade(node.config)
    assert told.returncode == 2
    assert told.stderr == "tidegate: http.prot: there is no such key; did you mean port?\n"
    assert report(node).attempt == 0
    node.process.send_signal(signal.SIGHUP)
    until(lambda: report(node).attempt == 1, "the node answers")
    assert not report(node).ok
    assert "http.prot" in report(node).problem
    assert report(node).generation == 1
    assert node.parts() == before
    assert "upgrade refused or failed" in node.log_text()


@pytest.mark.parametrize(
    ("tables", "problem"),
    [
        ({"http": {"workers": 2}}, "http.workers: cannot change while the node runs"),
        ({"rtmp": {"port": 1}}, "rtmp.port: cannot change while the node runs"),
        ({"tls": {}}, "tls.certificates (from none to some"),
    ],
)
def test_what_cannot_change_is_refused_and_nothing_changes(
    start_node: StartNode, tables: dict[str, dict[str, Any]], problem: str
) -> None:
    node = ready(start_node)
    before = node.parts()
    if "tls" in tables:
        text = '[[tls.certificates]]\nchain = "/no"\nkey = "/no"\n'
        node.config.write_text(node.config.read_text() + text)
    else:
        rewrite(node, **tables)
    told = upgrade(node.config)
    assert (told.returncode, told.stdout) == (2, "")
    assert told.stderr.startswith(f"tidegate: {problem}")
    assert node.parts() == before


def test_without_a_node_there_is_nothing_to_upgrade(tmp_path: Path, node: RunningNode) -> None:
    config = tmp_path / "other.toml"
    root = tmp_path / "log"
    config.write_text(toml({"log": {"root": str(root)}}))
    wanted = f"tidegate: log.root: no node runs on {root}\n"
    assert upgrade(config).stderr == wanted
    # The lock of a node that was killed names a process, but nobody holds it.
    (root / ".node").mkdir(parents=True)
    for pid in (os.getpid(), 4_194_304, "x"):
        (root / ".node" / "lock").write_text(f"{pid}\n")
        told = upgrade(config)
        assert (told.returncode, told.stderr) == (2, wanted)


def test_a_replaced_worker_has_its_seconds_and_no_more(start_node: StartNode) -> None:
    node = ready(start_node, node={"upgrade_s": 0})
    before = node.parts()["edge.0"]
    with unfinished(node):
        assert upgrade(node.config).returncode == 0
        until(lambda: not alive(before), "the first worker ends")
    assert answers(node)


def test_a_stop_does_not_wait_for_those_who_were_replaced(start_node: StartNode) -> None:
    node = ready(start_node, node={"drain_s": 0.5, "upgrade_s": 3600})
    before = node.parts()["edge.0"]
    with unfinished(node):
        assert upgrade(node.config).returncode == 0
        assert alive(before)
        assert node.stop() == 0
    assert not alive(before)


def test_a_killed_node_leaves_no_replaced_worker(start_node: StartNode) -> None:
    node = ready(start_node, node={"drain_s": 0.5, "upgrade_s": 3600})
    before = node.parts()["edge.0"]
    with unfinished(node):
        assert upgrade(node.config).returncode == 0
        assert alive(before)
        pids = {before, *node.parts().values()}
        node.kill()
        until(lambda: not any(map(alive, pids)), "no process is left")


def test_a_node_serves_with_as_many_workers_as_cores(start_node: StartNode) -> None:
    node = ready(start_node, http={"workers": 0})
    edges = {f"edge.{index}" for index in range(len(os.sched_getaffinity(node.pid)))}
    until(lambda: set(node.parts()) == {"ingest", *edges}, "every worker runs")
    assert node.https == ""


def test_no_request_is_lost_in_upgrades_under_load(start_node: StartNode) -> None:
    node = ready(start_node, http={"workers": 2})
    over, answered, faults = threading.Event(), [0] * 4, []

    def ask(number: int, *, keep: bool) -> None:
        """Requests one after the other, on one connection while it lasts or each on its own."""
        while not over.is_set():
            client = http.client.HTTPConnection("127.0.0.1", node.http_port, timeout=20)
            try:
                client.connect()
                while not over.is_set():
                    client.request("GET", "/channels.json")
                    answer = client.getresponse()
                    answer.read()
                    assert answer.status == 200
                    answered[number] += 1
                    if not keep or answer.will_close:
                        break
            except (OSError, http.client.HTTPException, AssertionError) as fault:
                faults.append(repr(fault))
            finally:
                client.close()

    threads = [
        threading.Thread(target=ask, args=(number,), kwargs={"keep": number % 2 == 0})
        for number in range(4)
    ]
    for thread in threads:
        thread.start()
    for generation in range(2, 5):
        told = upgrade(node.config, "--json")
        assert json.loads(told.stdout)["generation"] == generation, told.stderr
    over.set()
    for thread in threads:
        thread.join(30)
    assert faults == []
    assert min(answered) > 0
    edges = {pid for pid, name in node.started().items() if name.startswith("edge.")}
    until(lambda: sum(map(alive, edges)) == 2, "those who were replaced end")


def secure_get(node: RunningNode) -> int:
    """The status of a GET over HTTPS."""
    trusting = ssl._create_unverified_context()
    port = urlsplit(node.https).port
    client = http.client.HTTPSConnection("127.0.0.1", port, timeout=20, context=trusting)
    try:
        client.request("GET", "/channels.json")
        return client.getresponse().status
    finally:
        client.close()


def test_https_has_its_port_and_outlives_an_upgrade(start_node: StartNode, tmp_path: Path) -> None:
    files = make(tmp_path, "site")
    pem = f"{files.chain}:{files.key}"
    node = ready(
        start_node,
        http={"workers": 2},
        tls={"host": "127.0.0.1", "port": 0, "certificates": pem},
    )
    assert urlsplit(node.https).port not in (0, node.http_port)
    assert {secure_get(node) for _ in range(10)} == {200}
    assert upgrade(node.config).returncode == 0
    assert {secure_get(node) for _ in range(10)} == {200}
    before = node.parts()
    files.key.write_text("")
    told = upgrade(node.config)
    assert told.returncode == 2
    assert told.stderr.startswith("tidegate: tls.certificates[0]: ")
    assert node.parts() == before
