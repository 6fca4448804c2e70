"""`tidegate demo`: a node that needs no settings, keeps nothing, and has something to show.

Law: when it prints, the channel plays; when it ends, nothing of it is left.
"""

import asyncio
import http.client
import re
import tempfile
import time
from pathlib import Path
from urllib.parse import urljoin, urlsplit

from rich.console import Console

from tidegate.cli.show import demo_links, show_json, show_rows
from tidegate.node.errors import NodeError
from tidegate.node.listeners import Addresses
from tidegate.node.up import Announce, Extras, hold_signals, up
from tidegate.settings import Settings, load

CHANNEL = "demo"
READY_DEADLINE_S = 30.0
"""Seconds until the channel answers; a slow machine starts Python three times in far less."""
POLL_S = 0.1
TIMEOUT_S = 2.0
"""Seconds one request for a playlist may take."""
MEMORY = Path("/dev/shm")  # noqa: S108  (tmpfs; the folder in it gets a random name)


def run_demo(port: int | None, rtmp_port: int | None, as_json: bool) -> bool:
    """Runs the demo until a signal; True if it ended clean. Ports of None are the settings'."""
    settings = load(None)
    hold_signals()
    with tempfile.TemporaryDirectory(
        prefix="tidegate-demo-", dir=MEMORY if MEMORY.is_dir() else None
    ) as folder:
        ours = demo_settings(settings, Path(folder), port, rtmp_port)
        return up(ours, _announce(as_json), Extras(demo_channel=CHANNEL))


def demo_settings(
    settings: Settings, folder: Path, port: int | None, rtmp_port: int | None
) -> Settings:
    """The settings with everything kept under `folder`, and with the ports that were asked for."""
    http, rtmp = settings.http, settings.rtmp
    return settings.model_copy(
        update={
            "log": settings.log.model_copy(update={"root": folder / "log"}),
            "state": settings.state.model_copy(update={"folder": folder / "state"}),
            "http": http if port is None else http.model_copy(update={"port": port}),
            "rtmp": rtmp if rtmp_port is None else rtmp.model_copy(update={"port": rtmp_port}),
        }
    )


def _announce(as_json: bool) -> Announce:
    async def announce(at: Addresses) -> None:
        links = demo_links(at, CHANNEL)
        Console(stderr=True).print("Starting the demo channel", style="dim")
        await _until_it_plays(links["hls"])
        if as_json:
            show_json(links)
        else:
            labels = {"watch": "Watch", "hls": "HLS", "flv": "HTTP-FLV", "rtmp": "Publish"}
            show_rows([(labels[name], url) for name, url in links.items()])

    return announce


async def _until_it_plays(url: str) -> None:
    deadline = time.monotonic() + READY_DEADLINE_S
    while not await asyncio.to_thread(plays, url):
        if time.monotonic() > deadline:
            raise NodeError(f"the demo channel did not play within {READY_DEADLINE_S:.0f} s")
        await asyncio.sleep(POLL_S)


def plays(url: str) -> bool:
    """Whether the multivariant playlist at `url` leads to a media playlist that lists a segment."""
    multivariant = _get(url)
    first = re.search(r"^[^#\s].*$", multivariant, re.MULTILINE)
    return first is not None and "#EXTINF:" in _get(urljoin(url, first[0].strip()))


def _get(url: str) -> str:
    """The body of a 200 answer, else nothing."""
    at = urlsplit(url)
    connection = http.client.HTTPConnection(at.netloc, timeout=TIMEOUT_S)
    try:
        connection.request("GET", at.path)
        answer = connection.getresponse()
        return answer.read().decode() if answer.status == 200 else ""
    except (OSError, http.client.HTTPException):
        return ""
    finally:
        connection.close()
