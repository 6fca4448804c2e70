"""Records what one publisher sends: `python record.py FILE COMMAND…`, with {url} in the command.

The bytes are those of the client's side, from C0 to its last, as the session saw them.
"""

import contextlib
import os
import shlex
import socket
import subprocess
import sys
from pathlib import Path

from tidegate.ingest.rtmp.handshake import RANDOM
from tidegate.ingest.rtmp.session import PublishRequest, Session


def record(connection: socket.socket) -> bytes:
    """Plays the server to one publisher until it closes, some without reading the last answer."""
    session, seen = Session(os.urandom(RANDOM)), bytearray()
    with contextlib.suppress(ConnectionError):
        while data := connection.recv(65536):
            seen += data
            for event in session.receive(data):
                if isinstance(event, PublishRequest):
                    session.accept()
            connection.sendall(session.data_to_send())
    return bytes(seen)


def main() -> None:
    """Runs the command against a port of its own and writes the file."""
    path, command = Path(sys.argv[1]), sys.argv[2]
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        url = f"rtmp://127.0.0.1:{port}/live/demo?key=a-key-for-tests-only"
        with subprocess.Popen(shlex.split(command.replace("{url}", url))) as publisher:
            connection, _ = listener.accept()
            with connection:
                path.write_bytes(record(connection))
            publisher.wait()


if __name__ == "__main__":
    main()
