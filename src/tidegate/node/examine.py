"""Reads this machine for `tidegate doctor`, and hands what it reads to `finding`.

Law: it changes nothing: no folder is made, no port stays bound, no limit is moved.
"""

import ctypes
import importlib.util
import os
import platform
import resource
import shutil
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from tidegate.node import certificate, finding
from tidegate.node.errors import NodeError
from tidegate.node.finding import Finding
from tidegate.node.sockets import open_listener
from tidegate.settings import Settings, Tls

VENDOR = ("hls.min.js", "mpegts.js")
TIME_ERROR = 5
"""What adjtimex(2) returns while the clock is not synchronised; -1 is an error, less is fine."""
TIMEX_BYTES = 512
"""More than sizeof(struct timex) on any Linux; zeroed, it asks to change nothing."""


def examine(settings: Settings) -> Iterator[Finding]:
    """Every finding, in the order an operator should mend them."""
    yield finding.system(platform.system())
    yield finding.python(sys.version_info[:2])
    yield from _limits(settings)
    yield finding.memory(_available_memory())
    yield log_root(settings.log.root.expanduser())
    yield state_folder(settings.state.folder.expanduser())
    yield port("http", settings.http.host, settings.http.port)
    yield port("rtmp", settings.rtmp.host, settings.rtmp.port)
    if settings.tls.certificates:
        yield from _https(settings.tls)
    timex = ctypes.create_string_buffer(TIMEX_BYTES)
    yield finding.clock(0 <= ctypes.CDLL(None).adjtimex(timex) < TIME_ERROR)
    yield players(vendor_folder())
    yield codecs()
    yield ffmpeg(shutil.which("ffmpeg"))


def _limits(settings: Settings) -> Iterator[Finding]:
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    yield finding.open_files(hard, settings.http.max_connections)
    for kind in ("max_user_watches", "max_user_instances"):
        limit = Path("/proc/sys/fs/inotify", kind)
        if limit.exists():
            yield finding.inotify(kind, int(limit.read_text(encoding="ascii")))
    deepest = _text("/proc/sys/net/core/somaxconn")
    if deepest:
        yield finding.backlog(int(deepest))


def _https(tls: Tls) -> Iterator[Finding]:
    yield port("tls", tls.host, tls.port)
    yield finding.kernel_tls(_text("/proc/sys/net/ipv4/tcp_available_ulp"))
    yield from certificate.judge(tls, datetime.now(UTC))


def _text(path: str) -> str:
    """A file of proc(5); empty where this kernel has none of that name."""
    try:
        return Path(path).read_text(encoding="ascii")
    except FileNotFoundError:
        return ""


def _available_memory() -> int:
    """MemAvailable of proc(5) meminfo, in bytes."""
    lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
    fields = dict(line.split(":", 1) for line in lines)
    return int(fields["MemAvailable"].split()[0]) * 1024


def log_root(root: Path) -> Finding:
    """The folder of live logs, or the nearest above it, can be written, and is tmpfs with room."""
    trouble = _not_ours(root, "log.root")
    if trouble is not None:
        return trouble
    there = _nearest(root)
    return finding.log_space(str(root), file_system(there), shutil.disk_usage(there).free)


def state_folder(folder: Path) -> Finding:
    """The state folder is ours, or can be made."""
    return _not_ours(folder, "state.folder") or Finding("state.folder", "ok", str(folder))


def _not_ours(path: Path, setting: str) -> Finding | None:
    there = _nearest(path)
    if not there.is_dir() or not os.access(there, os.W_OK | os.X_OK):
        return Finding(setting, "fail", f"{there} cannot be written", f"set {setting} to another")
    if there == path and there.stat().st_uid != os.geteuid():
        fix = f"set {setting} to another, or run as its owner"
        return Finding(setting, "fail", f"{path} belongs to another user", fix)
    return None


def _nearest(path: Path) -> Path:
    """The path, or where it is missing the nearest folder above it that exists."""
    return next(each for each in (path.absolute(), *path.absolute().parents) if each.exists())


def file_system(path: Path) -> str:
    """The name of the file system that `path` lies on, from proc(5) mountinfo."""
    device = path.stat().st_dev
    wanted = f"{os.major(device)}:{os.minor(device)}"
    for line in Path("/proc/self/mountinfo").read_text(encoding="utf-8").splitlines():
        fields = line.split()
        if fields[2] == wanted:
            return fields[fields.index("-") + 1]
    return "unknown"


def port(table: str, host: str, number: int) -> Finding:
    """The port that a table of settings names can be listened on."""
    try:
        open_listener(host, number, table).close()
    except NodeError as error:
        _, _, rest = str(error).partition(": ")
        seen, _, fix = rest.partition("; ")
        return Finding(f"{table}.port", "fail", seen, fix)
    return Finding(f"{table}.port", "ok", f"{number} is free" if number else "any free one")


def vendor_folder() -> Path:
    """Where the setup script puts the players."""
    spec = importlib.util.find_spec("tidegate")
    folder = spec.submodule_search_locations[0] if spec and spec.submodule_search_locations else "."
    return Path(folder, "edge", "web", "vendor")


def players(folder: Path) -> Finding:
    """The watch page's players were built from npm."""
    missing = [name for name in VENDOR if not (folder / name).is_file()]
    if not missing:
        return Finding("players", "ok", ", ".join(VENDOR))
    return Finding("players", "fail", f"{', '.join(missing)} missing", "./run setup")


def codecs() -> Finding:
    """PyAV has the encoders of the demo."""
    missing = [name for name in ("libx264", "aac") if not _has_encoder(name)]
    if not missing:
        return Finding("demo encoders", "ok", "libx264, aac")
    fix = "reinstall PyAV from its wheel: .venv/bin/pip install --force-reinstall av"
    return Finding("demo encoders", "warn", f"{', '.join(missing)} missing in PyAV", fix)


def _has_encoder(name: str) -> bool:
    import av  # noqa: PLC0415  (large: only the doctor and the demo load it)

    try:
        return av.Codec(name, "w").is_encoder
    except ValueError:
        return False


def ffmpeg(path: str | None) -> Finding:
    """An encoder to publish with; Tidegate itself needs none."""
    if path is not None:
        return Finding("ffmpeg", "ok", path)
    fix = "apt-get install ffmpeg, or publish with OBS"
    return Finding("ffmpeg", "warn", "not found (not needed to run)", fix)
