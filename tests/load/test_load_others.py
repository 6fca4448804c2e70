"""`tidegate load` against nginx: what freezes is what the rate that nginx allows leaves undone."""

import json
import os
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from support.node import TIDEGATE, environment
from support.publish import make_film
from support.wait import until

pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(os.geteuid() != 0, reason="nginx runs as root here"),
]

KILOBITS = 1000
"""The picture's constant bitrate, kbit/s."""
CBR = (
    f"-c:v libx264 -preset veryfast -g 30 -sc_threshold 0 -pix_fmt yuv420p -b:v {KILOBITS}k "
    f"-minrate {KILOBITS}k -maxrate {KILOBITS}k -bufsize {KILOBITS // 2}k -x264-params nal-hrd=cbr"
)
SECONDS = 40
CONFIG = """
user root; daemon off; pid {folder}/nginx.pid; error_log {folder}/error.log;
events {{ worker_connections 2048; }}
http {{
  access_log off;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi; uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
  server {{
    listen 127.0.0.1:{port};
    root {folder}/www;
    limit_rate {rate};
    keepalive_requests 5;
  }}
}}
"""


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_film(tmp_path_factory.mktemp("film") / "film.mp4", seconds=SECONDS, video=CBR)


def remuxed(film: Path, *options: str) -> list[str]:
    """ffmpeg's command to write a film in another form."""
    quiet = ["ffmpeg", "-hide_banner", "-loglevel", "error", "-nostdin", "-y"]
    before = ["-re", "-stream_loop", "-1"] if "hls" in options else []
    return [*quiet, *before, "-i", str(film), "-c", "copy", *options]


@contextmanager
def nginx(folder: Path, rate: int) -> Iterator[str]:
    """nginx serving `folder`/www at `rate` bytes a second each (0: no limit); yields its URL."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    config = folder / "nginx.conf"
    config.write_text(CONFIG.format(folder=folder, port=port, rate=rate))
    process = subprocess.Popen(["nginx", "-c", config, "-p", folder], stderr=subprocess.DEVNULL)
    try:
        until(lambda: _listens(port), "nginx listens")
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(10)


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _listed(playlist: Path) -> int:
    return playlist.read_text().count("#EXTINF") if playlist.exists() else 0


def load(url: str, *options: str) -> dict[str, Any]:
    done = subprocess.run(
        [*TIDEGATE, "load", url, "--json", *options],
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
        env=environment(),
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.mark.parametrize("share", [0.6, 0.8])
def test_flv_at_a_share_of_its_bitrate_freezes_for_the_rest_of_the_time(
    film: Path, tmp_path: Path, share: float
) -> None:
    www = tmp_path / "www"
    www.mkdir()
    flv = www / "film.flv"
    subprocess.run(remuxed(film, "-f", "flv", str(flv)), check=True)
    bitrate = flv.stat().st_size * 8 / SECONDS
    with nginx(tmp_path, int(bitrate * share / 8)) as base:
        found = load(f"{base}/film.flv", "--viewers", "20", "--seconds", "15", "--arrival", "all")
    assert found["viewers_started"] == 20
    assert found["errors"] == {}
    watched_s = found["received_gbit"] * 1000 / found["bitrate_mbps"]
    came_s = found["received_gbit"] * 1e9 / bitrate
    # Up to 3 s of it wait for the picture to go on when the time is up, and are not played.
    unplayed_s = found["each_second"]["buffered_s"][-1]
    expected = 1 - (came_s - unplayed_s) / watched_s
    assert found["freeze_rate"] == pytest.approx(expected, abs=0.06)
    assert 0.8 * (1 - share) < expected < 1.6 * (1 - share)
    assert found["bitrate_mbps"] * 1e6 == pytest.approx(bitrate * share, rel=0.2)


@pytest.mark.parametrize("kind", ["mpegts", "fmp4"])
def test_hls_of_ffmpeg_plays_from_nginx(film: Path, tmp_path: Path, kind: str) -> None:
    """Also with segments that are longer than the buffer of a low-latency player."""
    www = tmp_path / "www"
    www.mkdir()
    hls = ["-f", "hls", "-hls_time", "3", "-hls_list_size", "6", "-hls_segment_type", kind]
    playlist = www / "film.m3u8"
    ffmpeg = subprocess.Popen(remuxed(film, *hls, "-hls_flags", "delete_segments", str(playlist)))
    try:
        with nginx(tmp_path, 0) as base:
            until(lambda: _listed(playlist) >= 3, "HLS")
            found = load(f"{base}/film.m3u8", "--viewers", "50", "--seconds", "12", "--over", "3")
    finally:
        ffmpeg.kill()
        ffmpeg.wait()
    assert found["viewers_started"] == 50
    assert found["errors"] == {}
    assert (found["stalls"], found["skips"]) == (0, 0)
    assert found["freeze_rate"] < 0.02


def test_players_on_a_line_between_two_variants_play_the_lower_one(
    film: Path, tmp_path: Path
) -> None:
    """Picture and playlists of a player share its line; what it measures is that line."""
    www = tmp_path / "www"
    www.mkdir()
    low = ["-c", "copy", "-c:v", "libx264", "-preset", "ultrafast", "-b:v", "150k", "-g", "30"]
    make = ["ffmpeg", "-hide_banner", "-loglevel", "error", "-y", "-i", str(film), *low]
    subprocess.run(
        [*make, "-maxrate", "150k", "-bufsize", "75k", str(tmp_path / "low.mp4")], check=True
    )
    hls = ["-f", "hls", "-hls_time", "1", "-hls_list_size", "8", "-hls_segment_type", "fmp4"]
    films = {"high": film, "low": tmp_path / "low.mp4"}
    text = "#EXTM3U\n"
    started = []
    for name, each in films.items():
        text += f"#EXT-X-STREAM-INF:BANDWIDTH={each.stat().st_size * 8 // SECONDS}\n{name}.m3u8\n"
        init = ["-hls_fmp4_init_filename", f"{name}.mp4"]
        started.append(subprocess.Popen(remuxed(each, *hls, *init, str(www / f"{name}.m3u8"))))
    (www / "film.m3u8").write_text(text)
    try:
        with nginx(tmp_path, 0) as base:
            until(lambda: all(_listed(www / f"{name}.m3u8") >= 4 for name in films), "HLS")
            lines = f"1:{KILOBITS * 0.7:.0f}"
            options = ["--viewers", "10", "--seconds", "15", "--lines", lines]
            found = load(f"{base}/film.m3u8", *options)
    finally:
        for each in started:
            each.kill()
            each.wait()
    assert found["errors"] == {}
    assert found["viewers_started"] == 10
    assert found["media_mbps"] < 0.6 * KILOBITS / 1000
    assert found["freeze_rate"] < 0.2
