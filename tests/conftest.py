"""Fixtures that every room's tests may use: a real node, or as many as a test needs."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings as hypothesis_settings

from support.node import RunningNode

# How long an example takes is the machine's affair, not a law of the code.
hypothesis_settings.register_profile("tidegate", deadline=None)
hypothesis_settings.load_profile("tidegate")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Browser tests come last: Playwright's event loop, once it runs, stands in asyncio's way."""
    items.sort(key=lambda item: item.get_closest_marker("browser") is not None)


StartNode = Callable[..., RunningNode]


@pytest.fixture
def start_node(tmp_path: Path) -> Iterator[StartNode]:
    """Starts a node from settings, `start_node({"package": {"part_ms": 100}})`; several if asked.

    At the end each that still runs must drain clean; and none, even killed, may have failed with a
    traceback.
    """
    nodes: list[RunningNode] = []

    def start(settings: dict[str, Any] | None = None) -> RunningNode:
        folder = tmp_path / f"node-{len(nodes)}"
        folder.mkdir()
        nodes.append(RunningNode(folder, settings))
        return nodes[-1]

    yield start
    for node in reversed(nodes):
        node.close()
    for node in nodes:
        assert "Traceback" not in node.log_text(), node.log_text()
        assert node.killed or node.stop() == 0, node.log_text()


@pytest.fixture
def node(start_node: StartNode) -> RunningNode:
    """A node with default settings, on free ports."""
    return start_node()
