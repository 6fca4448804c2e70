"""What can be said about a certificate's files before a viewer meets them.

Law: nothing is written, and no file that cannot be read stops the doctor.
"""

import ssl
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from tidegate.edge.x509 import facts
from tidegate.node.errors import NodeError
from tidegate.node.finding import Finding, expiry
from tidegate.settings import Certificate, Tls


def verify(tls: Tls) -> None:
    """Every certificate can be served. Raises `NodeError` that names the first that cannot."""
    for index, files in enumerate(tls.certificates):
        found = _trouble(_name(index), files)
        if found is not None:
            raise NodeError(f"{found.name}: {found.seen}; {found.fix}")


def judge(tls: Tls, now: datetime) -> Iterator[Finding]:
    """Each certificate can be served, and holds for a while."""
    for index, files in enumerate(tls.certificates):
        name = _name(index)
        yield _trouble(name, files) or _expiry(name, files.chain.expanduser(), now)


def _name(index: int) -> str:
    return f"tls.certificates[{index}]"


def _trouble(name: str, files: Certificate) -> Finding | None:
    """What keeps a certificate from being served."""
    chain, key = files.chain.expanduser(), files.key.expanduser()
    for path in (chain, key):
        try:
            path.read_bytes()
        except OSError as error:
            return Finding(name, "fail", f"{path}: {error.strerror}", "name a file that is there")
    try:
        # An empty password: a key that has one is refused, not asked about.
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(chain, key, password="")
    except ssl.SSLError as error:
        fix = "give the PEM chain, its own certificate first, and its key without a password"
        why = "do not match" if "MISMATCH" in str(error) else "are no PEM chain and open key"
        return Finding(name, "fail", f"{chain} and {key} {why}", fix)
    return None


def _expiry(name: str, chain: Path, now: datetime) -> Finding:
    try:
        until = facts(chain.read_text(encoding="ascii", errors="replace")).until
    except ValueError as error:
        return Finding(name, "warn", f"{chain}: matches its key; {error}", "look at it by hand")
    return expiry(name, str(chain), (until - now).total_seconds())
