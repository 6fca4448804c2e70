"""A live HLS channel of several rates that is nobody's: ffmpeg cuts it, nginx serves it.

The page of `_hls_page` lies beside it.
"""

import subprocess
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from bench._film import film, mbit_s
from bench._hls_page import write_page
from bench._stage import Server, free_port, program, scratch
from support.wait import until

SEGMENT_S = 2
LISTED = 8
"""Segments in a playlist; who falls further back must jump."""
OVERHEAD = 1.03
"""What HTTP and a segment's boxes add to a film, for the rate that is declared."""
_NGINX = """
user root; daemon off; pid {folder}/nginx.pid; error_log {folder}/error.log crit;
worker_processes 1; events {{ worker_connections 2048; }}
http {{
  access_log off; sendfile on; tcp_nodelay on; keepalive_requests 1000000;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi; uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
  types {{ application/vnd.apple.mpegurl m3u8; video/mp4 m4s mp4; text/html html;
           text/javascript js; }}
  server {{ listen {port}; root {root}; add_header Cache-Control no-store; }}
}}
"""


@contextmanager
def ladder(rates: Sequence[int]) -> Iterator[Server]:
    """`/live.m3u8` of so many kbit/s each, by rising rate, and `/page.html`."""
    with ExitStack() as stack:
        folder = stack.enter_context(scratch())
        root = folder / "www"
        root.mkdir()
        write_page(root)
        films = [film(rate) for rate in rates]
        (root / "live.m3u8").write_text(_multivariant(films))
        stack.enter_context(_cut(films, root))
        port = free_port()
        config = folder / "nginx.conf"
        config.write_text(_NGINX.format(folder=folder, port=port, root=root))
        command = ["nginx", "-c", str(config), "-p", str(folder)]
        server = stack.enter_context(program("nginx", command, port, folder))
        last = root / f"v{len(films) - 1}.m3u8"
        until(lambda: last.exists() and last.read_text().count("#EXTINF") >= LISTED, "it is live")
        yield server


def _multivariant(films: Sequence[Path]) -> str:
    lines = ["#EXTM3U"]
    for number, path in enumerate(films):
        rate = round(mbit_s(path) * 1e6 * OVERHEAD)
        lines += [f"#EXT-X-STREAM-INF:BANDWIDTH={rate}", f"v{number}.m3u8"]
    return "\n".join([*lines, ""])


@contextmanager
def _cut(films: Sequence[Path], root: Path) -> Iterator[None]:
    """One ffmpeg for all, so that their segments begin together."""
    command = ["ffmpeg", "-hide_banner", "-loglevel", "error", "-nostdin"]
    for path in films:
        command += ["-re", "-stream_loop", "-1", "-i", str(path)]
    for number in range(len(films)):
        command += ["-map", f"{number}:v", "-map", f"{number}:a"]
    variants = " ".join(f"v:{number},a:{number}" for number in range(len(films)))
    command += ["-c", "copy", "-f", "hls", "-var_stream_map", variants]
    command += ["-hls_time", str(SEGMENT_S), "-hls_list_size", str(LISTED)]
    command += ["-hls_flags", "delete_segments+independent_segments+temp_file"]
    command += ["-hls_segment_type", "fmp4", "-hls_fmp4_init_filename", "init.mp4"]
    command += ["-hls_segment_filename", str(root / "v%v-%d.m4s"), str(root / "v%v.m3u8")]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    try:
        yield
    finally:
        process.kill()
        process.wait()
