"""What an epoch holds: one file beside its logs, replaced whole when something is learned.

Law: an epoch has one set of tracks from its beginning to its end, so a playlist of it never gains
or loses a rendition; another set of tracks is another epoch.
"""

from pathlib import Path
from typing import Literal

import msgspec

from tidegate.log import LogError, replace_file

FILE_NAME = "manifest.json"
FLV_LOG = "source.flv"
MP4_LOG = "source.mp4"


class ManifestError(ValueError):
    """The file is no manifest of this version; start the channel afresh."""


class Rendition(msgspec.Struct, frozen=True):
    """One CMAF log: `<name>.cmaf`.

    `codec` is the RFC 6381 string; `part_target` the longest part, seconds; `width`, `height` (px)
    and `frame_rate` (frames a second, where known) are a video's, `sample_rate` (Hz) and `channels`
    a sound's.
    """

    name: str
    kind: Literal["video", "audio"]
    codec: str
    part_target: float
    width: int = 0
    height: int = 0
    frame_rate: float | None = None
    sample_rate: int = 0
    channels: int = 0

    @property
    def log(self) -> str:
        """Folder name of its log."""
        return f"{self.name}.cmaf"


class Manifest(msgspec.Struct, frozen=True):
    """An epoch of a channel.

    `target_duration` is the longest segment in whole seconds, `window_s` what a live playlist
    lists, seconds.
    """

    channel: str
    epoch: str
    target_duration: int
    window_s: float
    renditions: list[Rendition]

    def rendition(self, name: str) -> Rendition | None:
        """The rendition called `name`."""
        return next((found for found in self.renditions if found.name == name), None)


def load_manifest(epoch: Path) -> Manifest:
    """The manifest in an epoch's folder. Raises `ManifestError` when there is none to be read."""
    try:
        return msgspec.json.decode((epoch / FILE_NAME).read_bytes(), type=Manifest)
    except (OSError, msgspec.MsgspecError) as error:
        raise ManifestError(f"{epoch / FILE_NAME}: {error}") from error


def save_manifest(epoch: Path, manifest: Manifest) -> None:
    """Replace the manifest in an epoch's folder. Raises `LogFull` when there is no space."""
    if not epoch.is_dir():
        raise LogError(f"the epoch's folder is gone: {epoch}")
    replace_file(epoch / FILE_NAME, msgspec.json.encode(manifest))
