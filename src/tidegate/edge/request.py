"""Requests out of bytes: HTTP/1.1 heads (RFC 9112), checked by httptools, bounded here.

Law: a head is judged whole or, where it is still short, by the same automaton; so the outcome never
depends on how the bytes were split. A viewer has nothing to upload: a body is refused.
"""

import re

import httptools
import msgspec

HEAD_LIMIT = 16 * 1024
"""Bytes of request line and fields: twice nginx's default, room for a page's cookies and CMCD."""
TARGET_LIMIT = 4096
"""Bytes of a request target: a CMCD query (CTA-5004) stays well under 2 kB."""
FIELD_LIMIT = 64
"""Header fields of one request: browsers send fewer than 20."""
SHORT = 1024
"""Bytes of a head whose fields are not worth counting."""
KNOWN_HEADS = 1024
"""Heads whose meaning is remembered: viewers of one part send few different ones."""

_METHODS = {b"GET", b"HEAD", b"OPTIONS"}
_FIELDS = re.compile(
    rb"\r\n(?i:(host|range|if-range|if-none-match|content-length|transfer-encoding"
    rb"|upgrade|sec-websocket-key|sec-websocket-version|accept-encoding)):[ \t]*([^\r]*)"
)
_LISTS = (b"if-none-match", b"accept-encoding")
"""Fields that may be given in several lines."""
_GZIP = re.compile(
    rb"(?i:(?:^|,)[ \t]*gzip[ \t]*(?:;[ \t]*q=(0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?)[ \t]*)?(?:,|$))"
)
"""RFC 9110 12.5.3: gzip by its name, and its weight."""
_PERSONAL = re.compile(rb"\?|(?i:cookie|authorization|upgrade)")
"""What a head has that only one viewer sends: a query holds tokens and session ids."""
_HOST = re.compile(rb"[A-Za-z0-9._~%!$&'()*+,;=:\[\]-]*")
_HTTP_1_1 = b"HTTP/1.1\r\n"
_HTTP_1_0 = b"HTTP/1.0\r\n"
_END = b"\r\n\r\n"


class BadRequest(Exception):
    """The peer broke HTTP or a limit. `status` answers it, `word` counts it; then the end."""

    def __init__(self, status: int, word: str) -> None:
        super().__init__(status, word)
        self.status = status
        self.word = word


class Request(msgspec.Struct, frozen=True, gc=False):
    """One request, as far as this server cares.

    `plain` is true for a GET without range or condition, which is nearly every one. With `gzip` a
    body may come so. With `websocket` it asks for the WebSocket of version `version` under `key`
    (RFC 6455 4.2.1).
    """

    method: bytes
    target: bytes
    keep_alive: bool
    plain: bool
    range: bytes
    if_range: bytes
    if_none_match: bytes
    version: bytes = b""
    key: bytes = b""
    websocket: bool = False
    gzip: bool = False


