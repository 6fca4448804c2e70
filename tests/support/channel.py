"""A channel of a running node, as a viewer finds it."""

from pathlib import Path

from support.hls_judge import attributes
from support.node import RunningNode


def live(node: RunningNode, channel: str) -> bool:
    return node.get(f"/live/{channel}.m3u8").status == 200


def media_playlists(node: RunningNode, channel: str) -> dict[str, str]:
    """Rendition name to the URL of its media playlist."""
    text = node.get(f"/live/{channel}.m3u8").body.decode()
    uris = [line for line in text.splitlines() if line and not line.startswith("#")]
    uris += [
        attributes(line.partition(":")[2])["URI"]
        for line in text.splitlines()
        if line.startswith("#EXT-X-MEDIA:")
    ]
    return {Path(uri).stem: f"{node.http}/live/{uri}" for uri in uris}
