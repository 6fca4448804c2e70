"""The certificates of HTTPS: one context each, chosen by the name that the client asks for.

Law: a new file is believed only when it can be served; until then the old one is, and the journal
says once what is wrong. Whoever is connected keeps what it has.
"""

import ssl
import time
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import structlog

from tidegate import metrics
from tidegate.edge.x509 import Facts, facts
from tidegate.settings import Certificate, Tls

LOOK_S = 2.0
"""Seconds between two looks at the files."""
_VERSIONS = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}
_CIPHERS = "ECDHE+AESGCM:ECDHE+CHACHA20"
"""For TLS 1.2: forward secret, authenticated, and fast where the processor knows AES."""
_OPTIONS = (
    ssl.OP_NO_COMPRESSION
    | ssl.OP_NO_RENEGOTIATION
    | ssl.OP_CIPHER_SERVER_PREFERENCE
    | ssl.OP_SINGLE_ECDH_USE
    | getattr(ssl, "OP_IGNORE_UNEXPECTED_EOF", 0)
)

log = structlog.get_logger()

_Stamp = tuple[tuple[int, int, int], ...]


@dataclass(slots=True)
class _Loaded:
    """One certificate in use; `stamp` tells its files from newer ones."""

    files: Certificate
    stamp: _Stamp
    context: ssl.SSLContext
    names: tuple[str, ...]
    until: datetime | None


class Certificates:
    """Those of `tls`, which has at least one. Raises `OSError` or `ValueError` when unusable."""

    def __init__(self, tls: Tls) -> None:
        self._tls = tls
        self._loaded = [self._load(files) for files in tls.certificates]
        self._by_name: dict[str, ssl.SSLContext] = {}
        self._settle()

    @property
    def context(self) -> ssl.SSLContext:
        """What a new connection begins with: the first certificate's."""
        return self._loaded[0].context

    def chosen(self, name: str) -> ssl.SSLContext:
        """The context for a server name: its own, or its wildcard's, or the first."""
        name = name.lower().rstrip(".")
        parent = name.partition(".")[2]
        return self._by_name.get(name) or self._by_name.get(f"*.{parent}") or self.context

    def look(self) -> None:
        """Read again what has changed."""
        for index, loaded in enumerate(self._loaded):
            try:
                stamp = _stamp(loaded.files)
            except OSError:
                continue  # being replaced: the next look finds it
            if stamp == loaded.stamp:
                continue
            loaded.stamp = stamp  # a broken one is told of once
            try:
                self._loaded[index] = self._load(loaded.files)
            except (OSError, ValueError) as problem:
                log.error(
                    "new certificate not taken; the old one is served on",
                    setting=f"tls.certificates[{index}]",
                    chain=str(loaded.files.chain),
                    problem=str(problem),
                    fix="replace chain and key by a pair that match",
                )
            else:
                log.info("certificate taken", names=self._loaded[index].names)
        self._settle()

    def _load(self, files: Certificate) -> _Loaded:
        stamp = _stamp(files)
        chain, key = _paths(files)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = _VERSIONS[self._tls.min_version]
        context.options |= _OPTIONS
        context.set_ciphers(_CIPHERS)
        context.set_alpn_protocols(["http/1.1"])
        context.load_cert_chain(chain, key, password="")
        context.sni_callback = self._named
        if key.stat().st_mode & 0o077:
            log.warning("others may read this private key; chmod 600 it", key=str(key))
        return _Loaded(files, stamp, context, *_facts(chain))

    def _named(self, connection: ssl.SSLObject, name: str | None, _first: ssl.SSLContext) -> None:
        """RFC 6066 3: the client says whom it wants to speak to."""
        if name:
            connection.context = self.chosen(name)

    def _settle(self) -> None:
        self._by_name = {
            name: loaded.context for loaded in reversed(self._loaded) for name in loaded.names
        }
        for loaded in self._loaded:
            if loaded.until is None:
                continue
            left = loaded.until.timestamp() - time.time()
            name = loaded.names[0] if loaded.names else loaded.files.chain.name
            metrics.CERTIFICATE_SECONDS.labels(name=name).set(left)


def _facts(chain: Path) -> Facts | tuple[tuple[str, ...], None]:
    """Of what OpenSSL took; where we cannot read it, it is served to who asks for no other name."""
    try:
        return facts(chain.read_text(encoding="ascii", errors="replace"))
    except ValueError as problem:
        log.warning("a certificate without names or end", chain=str(chain), problem=str(problem))
        return (), None


def _paths(files: Certificate) -> tuple[Path, Path]:
    return files.chain.expanduser(), files.key.expanduser()


def _stamp(files: Certificate) -> _Stamp:
    found = (path.stat() for path in _paths(files))
    return tuple((each.st_ino, each.st_mtime_ns, each.st_size) for each in found)
