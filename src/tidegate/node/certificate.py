"""What can be said about a certificate's files before a viewer meets them.

Law: nothing is written, and no file that cannot be read stops the doctor.
"""

import ssl
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from tidegate.node.errors import NodeError
from tidegate.node.finding import Finding, expiry
from tidegate.settings import Certificate, Tls

_UTC_TIME, _GENERALIZED_TIME, _VERSION = 0x17, 0x18, 0xA0
_END = "-----END CERTIFICATE-----"


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
        until = not_after(chain.read_text(encoding="ascii", errors="replace"))
    except ValueError as error:
        return Finding(name, "warn", f"{chain}: matches its key; {error}", "look at it by hand")
    return expiry(name, str(chain), (until - now).total_seconds())


def not_after(chain: str) -> datetime:
    """When the first certificate of a PEM file expires. Raises `ValueError` where it holds none.

    RFC 5280 4.1: `tbsCertificate` is [version], serial, signature, issuer, then `validity`, two
    times. The standard library tells them only of a certificate that it was given to trust.
    """
    first, end, _ = chain[chain.find("-----BEGIN CERTIFICATE-----") :].partition(_END)
    whole = ssl.PEM_cert_to_DER_cert(first + end)
    try:
        certified = _element(whole)[1]
        rest = _element(certified)[1]
        for _ in range(4 if rest[0] == _VERSION else 3):
            rest = _element(rest)[2]
        validity = _element(rest)[1]
        kind, text, _ = _element(_element(validity)[2])
    except IndexError as error:
        raise ValueError("the certificate is cut short") from error
    return _time(kind, text.decode("ascii"))


def _element(data: bytes) -> tuple[int, bytes, bytes]:
    """The first element, as its tag and its value, and what follows it: X.690 8.1."""
    size, begin = data[1], 2
    if size & 0x80:
        begin += size & 0x7F
        size = int.from_bytes(data[2:begin], "big")
    return data[0], data[begin : begin + size], data[begin + size :]


def _time(kind: int, text: str) -> datetime:
    """RFC 5280 4.1.2.5: UTCTime until 2049, its years from 50 on are of the last century."""
    if kind == _UTC_TIME:
        text = ("19" if text[:2] >= "50" else "20") + text
    elif kind != _GENERALIZED_TIME:
        raise ValueError("the certificate tells no time of its end")
    return datetime.strptime(text, "%Y%m%d%H%M%SZ").replace(tzinfo=UTC)