class RequestParser:
    """Shared by all connections of a worker. What it makes of a head depends on its bytes alone.

    So a head that many send is judged once; one that names its sender is not remembered.
    """

    def __init__(self) -> None:
        self._known: dict[bytes, Request] = {}
        self._complete = False
        self._keep_alive = False
        self._upgrade = False
        self._renew()

    def take(self, held: bytes) -> tuple[Request | None, int]:
        """The first request in `held` (None: not whole yet) and how many bytes were used up.

        Raises `BadRequest` as soon as what is there cannot become a good one.
        """
        known = self._known.get(held)
        if known is not None:
            return known, len(held)
        # RFC 9112 2.2: empty lines before the request line are ignored.
        start = 0 if held[:1] not in (b"\r", b"\n") else len(held) - len(held.lstrip(b"\r\n"))
        end = held.find(_END, start, start + HEAD_LIMIT)
        if end < 0:
            self._judge_start(held[start : start + HEAD_LIMIT])
            return None, start
        end += len(_END)
        if start or end < len(held):
            return self._judge(held[start:end]), end
        request = self._judge(held)
        if request.plain and end <= SHORT and not _PERSONAL.search(held):
            if len(self._known) >= KNOWN_HEADS:
                self._known.clear()
            self._known[held] = request
        return request, end

    @property
    def known(self) -> int:
        """Heads remembered, `KNOWN_HEADS` at most."""
        return len(self._known)

    def on_message_complete(self) -> None:
        """httptools: the head was whole and no body follows."""
        self._complete = True
        self._keep_alive = self._parser.should_keep_alive()

    def _renew(self) -> None:
        self._parser = httptools.HttpRequestParser(self)

    def _feed(self, head: bytes) -> None:
        """Show `head` to the automaton, and leave it ready for another connection's."""
        self._complete = self._upgrade = False
        try:
            self._parser.feed_data(head)
        except httptools.HttpParserUpgrade:
            # RFC 9110 7.8: a server may ignore an upgrade, and this one does but to a WebSocket.
            self._upgrade = True
            self._renew()
        except httptools.HttpParserError:
            self._renew()
            raise BadRequest(400, "malformed") from None
        if not (self._complete and self._keep_alive):
            self._renew()

    def _judge_start(self, head: bytes) -> None:
        if not head:
            return
        self._feed(head)
        if len(head) >= HEAD_LIMIT:
            raise BadRequest(431, "header")

    def _judge(self, head: bytes) -> Request:
        self._feed(head)
        line = head.split(b" ", 2)
        if len(line) != 3 or line[2][:5] != b"HTTP/" or b"\r" in line[1]:
            raise BadRequest(400, "malformed")
        method, target, rest = line
        version = rest[:10]
        if version not in (_HTTP_1_1, _HTTP_1_0):
            raise BadRequest(505, "version")
        if method not in _METHODS:
            raise BadRequest(405, "method")
        if not self._complete:
            raise BadRequest(413, "body")
        if len(target) > TARGET_LIMIT:
            raise BadRequest(414, "target")
        if target[:1] != b"/":
            raise BadRequest(400, "target")
        if len(head) > SHORT and head.count(b"\r\n") > FIELD_LIMIT + 2:
            raise BadRequest(431, "header")
        return self._request(method, target, version, _FIELDS.findall(head))

    def _request(
        self, method: bytes, target: bytes, version: bytes, fields: list[tuple[bytes, bytes]]
    ) -> Request:
        # RFC 9112 9.3: HTTP/1.0 persists only by an extension that is not worth its ambiguity.
        keep_alive = self._keep_alive and version == _HTTP_1_1
        if len(fields) == 1 and fields[0][0].lower() == b"host":
            _check_host(fields[0][1].rstrip())
            return Request(method, target, keep_alive, method == b"GET", b"", b"", b"")
        known = _known(fields)
        if b"host" in known:
            _check_host(known[b"host"])
        elif version == _HTTP_1_1:
            raise BadRequest(400, "host")
        span, only_if, unless = (
            known.get(name, b"") for name in (b"range", b"if-range", b"if-none-match")
        )
        plain = method == b"GET" and not (span or only_if or unless)
        gzip = _takes_gzip(known.get(b"accept-encoding", b""))
        request = Request(method, target, keep_alive, plain, span, only_if, unless, gzip=gzip)
        return self._upgraded(request, known) if self._upgrade else request

    @staticmethod
    def _upgraded(request: Request, known: dict[bytes, bytes]) -> Request:
        if known.get(b"upgrade", b"").lower() != b"websocket":
            return request
        return msgspec.structs.replace(
            request,
            websocket=True,
            version=known.get(b"sec-websocket-version", b""),
            key=known.get(b"sec-websocket-key", b""),
        )


def _known(fields: list[tuple[bytes, bytes]]) -> dict[bytes, bytes]:
    known: dict[bytes, bytes] = {}
    for name, given in fields:
        key, value = name.lower(), given.rstrip()
        if key in (b"content-length", b"transfer-encoding"):
            # Even "Content-Length: 0": what no viewer sends, only a smuggler needs.
            raise BadRequest(413, "body")
        if key in known:
            if key not in _LISTS:
                raise BadRequest(400, "duplicate")
            value = known[key] + b", " + value
        known[key] = value
    return known


def _takes_gzip(value: bytes) -> bool:
    found = _GZIP.search(value)
    return found is not None and float(found[1] or 1) > 0


def _check_host(value: bytes) -> None:
    # RFC 9112 3.2: no Host, two, or an invalid one is answered 400.
    if _HOST.fullmatch(value) is None:
        raise BadRequest(400, "host")
