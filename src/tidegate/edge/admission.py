"""Who may enter, decided from counts alone: no I/O, no clock of its own.

Law: newcomers leave a share of everything to those who watch; what is counted for a connection is
given back when it leaves, so that an empty worker has an empty table. An address that asked is
known until its window is over: a connection for every request gets round no limit.
"""

from collections.abc import Sequence
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address

from tidegate.settings import Http

WINDOW_S = 1.0
"""Seconds over which the requests of an address are counted."""
SMOOTH_S = 2.0
"""Seconds over which load is averaged: a burst of joins is no lasting load."""
KNOWN_ADDRESSES = 65_536
"""Addresses of which it is remembered whether they are exempt, and their network."""
IPV6_PREFIX = 64
"""Bits of an IPv6 address that tell one subscriber from the next (RFC 6177)."""


class Address:
    """One address (or IPv6 network) with connections open here."""

    __slots__ = ("connections", "key", "requests", "until")

    def __init__(self, key: str) -> None:
        self.key = key
        self.connections = 0
        self.requests = 0
        self.until = 0.0


class Admission:
    """The limits of one worker of `workers`. Refusals are the words of `metrics.REFUSED`."""

    def __init__(self, http: Http, workers: int = 1) -> None:
        self._most = http.max_connections
        self._most_new = max(1, int(http.max_connections * (1 - http.reserve)))
        self._per_address = http.max_connections_per_address
        self._requests = http.max_requests_per_address
        self._load = 1 - http.reserve
        self._line = http.capacity_mbps * 1e6 / 8 / workers * (1 - http.reserve)
        self._addresses: dict[str, Address] = {}
        self._gone: dict[str, Address] = {}
        self._connections = 0
        self._sent_rate = _Average()
        self._busy_share = _Average()
        self._key = lru_cache(KNOWN_ADDRESSES)(lambda text: _key(text, http.exempt))

    @property
    def connections(self) -> int:
        """Those that entered and did not leave."""
        return self._connections

    def entered(self, address: str) -> tuple[Address | None, str | None]:
        """A connection came: what to give to `left` and `asked`, and why it is one too many.

        The first is None where the address is exempt. Who is one too many is counted until it left.
        """
        self._connections += 1
        why = "connections" if self._connections > self._most else None
        key = self._key(address)
        if key is None:
            return None, why
        found = self._addresses.get(key)
        if found is None:
            found = self._addresses[key] = Address(key)
        found.connections += 1
        if found.connections > self._per_address:
            why = why or "address"
        return found, why

    def left(self, address: Address | None) -> None:
        """A connection that had entered is closed."""
        self._connections -= 1
        if address is not None:
            address.connections -= 1
            if not address.connections and address.requests:
                self._gone[address.key] = address
            elif not address.connections:
                del self._addresses[address.key]

    def forget(self, now: float) -> None:
        """Those that are gone and whose window is over: to be called every second or so."""
        for address in list(self._gone.values()):
            if address.connections or now >= address.until:
                del self._gone[address.key]
                if not address.connections:
                    del self._addresses[address.key]

    def asked(self, address: Address, now: float) -> bool:
        """Count a request; whether it is within the rate."""
        if now >= address.until:
            address.until = now + WINDOW_S
            address.requests = 0
        address.requests += 1
        return address.requests <= self._requests

    def newcomer(self, viewers: int, limit: int, now: float) -> str | None:
        """Why nobody may begin to watch a channel of so many `viewers`, or None.

        `limit` is the channel's own, 0 where it has none.
        """
        if self._connections > self._most_new:
            return "connections"
        if limit and viewers >= limit:
            return "channel"
        if self._line and self._sent_rate.at(now) > self._line:
            return "capacity"
        if self._busy_share.at(now) > self._load:
            return "busy"
        return None

    def sent(self, size: int, now: float) -> None:
        """So many bytes went out since this was last told."""
        self._sent_rate.add(size, now)

    def busy(self, seconds: float, now: float) -> None:
        """So many seconds were spent at work since this was last told."""
        self._busy_share.add(seconds, now)


class _Average:
    """A rate a second, smoothed; forgotten when nothing is told for long."""

    __slots__ = ("_rate", "_told")

    def __init__(self) -> None:
        self._rate = 0.0
        self._told: float | None = None

    def add(self, amount: float, now: float) -> None:
        if self._told is not None and now > self._told:
            passed = now - self._told
            weight = min(1.0, passed / SMOOTH_S)
            self._rate += weight * (amount / passed - self._rate)
        self._told = now

    def at(self, now: float) -> float:
        old = self._told is None or now - self._told > 4 * SMOOTH_S
        return 0.0 if old else self._rate


def _key(text: str, exempt: Sequence[IPv4Network | IPv6Network]) -> str | None:
    """What an address is counted as; None when it is exempt."""
    address = ip_address(text.partition("%")[0])
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    if any(address.version == network.version and address in network for network in exempt):
        return None
    if isinstance(address, IPv6Address):
        return str(IPv6Network((address, IPV6_PREFIX), strict=False).network_address)
    return str(address)
