"""The stages of a connection; `connection` says how one follows another."""

from enum import Enum


class Stage(Enum):
    """What a connection is doing."""

    HANDSHAKE = "handshake"
    HEAD = "head"
    SENDING = "sending"
    PARKED = "parked"
    FOLLOWING = "following"
    LINGER = "linger"
    CLOSED = "closed"
