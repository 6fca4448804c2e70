"""The chunk stream (RTMP 1.0, 5.3 and 5.4.1 to 5.4.2): bytes to messages and back.

Law: what is held for a peer is one unfinished header (under 18 bytes), at most `MAX_STREAMS` small
records, and unfinished messages whose declared lengths add up to no more than `limit`.

This is where all of a publisher's bytes pass, so nothing here is done byte by byte. A message that
lies whole in what was received is one slice. A message in many chunks is taken in one run: the
headers between its chunks stand at a fixed stride, so one strided slice compares them all and
another deletes them all.
"""

from struct import Struct

import msgspec

from tidegate.ingest.rtmp.errors import RtmpError

DEFAULT_CHUNK = 128
"""Bytes of payload a chunk until the sender says otherwise (5.4.1)."""

MIN_CHUNK = 128
"""5.4.1 asks senders for 128 or more; one byte a chunk would only serve to burn our time."""

MAX_CHUNK = 0xFFFFFF
"""5.4.1: larger values mean the same, for no message is longer."""

MAX_STREAMS = 32
"""Chunk streams open at once; encoders use two to six."""

SET_CHUNK_SIZE = 1
ABORT = 2

_EXTENDED = 0xFFFFFF
_TIME_MASK = 0xFFFFFFFF
_HEADER_SIZE = (11, 7, 3, 0)
_TIME_LENGTH_TYPE = Struct(">HBHBB")
_WORD = Struct(">I")
_STREAM_ID = Struct("<I")


class Message(msgspec.Struct, frozen=True, gc=False):
    """One RTMP message: `timestamp` in ms modulo 2**32, `stream` the message stream's id."""

    type: int
    stream: int
    timestamp: int
    payload: bytes


class _Stream:
    """What 5.3.1.2 lets a chunk leave out: the last header of one chunk stream."""

    __slots__ = ("basic", "delta", "left", "length", "mark", "partial", "stream", "time", "type")

    def __init__(self, basic: bytes) -> None:
        self.basic = basic
        """The basic header of a type 3 chunk."""
        self.mark = basic
        """The whole header of a chunk that continues a message: with the extended timestamp."""
        self.length = -1
        self.type = 0
        self.stream = 0
        self.time = 0
        self.delta = 0
        self.left = 0
        self.partial: bytearray | None = None


