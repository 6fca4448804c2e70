"""The other servers: nginx for files, SRS and ZLMediaKit for streams. Configured as their users do.

Each has one thread or one worker, merges writes over the same time as ours, and writes no files of
its own.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from bench._stage import CHANNEL, MOST, TICK_MS, Server, free_port, program, scratch

NGINX = """
user root; daemon off; pid {folder}/nginx.pid; error_log {folder}/error.log crit;
worker_processes 1; worker_rlimit_nofile {most};
events {{ worker_connections {most}; }}
http {{
  access_log off; sendfile on; tcp_nopush on; tcp_nodelay on;
  keepalive_requests 1000000000; keepalive_timeout 600s;
  open_file_cache max=1000 inactive=600s; open_file_cache_valid 600s;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi; uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
  types {{ application/vnd.apple.mpegurl m3u8; video/mp4 m4s mp4; }}
  {more}
  server {{ listen 127.0.0.1:{port} {listen} backlog=4096; {server} }}
}}
"""
PROXY = """proxy_cache_path {folder}/cache keys_zone=media:10m use_temp_path=off;
  upstream edge {{ server 127.0.0.1:{origin}; keepalive 64; }}"""
LOCATION = """location / {
    proxy_pass http://edge; proxy_http_version 1.1; proxy_set_header Connection "";
    proxy_cache media; proxy_cache_lock on; proxy_cache_valid 200 1s; }"""
SRS = """
daemon off; listen {rtmp}; max_connections {most}; pid ./srs.pid;
srs_log_tank console; srs_log_level error; srs_log_level_v2 error;
http_server {{ enabled on; listen {port}; dir ./; }}
vhost __defaultVhost__ {{
  tcp_nodelay off; min_latency off;
  play {{ gop_cache on; queue_length 10; mw_latency {tick}; }}
  http_remux {{ enabled on; mount [vhost]/[app]/[stream].flv; }}
}}
"""
ZLM = """
[general]
mergeWriteMS={tick}
enableVhost=0
flowThreshold=0
[protocol]
enable_audio=1
enable_hls=0
enable_hls_fmp4=0
enable_mp4=0
enable_rtsp=0
enable_rtmp=1
enable_ts=0
enable_fmp4=0
modify_stamp=0
[http]
port={port}
sslport=0
keepAliveSecond=600
[rtmp]
port={rtmp}
sslport=0
keepAliveSecond=600
[rtsp]
port=0
sslport=0
[rtp_proxy]
port=0
[rtc]
port=0
tcpPort=0
[srt]
port=0
[shell]
port=0
[hook]
enable=0
"""


@contextmanager
def nginx_files(files: dict[str, bytes], tls: tuple[Path, Path] | None = None) -> Iterator[Server]:
    """nginx with `sendfile` over these, path to bytes; over TLS 1.3 with (chain, key)."""
    with scratch() as folder:
        root = folder / "root"
        for path, data in files.items():
            target = root / path.lstrip("/")
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(data)
        server = f"root {root};"
        if tls:
            server += f" ssl_certificate {tls[0]}; ssl_certificate_key {tls[1]};"
            server += " ssl_protocols TLSv1.3; ssl_session_cache shared:s:10m;"
        with _nginx("nginx", folder, server, listen="ssl" if tls else "") as running:
            yield running


@contextmanager
def nginx_cache(origin: int) -> Iterator[Server]:
    """nginx with `proxy_cache` before the server at port `origin`."""
    with scratch() as folder:
        more = PROXY.format(folder=folder, origin=origin)
        with _nginx("nginx cache", folder, LOCATION, more=more) as running:
            yield running


@contextmanager
def _nginx(
    name: str, folder: Path, server: str, listen: str = "", more: str = ""
) -> Iterator[Server]:
    port = free_port()
    config = folder / "nginx.conf"
    config.write_text(
        NGINX.format(folder=folder, port=port, server=server, listen=listen, more=more, most=MOST)
    )
    command = ["nginx", "-c", str(config), "-p", str(folder)]
    with program(name, command, port, folder) as running:
        yield replace(running, pids=tuple(pid for pid in running.pids if not _loads(pid)))


def _loads(pid: int) -> bool:
    """Whether this is the process of nginx that reads its cache once, and ends."""
    return b"loader" in Path(f"/proc/{pid}/cmdline").read_bytes()


@contextmanager
def srs(binary: Path) -> Iterator[Server]:
    """SRS, which serves HTTP-FLV on its one thread."""
    with _streams("SRS", SRS, "srs.conf", [str(binary.resolve()), "-c"]) as server:
        yield server


@contextmanager
def zlm(binary: Path) -> Iterator[Server]:
    """ZLMediaKit with one thread."""
    command = [str(binary.resolve()), "-t", "1", "-l", "4", "-c"]
    with _streams("ZLMediaKit", ZLM, "config.ini", command) as server:
        yield replace(server, path=f"/live/{CHANNEL}.live.flv")


@contextmanager
def _streams(name: str, text: str, file: str, command: list[str]) -> Iterator[Server]:
    port, rtmp = free_port(), free_port()
    with scratch() as folder:
        config = folder / file
        config.write_text(text.format(port=port, rtmp=rtmp, most=MOST - 1000, tick=TICK_MS))
        with program(name, [*command, str(config)], port, folder) as server:
            yield replace(server, rtmp=f"rtmp://127.0.0.1:{rtmp}/live/{CHANNEL}")
