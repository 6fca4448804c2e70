"""What `up` and `demo` print about a running node.

Law: with `--json`, standard output carries exactly one line; the journal is on standard error.
"""

import json
from collections.abc import Sequence

from rich.console import Console
from rich.text import Text

from tidegate.node.listeners import Addresses
from tidegate.node.up import Announce


def show_node(as_json: bool) -> Announce:
    """The announcement of `tidegate up`."""

    async def announce(at: Addresses) -> None:
        if as_json:
            show_json({"http": at.http, "https": at.https, "rtmp": at.rtmp, "key": at.key})
        else:
            show_rows(node_rows(at))

    return announce


def node_rows(at: Addresses) -> list[tuple[str, str]]:
    """Labels and ready-to-paste values, for a channel called `main`."""
    secure = [("Watch (HTTPS)", f"{at.https}/")] if at.https else []
    return [
        ("Watch", f"{at.http}/"),
        *secure,
        ("ffmpeg", f"ffmpeg -re -i FILE -c copy -f flv '{at.publish_url('main')}'"),
        ("OBS server", at.rtmp),
        ("OBS stream key", f"main?key={at.key}"),
    ]


def demo_links(at: Addresses, channel: str) -> dict[str, str]:
    """Every way to watch a channel, and the way to publish it."""
    return {
        "watch": f"{at.http}/watch/{channel}",
        "hls": f"{at.http}/live/{channel}.m3u8",
        "flv": f"{at.http}/live/{channel}.flv",
        "rtmp": at.publish_url(channel),
    }


def show_json(values: dict[str, str]) -> None:
    """One line of JSON, at once."""
    print(json.dumps(values), flush=True)  # noqa: T201


def show_rows(rows: Sequence[tuple[str, str]]) -> None:
    """Two columns; a value is never wrapped or cut, so that it can be pasted."""
    console = Console()
    width = max(len(label) for label, _ in rows) + 2
    for label, value in rows:
        line = Text.assemble((f"  {label:<{width}}", "dim"), (value, "bold"))
        console.print(line, soft_wrap=True)
    console.print(Text("  Ctrl-C stops it.", style="dim"))