class ChunkReader:
    """Bytes in any pieces to whole messages.

    `limit` bounds the declared bytes of unfinished messages together; the owner may raise it.
    `consumed` counts the bytes taken so far.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._held = 0
        self._size = DEFAULT_CHUNK
        self._streams: dict[int, _Stream] = {}
        self._open: _Stream | None = None
        self._chunk_left = 0
        self._data = b""
        self._pos = 0
        self._before = 0

    @property
    def consumed(self) -> int:
        """Bytes of the chunk stream read so far."""
        return self._before + self._pos

    @property
    def held(self) -> int:
        """Bytes held for what is not whole yet."""
        partials = (s.partial for s in self._streams.values() if s.partial is not None)
        return len(self._data) - self._pos + sum(map(len, partials))

    def feed(self, data: bytes) -> None:
        """Bytes that follow; then call `next` until it returns None."""
        rest = self._data[self._pos :]
        self._before += self._pos
        self._data = rest + data if rest else data
        self._pos = 0

    def next(self) -> Message | None:
        """The next whole message, or None until more is fed. Raises `RtmpError`."""
        while True:
            stream = self._open
            if stream is None:
                stream = self._header()
                if stream is None:
                    return None
            message = self._body(stream)
            if message is None:
                if self._open is not None:
                    return None
                continue
            if message.type == SET_CHUNK_SIZE:
                self._set_chunk_size(message.payload)
            elif message.type == ABORT:
                self._abort(message.payload)
            else:
                return message

    def _header(self) -> _Stream | None:
        """Reads one chunk's header whole, or not at all."""
        data, at = self._data, self._pos
        if at == len(data):
            return None
        first = data[at]
        csid = first & 0x3F
        at += 1
        if csid < 2:
            # 5.3.1.1: 0 and 1 announce ids of one and two bytes more, counted from 64.
            wide = csid + 1
            if at + wide > len(data):
                return None
            csid = 64 + int.from_bytes(data[at : at + wide], "little")
            at += wide
        stream = self._streams.get(csid)
        if stream is None:
            stream = self._new_stream(csid)
        fmt = first >> 6
        end = at + _HEADER_SIZE[fmt]
        if end > len(data):
            return None
        if fmt == 3:
            return self._continue(stream, end)
        return self._begin(stream, fmt, at)

    def _begin(self, stream: _Stream, fmt: int, at: int) -> _Stream | None:
        """A header of type 0, 1 or 2 (5.3.1.2.1 to 5.3.1.2.3)."""
        data = self._data
        end = at + _HEADER_SIZE[fmt]
        if stream.partial is not None:
            raise RtmpError("chunk", "a message began before the one before it was whole")
        if fmt == 2:
            time = data[at] << 16 | data[at + 1] << 8 | data[at + 2]
            length, kind = stream.length, stream.type
        else:
            high, low, length, length_low, kind = _TIME_LENGTH_TYPE.unpack_from(data, at)
            time = high << 8 | low
            length = length << 8 | length_low
        mark = stream.basic
        if time == _EXTENDED:
            if end + 4 > len(data):
                return None
            time = _WORD.unpack_from(data, end)[0]
            mark += data[end : end + 4]
            end += 4
        if fmt == 0:
            stream.stream = _STREAM_ID.unpack_from(data, at + 7)[0]
            stream.time = 0
        stream.length, stream.type, stream.mark = length, kind, mark
        # 5.3.1.2.4: a type 3 chunk after a type 0 one takes that one's time for its delta.
        stream.delta = time
        self._pos = end
        return self._start(stream)

    def _continue(self, stream: _Stream, end: int) -> _Stream | None:
        """A header of type 3 (5.3.1.2.4): the rest of a message, or one like the last."""
        if stream.mark is not stream.basic:
            # 5.3.1.3 repeats the extended timestamp here; some senders do not.
            if end + 4 > len(self._data):
                return None
            if self._data[end : end + 4] == stream.mark[-4:]:
                end += 4
        self._pos = end
        if stream.partial is None:
            return self._start(stream)
        self._chunk_left = min(self._size, stream.left)
        self._open = stream
        return stream

    def _start(self, stream: _Stream) -> _Stream:
        length = stream.length
        if length < 0:
            raise RtmpError("chunk", "a chunk leaves out a length that was never given")
        if length > self.limit - self._held:
            raise RtmpError("message-size", "a message is longer than this server takes")
        stream.time = (stream.time + stream.delta) & _TIME_MASK
        stream.left = length
        self._chunk_left = min(self._size, length)
        self._open = stream
        return stream

    def _body(self, stream: _Stream) -> Message | None:
        """Takes what there is of the open chunk, and of the chunks that continue it."""
        data, pos, left = self._data, self._pos, stream.left
        if stream.partial is None and self._chunk_left == left <= len(data) - pos:
            self._pos = pos + left
            self._open = None
            return Message(stream.type, stream.stream, stream.time, data[pos : pos + left])
        return self._run(stream)

    def _run(self, stream: _Stream) -> Message | None:
        """Takes chunks of one message, as far as they lie end to end in what was fed."""
        first, size = self._chunk_left, self._size
        reach = self._reach(stream)
        taken = bytearray(memoryview(self._data)[self._pos : self._pos + reach])
        if reach > first:
            gap = len(stream.mark)
            for i in range(gap):
                del taken[first :: size + gap - i]
        self._pos += reach
        if stream.partial is None:
            self._held += stream.length
            stream.partial = taken
        else:
            stream.partial += taken
        stream.left -= len(taken)
        if not stream.left:
            return self._finish(stream)
        past = len(taken) - first
        self._chunk_left = min(-past if past < 0 else size - past % size, stream.left)
        if past >= 0 and past % size == 0:
            self._open = None
        return None

    def _reach(self, stream: _Stream) -> int:
        """Bytes of the open chunk and of those that follow it, for this message and at hand."""
        first, more = self._chunk_left, stream.left - self._chunk_left
        have = len(self._data) - self._pos
        if not more or have <= first:
            return min(have, first)
        mark = stream.mark
        gap = len(mark)
        stride = self._size + gap
        have = min(have, first + more - (-more // self._size) * gap)
        over = (have - first) % stride
        if over <= gap:  # a header with nothing behind it is left for later
            have -= over
        for i in range(gap):
            found = self._data[self._pos + first + i : self._pos + have : stride]
            if found != mark[i : i + 1] * len(found):
                return first
        return have

    def _finish(self, stream: _Stream) -> Message:
        payload = bytes(stream.partial or b"")
        self._drop(stream)
        self._open = None
        return Message(stream.type, stream.stream, stream.time, payload)

    def _drop(self, stream: _Stream) -> None:
        stream.partial = None
        self._held -= stream.length

    def _new_stream(self, csid: int) -> _Stream:
        if len(self._streams) >= MAX_STREAMS:
            raise RtmpError("chunk-streams", f"more than {MAX_STREAMS} chunk streams")
        stream = self._streams[csid] = _Stream(_basic_header(3, csid))
        return stream

    def _set_chunk_size(self, payload: bytes) -> None:
        """5.4.1. The highest bit is zero; the size counts for the chunks that follow."""
        size = int.from_bytes(payload[:4], "big")
        if len(payload) < 4 or not MIN_CHUNK <= size < 1 << 31:
            raise RtmpError("chunk-size", f"chunks of fewer than {MIN_CHUNK} bytes are not taken")
        self._size = min(size, MAX_CHUNK)

    def _abort(self, payload: bytes) -> None:
        """5.4.2: the rest of a message will not come."""
        stream = self._streams.get(int.from_bytes(payload[:4], "big"))
        if stream is not None and stream.partial is not None:
            self._drop(stream)


def write(message: Message, csid: int, size: int) -> bytes:
    """One message as chunks of at most `size` payload bytes, its first header of type 0."""
    payload, time = message.payload, message.timestamp & _TIME_MASK
    late = _WORD.pack(time) if time >= _EXTENDED else b""
    length = len(payload)
    out = bytearray(_basic_header(0, csid))
    short = min(time, _EXTENDED)
    out += _TIME_LENGTH_TYPE.pack(
        short >> 8, short & 0xFF, length >> 8, length & 0xFF, message.type
    )
    out += _STREAM_ID.pack(message.stream) + late + payload[:size]
    mark = _basic_header(3, csid) + late
    for at in range(size, length, size):
        out += mark + payload[at : at + size]
    return bytes(out)


def _basic_header(fmt: int, csid: int) -> bytes:
    """5.3.1.1."""
    if csid < 64:
        return bytes((fmt << 6 | csid,))
    wide = 1 if csid < 320 else 2
    return bytes((fmt << 6 | wide - 1,)) + (csid - 64).to_bytes(wide, "little")
