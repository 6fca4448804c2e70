"""What a certificate says of itself: its names and its end (RFC 5280).

Law: pure; whatever the bytes, the outcome is the facts or a `ValueError`. The standard library
tells them only of a certificate that it was given to trust.
"""

import ssl
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import NamedTuple

_BEGIN, _END = "-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----"
_UTC_TIME, _GENERALIZED_TIME, _VERSION = 0x17, 0x18, 0xA0
_SEQUENCE, _EXTENSIONS, _OCTETS, _OBJECT, _DNS_NAME = 0x30, 0xA3, 0x04, 0x06, 0x82
_SUBJECT_ALT_NAME = bytes.fromhex("551d11")
"""2.5.29.17 (RFC 5280 4.2.1.6)."""
_LENGTH_BYTES = 4


class Facts(NamedTuple):
    """Of a certificate: the DNS names it is for, and when it expires."""

    names: tuple[str, ...]
    until: datetime


class _Element(NamedTuple):
    tag: int
    value: bytes
    rest: bytes


def facts(chain: str) -> Facts:
    """Of the first certificate in PEM text. Raises `ValueError` where it holds none that is whole.

    RFC 5280 4.1: `tbsCertificate` is [version], serial, signature, issuer, then `validity`, two
    times; then subject, key, and extensions.
    """
    begin = chain.find(_BEGIN)
    first, end, _ = chain[max(0, begin) :].partition(_END)
    if begin < 0 or not end:
        raise ValueError("there is no certificate in it")
    fields = list(_elements(_element(_element(ssl.PEM_cert_to_DER_cert(first + end)).value).value))
    at = 4 if fields and fields[0].tag == _VERSION else 3
    if len(fields) <= at:
        raise ValueError("the certificate is cut short")
    times = list(_elements(fields[at].value))
    if len(times) != 2:
        raise ValueError("the certificate tells no time of its end")
    names = [name for field in fields if field.tag == _EXTENSIONS for name in _names(field.value)]
    return Facts(tuple(names), _time(times[1]))


def _names(extensions: bytes) -> Iterator[str]:
    for extension in _elements(_element(extensions).value):
        parts = list(_elements(extension.value))
        if parts and parts[0].tag == _OBJECT and parts[0].value == _SUBJECT_ALT_NAME:
            for name in _elements(_element(parts[-1].value).value):
                if name.tag == _DNS_NAME:
                    yield name.value.decode("ascii").lower()


def _elements(data: bytes) -> Iterator[_Element]:
    while data:
        element = _element(data)
        yield element
        data = element.rest


def _element(data: bytes) -> _Element:
    """The first element (X.690 8.1)."""
    if len(data) < 2:
        raise ValueError("the certificate is cut short")
    size, begin = data[1], 2
    if size & 0x80:
        begin += size & 0x7F
        if begin > 2 + _LENGTH_BYTES:
            raise ValueError("the certificate has an element too long")
        size = int.from_bytes(data[2:begin])
    if begin + size > len(data):
        raise ValueError("the certificate is cut short")
    return _Element(data[0], data[begin : begin + size], data[begin + size :])


def _time(element: _Element) -> datetime:
    """RFC 5280 4.1.2.5: UTCTime until 2049, its years from 50 on are of the last century."""
    text = element.value.decode("ascii")
    if element.tag == _UTC_TIME:
        text = ("19" if text[:2] >= "50" else "20") + text
    elif element.tag != _GENERALIZED_TIME:
        raise ValueError("the certificate tells no time of its end")
    return datetime.strptime(text, "%Y%m%d%H%M%SZ").replace(tzinfo=UTC)
