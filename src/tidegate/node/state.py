"""The folders of a node: what outlives it, and what it owns while it runs.

Law: the stream key is never seen by another user, and is either absent or whole. A log root has one
node at a time.
"""

import fcntl
import os
import re
import secrets
import select
import shutil
import signal
import stat
import tempfile
from pathlib import Path

from tidegate.node.errors import NodeError
from tidegate.settings import Settings

KEY_BYTES = 24
"""Random bytes of a stream key: 192 bits, 32 characters, beyond guessing over any network."""
_KEY = re.compile(r"[A-Za-z0-9_-]{16,128}")


def private_folder(path: Path, setting: str) -> Path:
    """Makes sure of a folder that only we may write; a new one is 0700. `setting` names it.

    Raises `NodeError` where it cannot be made, or where somebody else may write: on a folder open
    to all, such as /dev/shm, another user may have been there first. An existing folder's mode is
    the operator's and stays.
    """
    path = path.expanduser().absolute()
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = path.stat()
    except OSError as error:
        raise NodeError(f"{setting}: {path}: {error.strerror}; set {setting} to another") from error
    if found.st_uid != os.geteuid():
        raise NodeError(f"{setting}: {path} belongs to another user; set {setting} to another")
    if found.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise NodeError(f"{setting}: others may write to {path}; chmod go-w it or set another")
    return path


def stream_key(folder: Path) -> str:
    """The node's own stream key, kept in `folder` (state.folder), made there at the first call."""
    path = folder / "key"
    try:
        if not path.exists():
            _make_key(path)
        path.chmod(0o600)
        key = path.read_text(encoding="utf-8", errors="replace").strip()
    except OSError as error:
        raise NodeError(f"state.folder: {path}: {error.strerror}") from error
    if _KEY.fullmatch(key) is None:
        raise NodeError(f"state.folder: {path} holds no stream key; delete it to have one made")
    return key


def _make_key(path: Path) -> None:
    """Writes a new key aside and links it in place, whole; whoever linked first is obeyed."""
    fd, aside = tempfile.mkstemp(prefix=".key-", dir=path.parent)
    try:
        with os.fdopen(fd, "w", encoding="utf-8") as file:
            file.write(secrets.token_urlsafe(KEY_BYTES) + "\n")
            file.flush()
            os.fsync(fd)
        path.hardlink_to(aside)
    except FileExistsError:
        pass
    finally:
        Path(aside).unlink()


def with_folders(settings: Settings) -> Settings:
    """The settings with both folders made and absolute, and the stream key filled in."""
    root = private_folder(settings.log.root, "log.root")
    folder = private_folder(settings.state.folder, "state.folder")
    key = settings.publish.key or stream_key(folder)
    return settings.model_copy(
        update={
            "log": settings.log.model_copy(update={"root": root}),
            "state": settings.state.model_copy(update={"folder": folder}),
            "publish": settings.publish.model_copy(update={"key": key}),
        }
    )


class Hold:
    """The log root held by this node, and the folder in it that is the node's own (`.node`).

    A context manager. The kernel drops the lock when the node ends, however it ends.
    """

    def __init__(self, root: Path) -> None:
        self.folder = root / ".node"
        self.folder.mkdir(mode=0o700, exist_ok=True)
        self._lock = os.open(self.folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            holder = os.read(self._lock, 20).decode("ascii", "replace").strip()
            os.close(self._lock)
            raise NodeError(
                f"log.root: {root} is in use by another node (process {holder or 'unknown'}); "
                "stop that one, or set log.root or TIDEGATE_LOG_ROOT to another folder"
            ) from error
        os.truncate(self._lock, 0)
        os.write(self._lock, f"{os.getpid()}\n".encode())

    def metrics_folder(self) -> Path:
        """A fresh folder for PROMETHEUS_MULTIPROC_DIR: what the last node counted is gone."""
        folder = self.folder / "metrics"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(mode=0o700)
        return folder

    def __enter__(self) -> "Hold":
        return self

    def __exit__(self, *_: object) -> None:
        shutil.rmtree(self.folder / "metrics", ignore_errors=True)
        (self.folder / "generation").unlink(missing_ok=True)
        os.close(self._lock)


class Holder:
    """The node that holds a log root, seen by another process: a descriptor of it, not a number.

    A context manager. Raises `NodeError` when there is none.
    """

    def __init__(self, root: Path) -> None:
        root = root.expanduser().absolute()
        self.folder = root / ".node"
        none = NodeError(f"log.root: no node runs on {root}")
        try:
            self.pid = int((self.folder / "lock").read_text(encoding="ascii"))
            # First the descriptor, then the lock: the number cannot pass on to another meanwhile.
            self._process = os.pidfd_open(self.pid)
        except PermissionError as error:
            raise NodeError(f"log.root: {root}: {error.strerror}") from error
        except (OSError, ValueError) as error:
            raise none from error
        if not _locked(self.folder / "lock"):
            os.close(self._process)
            raise none

    def signal(self, number: signal.Signals) -> None:
        """Tells the node."""
        try:
            signal.pidfd_send_signal(self._process, number)
        except OSError as error:
            raise NodeError(f"the node (process {self.pid}): {error.strerror}") from error

    def ended(self, within_s: float) -> bool:
        """Whether the node ends within these seconds."""
        return bool(select.select([self._process], [], [], within_s)[0])

    def __enter__(self) -> "Holder":
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._process)


def _locked(path: Path) -> bool:
    lock = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(lock)
    return False
