"""The progressive bodies: which log each reads, how it opens, and how it is framed.

Law: a body is its log's init and then whole chunks, whatever carries it.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from tidegate.edge.connection import Connection
from tidegate.edge.response import CORS, NO_STORE
from tidegate.edge.viewer import FramedViewer, Viewer
from tidegate.edge.websocket import binary_head
from tidegate.package.manifest import FLV_LOG, MP4_LOG

if TYPE_CHECKING:
    from tidegate.edge.tail import Place, Tail

FLV_FILE_HEADER = 13
"""Bytes that begin a file and nothing else: the FLV header and the first PreviousTagSize (E.2)."""


MakeViewer = Callable[["Tail", Connection, "Place"], Viewer]


def _bare(_size: int) -> bytes:
    return b""


@dataclass(frozen=True, eq=False)
class Protocol:
    """How one kind of viewer is fed.

    `name` is the metrics' word, `log` the folder in an epoch, `fields` the head's, `file_header`
    the bytes of an init that only begin a file; `frame` gives what stands before so many bytes.
    """

    name: str
    log: str
    fields: bytes
    file_header: int
    frame: Callable[[int], bytes] = _bare
    viewer: MakeViewer = Viewer

    def opening(self, init: bytes, *, first: bool) -> bytes:
        """An init as a viewer needs it: a file begins once."""
        data = init if first else init[self.file_header :]
        return self.frame(len(data)) + data


FLV = Protocol("flv", FLV_LOG, b"Content-Type: video/x-flv\r\n" + NO_STORE + CORS, FLV_FILE_HEADER)
FMP4 = Protocol("fmp4", MP4_LOG, b"Content-Type: video/mp4\r\n" + NO_STORE + CORS, 0)
WS_FLV = replace(FLV, name="ws-flv", frame=binary_head, viewer=FramedViewer)
WS_FMP4 = replace(FMP4, name="ws-fmp4", frame=binary_head, viewer=FramedViewer)
