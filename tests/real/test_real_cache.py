"""A plain caching proxy in front: two hundred LL-HLS viewers, and the edge sees each part once."""

import asyncio
import os
import re
import subprocess
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urljoin, urlsplit

import pytest

from support.channel import live, media_playlists
from support.hls_judge import judge, read
from support.node import RunningNode
from support.publish import make_film, publishing
from support.wait import until

pytestmark = pytest.mark.real

VIEWERS = 200
PARTS = 15
"""Parts each viewer plays: three seconds."""

CONFIG = """
daemon off; pid {folder}/nginx.pid; error_log {folder}/error.log;
events {{ worker_connections 2048; }}
http {{
  access_log off;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi; uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
  proxy_cache_path {folder}/cache keys_zone=media:10m;
  upstream edge {{ server 127.0.0.1:{port}; keepalive 64; }}
  server {{
    listen unix:{folder}/nginx.sock;
    location / {{
      proxy_pass http://edge;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_cache media;
      proxy_cache_lock on;
      proxy_cache_lock_timeout 20s;
      proxy_cache_lock_age 20s;
    }}
  }}
}}
"""


@contextmanager
def nginx(folder: Path, port: int) -> Iterator[str]:
    """nginx in front of an edge; yields the path of its listening socket."""
    config = folder / "nginx.conf"
    config.write_text(f"user root;\n{CONFIG.format(folder=folder, port=port)}")
    process = subprocess.Popen(["nginx", "-c", config, "-p", folder], stderr=subprocess.DEVNULL)
    try:
        until((folder / "nginx.sock").exists, "nginx listens")
        yield str(folder / "nginx.sock")
    finally:
        process.terminate()
        process.wait(10)


class Viewer:
    """One keep-alive connection that plays parts as a low-latency player does."""

    def __init__(self, path: str, url: str, asked: Counter[str]) -> None:
        self._path = path
        self._url = url
        self._asked = asked

    async def get(self, url: str) -> bytes:
        target = urlsplit(url)
        line = target.path + (f"?{target.query}" if target.query else "")
        self._writer.write(f"GET {line} HTTP/1.1\r\nHost: cache\r\n\r\n".encode())
        head = (await self._reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        length = re.search(r"content-length: (\d+)", head, re.IGNORECASE)
        assert length, head
        body = await self._reader.readexactly(int(length[1]))
        assert head.split()[1] == "200", (line, head, body)
        return body

    async def play(self) -> None:
        self._reader, self._writer = await asyncio.open_unix_connection(self._path)
        try:
            playlist = read((await self.get(self._url)).decode())
            for _ in range(PARTS):
                # The hinted part and the playlist that lists it, as RFC 8216bis 6.2.6 means it.
                self._asked[playlist.hint["URI"]] += 1
                await self.get(urljoin(self._url, playlist.hint["URI"]))
                last = playlist.segments[-1]
                query = f"?_HLS_msn={last.number}&_HLS_part={len(last.parts)}"
                playlist = read((await self.get(self._url + query)).decode())
                judge(playlist)
        finally:
            self._writer.close()


async def watch(path: str, url: str) -> Counter[str]:
    asked: Counter[str] = Counter()
    async with asyncio.timeout(60):
        await asyncio.gather(*(Viewer(path, url, asked).play() for _ in range(VIEWERS)))
    return asked


def requests_for(node: RunningNode, route: str) -> int:
    text = node.get("/metrics").body.decode()
    found = re.findall(rf'http_requests_total{{route="{route}",status="200"}} ([\d.e+]+)', text)
    return int(float(found[0])) if found else 0


@pytest.mark.skipif(os.geteuid() != 0, reason="nginx writes its cache as root here")
def test_two_hundred_viewers_behind_a_cache_cost_the_edge_one_request_a_part(
    start_node: Callable[..., RunningNode], tmp_path: Path
) -> None:
    node = start_node()
    film = make_film(tmp_path / "film.mp4", seconds=30)
    with publishing(node.rtmp("film"), film), nginx(tmp_path, node.http_port) as cache:
        until(lambda: live(node, "film"), "the channel is live")
        url = media_playlists(node, "film")["source"]
        asked = asyncio.run(watch(cache, url))
        assert sum(asked.values()) == VIEWERS * PARTS
        until(lambda: requests_for(node, "part") >= len(asked), "the metrics are counted")
        assert requests_for(node, "part") == len(asked)
