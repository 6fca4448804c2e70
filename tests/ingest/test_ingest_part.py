"""The ingest part as the node runs it: a socket in, logs out, and a drain that loses nothing."""

import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rtmp_peer import KEY, capture
from rtmp_service import Peer

from support.wait import until
from tidegate.ingest import part
from tidegate.log import LogReader
from tidegate.settings import Settings


@contextmanager
def running(root: Path) -> Iterator[int]:
    """The part in a thread; yields its port, then drains it."""
    settings = Settings.model_validate({"log": {"root": root}, "publish": {"key": KEY}})
    listener = socket.create_server(("127.0.0.1", 0))
    port = listener.getsockname()[1]
    stop, cord = os.pipe()
    thread = threading.Thread(target=part.run, args=(settings, listener, stop), name="part")
    thread.start()
    try:
        yield port
    finally:
        os.close(cord)
        thread.join(20)
        os.close(stop)
    assert not thread.is_alive()


def test_a_publish_becomes_logs_and_the_part_drains(tmp_path):
    data = capture("ffmpeg")
    with running(tmp_path) as port, Peer(port) as peer:
        peer.send(data[: len(data) * 3 // 4])
        until(lambda: list(tmp_path.glob("demo/*/source.cmaf/index")), "the log was begun")
    for rendition in ("source.cmaf", "audio.cmaf", "source.flv"):
        (folder,) = tmp_path.glob(f"demo/*/{rendition}")
        reader = LogReader(folder)
        assert reader.next > 0
        assert not reader.ended
        reader.close()
