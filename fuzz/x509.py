"""Whatever the bytes of a certificate, out come its facts or a `ValueError`.

And its names take no more than its bytes, each of them ASCII in lower case.
"""

import base64
import contextlib
import ssl

from tidegate.edge.x509 import facts

_NAMED = """
MIIBkDCCATagAwIBAgIUbhuvOkP6pFv6olOEOxqtduk7WkQwCgYIKoZIzj0EAwIwDDEKMAgGA1UEAwwBczAeFw0yNjEx
MjMxMjMzMjBaFw0yNzAyMjExMjMzMjBaMAwxCjAIBgNVBAMMAXMwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAARqVN0S
MYxVMKYF0v3IobIe0Ue/vPKypS3ONbeGCsRnmtWM5TZNTFS5uPZlY6CHNX0sdG3ayQ2QjPNLLrhLg7uFo3YwdDAdBgNV
HQ4EFgQU4AaQfkYU7TwZ9bZUSPcW2ASy76IwHwYDVR0jBBgwFoAU4AaQfkYU7TwZ9bZUSPcW2ASy76IwDwYDVR0TAQH/
BAUwAwEB/zAhBgNVHREEGjAYgglhLmV4YW1wbGWCCyouYi5leGFtcGxlMAoGCCqGSM49BAMCA0gAMEUCIQDyrK/ZqCjJ
WIyrEDrgqnXP38xZx48U+1Djjk1YVc2WiwIgDEGgSdMeBHK1O+kuqiMaxG9adetNcMEgq2McX+5rLdk=
"""
"""By openssl: for a.example and *.b.example, to 2027 (UTCTime)."""
_NAMELESS = """
MIIBbzCCARWgAwIBAgIUaUqB+IgXhpsXyTxXaYNm1kwjXK4wCgYIKoZIzj0EAwIwDDEKMAgGA1UEAwwBczAgFw0yNjEx
MjMxMjMzMjBaGA8yMDgxMDgyNjEyMzMyMFowDDEKMAgGA1UEAwwBczBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABMJX
SclOrZ+PrHBWESqOP1w8smpmTJu0Ahx2Ax9B5zYlmvJQIuP7JRUqMrNfzxkIAVGPt/KSRiiPuW7EWeUMA3OjUzBRMB0G
A1UdDgQWBBSbNtDkkZFC/0aRRwaDWnQV54chTDAfBgNVHSMEGDAWgBSbNtDkkZFC/0aRRwaDWnQV54chTDAPBgNVHRMB
Af8EBTADAQH/MAoGCCqGSM49BAMCA0gAMEUCIH08vExu+pdNugUhczwQrWtincpIIuxRPrC3muf9Uw31AiEA4j/KXSNz
9/24lvcqYdEcB26NrOMYIgvZAIfwmzq5uA4=
"""
"""By openssl: without names, to 2081 (GeneralizedTime)."""

SEEDS: list[bytes] = [b"\x00" + base64.b64decode(each) for each in (_NAMED, _NAMELESS)] + [
    b"\x01-----BEGIN CERTIFICATE-----" + _NAMED.encode() + b"-----END CERTIFICATE-----\n"
]


def one(data: bytes) -> None:
    """The first byte chooses: the rest is DER, or the text of a file."""
    rest = data[1:]
    text = (
        rest.decode("ascii", "replace") if data[:1] == b"\x01" else ssl.DER_cert_to_PEM_cert(rest)
    )
    with contextlib.suppress(ValueError):
        names = facts(text).names
        assert sum(map(len, names)) <= len(rest)
        assert all(name.isascii() and name == name.lower() for name in names)
