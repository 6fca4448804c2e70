"""Segments, parts and playlists over TLS 1.3: `python -m bench tls`.

Against nginx with the same certificate and the same cipher, which is looked at, not assumed.
"""

import socket
import ssl
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from urllib.parse import urlsplit

from bench import _peers, _requests
from bench._film import film, published
from bench._load import Asked, need
from bench._report import Report, canvas, grouped, options, save
from bench._stage import CHANNEL, node, ours, scratch
from support.certificates import make

SUBJECTS = (_requests.SEGMENTS, _requests.PARTS, _requests.PLAYLISTS)


def main(argv: Sequence[str]) -> int:
    """Measures, prints, plots. Returns 1 when anything was not answered."""
    need("wrk")
    need("nginx")
    given = options("tls", __doc__, argv, 8, 0)
    report = Report("tls", "HLS over TLS 1.3, one core", _requests.COLUMNS)
    shown: dict[str, list[float]] = {"ours": [], "nginx": []}
    failed = False
    for subject in SUBJECTS:
        runs, cipher, where = _measure(subject, given.rounds, given.seconds)
        failed |= _requests.fill(report, runs, subject.name)
        report.figures[subject.name]["cipher"] = cipher
        report.notes.append(f"{subject.name}: {cipher}")
        _requests.note(report, where, subject.name)
        for name, values in shown.items():
            values.append(_requests.rate(runs[name]))
    figure, axes = canvas()
    grouped(axes, [subject.title for subject in SUBJECTS], shown, "{:,.0f}")
    axes.set(title=report.title, ylabel="requests/s a core")
    save(figure, "tls")
    report.finish(given.json)
    return int(failed)


def _measure(
    subject: _requests.Subject, count: int, seconds: float
) -> tuple[dict[str, list[Asked]], str, dict[str, dict[str, float]]]:
    with ExitStack() as stack:
        made = make(stack.enter_context(scratch()), "localhost")
        files = f"{made.chain}:{made.key}"
        secure = {"host": "127.0.0.1", "port": 0, "min_version": "1.3", "certificates": files}
        running = stack.enter_context(node(**_requests.LONG, tls=secure))
        stack.enter_context(published(film(subject.kbit), running.rtmp(CHANNEL)))
        path = subject.find(running)
        contents = {path: running.get(path).body}
        nginx = stack.enter_context(_peers.nginx_files(contents, (made.chain, made.key)))
        servers = [replace(ours(running), port=urlsplit(running.https).port or 0), nginx]
        ciphers = {server.name: _cipher(server.port) for server in servers}
        if len(set(ciphers.values())) > 1:
            raise RuntimeError(f"not the same cipher: {ciphers}")
        runs = _requests.rounds([(each, path, True) for each in servers], count, seconds)
        return runs, ciphers["ours"], _requests.profiles(servers, path, https=True)


def _cipher(port: int) -> str:
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    plain = socket.create_connection(("127.0.0.1", port), 10)
    with context.wrap_socket(plain, server_hostname="localhost") as secured:
        name, version, bits = secured.cipher() or ("", "", 0)
        return f"{version} {name}, {bits} bits"
