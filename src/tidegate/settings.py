"""Every setting: its name, default, unit and meaning, in this one place.

`config.toml` is parsed into `Settings`; an environment variable `TIDEGATE_<TABLE>_<KEY>` overrides
a key. Unknown keys are refused with the nearest name. `docs/settings.md` is made from this file and
a test holds the two together.
"""

import os
from collections.abc import Mapping
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    model_validator,
)

from tidegate.mistakes import complaints, read_toml

CHANNEL_NAME = r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}"
"""What a channel may be called: fit for a path, a URL and a folder without escaping."""

ChannelName = Annotated[str, StringConstraints(pattern=f"^{CHANNEL_NAME}$")]
Key = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{16,128}$")]
Port = Annotated[int, Field(ge=0, le=65535)]
Network = IPv4Network | IPv6Network


def _listed(value: object) -> object:
    """A variable of the environment holds a list with commas."""
    return [item for item in value.split(",") if item] if isinstance(value, str) else value


def _paired(value: object) -> object:
    """A variable holds a certificate as `CHAIN:KEY`."""
    if not isinstance(value, str):
        return value
    chain, _, key = value.rpartition(":")
    return {"chain": chain, "key": key}


class SettingsError(ValueError):
    """The operator's configuration is wrong. The text names the key and what to write instead."""


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Log(_Table):
    """Where media is kept while it is live."""

    root: Path = Field(
        Path("/dev/shm/tidegate"),  # noqa: S108  (tmpfs is where live logs belong)
        description="Folder of the live logs; on tmpfs, media never waits for a disk.",
    )
    retention_s: float = Field(
        90.0, ge=10, le=86_400, description="Seconds of media kept behind the live edge."
    )
    retention_mb: int = Field(
        1024, ge=16, le=1_048_576, description="Megabytes kept in one log at most."
    )


class State(_Table):
    """What must outlive a restart."""

    folder: Path = Field(
        Path("~/.local/state/tidegate"),
        description="Folder of the stream key and of what the node remembers; mode 0700.",
    )


class Rtmp(_Table):
    """RTMP ingest."""

    host: str = Field("0.0.0.0", description="Address to listen on.")  # noqa: S104
    port: Port = Field(1935, description="Port to listen on; 0 takes any free one.")
    max_connections: int = Field(
        1000, ge=1, le=15_000, description="Connections open at once; more are closed at once."
    )
    publish_deadline_s: float = Field(
        10.0, ge=1, le=120, description="Seconds from accept to an accepted publish."
    )
    idle_timeout_s: float = Field(
        15.0, ge=1, le=600, description="Seconds a publisher may send nothing."
    )


class Publish(_Table):
    """Who may publish, and what happens when they go."""

    key: Key | None = Field(
        None,
        description="Stream key for every channel without its own; made at the first start "
        "and kept in the state folder when absent.",
    )
    grace_s: float = Field(
        30.0, ge=0, le=3600, description="Seconds a channel waits for its publisher to come back."
    )


class Package(_Table):
    """How samples become chunks and segments."""

    part_ms: int = Field(
        200, ge=50, le=1000, description="Target length of a CMAF chunk (an LL-HLS part), ms."
    )
    segment_ms: int = Field(
        2000, ge=500, le=20_000, description="Target length of a segment, ms; cut at a keyframe."
    )
    flv_chunk_ms: int = Field(
        100, ge=10, le=1000, description="Target length of a chunk of the FLV and MP4 logs, ms."
    )
    window_s: float = Field(
        30.0, ge=6, le=43_200, description="Seconds of segments that a live playlist lists."
    )
    mp4: bool = Field(
        True, description="Whether the log behind `/live/<channel>.mp4` is written as well."
    )


class Http(_Table):
    """Delivery to viewers."""

    host: str = Field("0.0.0.0", description="Address to listen on.")  # noqa: S104
    port: Port = Field(8080, description="Port to listen on; 0 takes any free one.")
    workers: int = Field(
        0, ge=0, le=256, description="Edge processes; 0 is one a core that the node may use."
    )
    max_connections: int = Field(
        15_000, ge=1, le=1_000_000, description="Connections open at once in one worker."
    )
    max_connections_per_address: int = Field(
        1000, ge=1, le=1_000_000, description="Of them, from one address."
    )
    max_requests_per_address: int = Field(
        2000,
        ge=1,
        le=1_000_000,
        description="Requests a second answered to one address in one worker.",
    )
    exempt: Annotated[list[Network], BeforeValidator(_listed)] = Field(
        [IPv4Network("127.0.0.0/8"), IPv6Network("::1/128")],
        description="Networks of caches and proxies, to which the limits of an address do not "
        "apply; as a variable, with commas.",
    )
    capacity_mbps: int = Field(
        0,
        ge=0,
        le=10_000_000,
        description="Mbit/s that this machine may send to viewers; 0 knows no limit.",
    )
    reserve: float = Field(
        0.1,
        ge=0,
        le=0.9,
        description="Share of connections, of capacity and of a worker's time that newcomers leave "
        "to those who watch.",
    )
    retry_after_s: int = Field(
        5, ge=1, le=3600, description="Seconds after which a refused newcomer is asked to return."
    )
    buddy: str | None = Field(
        None,
        pattern=r"^https?://[A-Za-z0-9.:\[\]-]{1,253}$",
        description="Site, as `https://host[:port]`, to which newcomers are sent (302) when this "
        "one is full.",
    )
    header_timeout_s: float = Field(
        10.0, ge=1, le=120, description="Seconds for a request's header to arrive whole."
    )
    keepalive_s: float = Field(
        30.0, ge=1, le=600, description="Seconds an idle connection is kept open."
    )
    slow_viewer_s: float = Field(
        6.0,
        ge=1,
        le=60,
        description="Seconds a viewer of a tail may fall behind before it jumps to the newest "
        "independent chunk.",
    )
    tick_min_ms: int = Field(
        0, ge=0, le=2000, description="Least time between two sends to the viewers of a tail, ms."
    )
    tick_max_ms: int = Field(
        350,
        ge=10,
        le=2000,
        description="Most time that chunks wait to be sent together when a worker has many "
        "viewers of tails, ms.",
    )


class Certificate(_Table):
    """One certificate with its key; its names are those written in it."""

    chain: Path = Field(description="PEM file: the certificate, then those that signed it.")
    key: Path = Field(description="PEM file of the private key.")


class Tls(_Table):
    """HTTPS, beside HTTP, once there is a certificate."""

    host: str = Field("0.0.0.0", description="Address to listen on.")  # noqa: S104
    port: Port = Field(8443, description="Port to listen on; 0 takes any free one.")
    certificates: Annotated[
        list[Annotated[Certificate, BeforeValidator(_paired)]], BeforeValidator(_listed)
    ] = Field(
        [],
        max_length=256,
        description="`[[tls.certificates]]` tables with `chain` and `key`; the first serves names "
        "that no other has. Read again when the files change; as a variable, `CHAIN:KEY` with "
        "commas.",
    )
    min_version: Literal["1.2", "1.3"] = Field("1.2", description="Oldest TLS spoken.")
    handshake_s: float = Field(
        10.0, ge=1, le=120, description="Seconds for a handshake to be complete."
    )


class Usage(_Table):
    """What was delivered, for whom, in slots of five minutes."""

    retention_days: int = Field(
        45, ge=1, le=400, description="Days for which access records are kept."
    )


class Channel(_Table):
    """One channel's own rules."""

    key: Key | None = Field(None, description="Stream key of this channel alone.")
    tenant: ChannelName = Field("default", description="Whose channel it is, in access records.")
    max_viewers: int = Field(
        0, ge=0, le=10_000_000, description="Viewers at once in one worker; 0 knows no limit."
    )
    takeover: bool = Field(
        False, description="Whether a second publisher replaces the first instead of being refused."
    )


class Node(_Table):
    """The parts of this machine and their parent."""

    drain_s: float = Field(
        5.0, ge=0, le=600, description="Seconds the parts get to finish after SIGTERM."
    )
    upgrade_s: float = Field(
        3600.0,
        ge=0,
        le=86_400,
        description="Seconds that replaced edge workers go on serving those who watch.",
    )


class Settings(_Table):
    """The whole of `config.toml`."""

    log: Log = Log()
    state: State = State()
    rtmp: Rtmp = Rtmp()
    publish: Publish = Publish()
    package: Package = Package()
    http: Http = Http()
    tls: Tls = Tls()
    usage: Usage = Usage()
    node: Node = Node()
    channels: dict[ChannelName, Channel] = Field(
        default_factory=dict, description="One table a channel: `[channels.NAME]`."
    )

    @model_validator(mode="after")
    def _agree(self) -> "Settings":
        # RFC 8216bis 6.2.2: what left a playlist stays for as long as the playlist is.
        if self.log.retention_s < 2 * self.package.window_s:
            raise ValueError(
                f"log.retention_s ({self.log.retention_s:g}) must be at least twice "
                f"package.window_s ({self.package.window_s:g})"
            )
        if self.http.tick_min_ms > self.http.tick_max_ms:
            raise ValueError(
                f"http.tick_min_ms ({self.http.tick_min_ms}) must be at most "
                f"http.tick_max_ms ({self.http.tick_max_ms})"
            )
        return self


def load(path: Path | None, environ: Mapping[str, str] = os.environ) -> Settings:
    """Settings from a TOML file (or none) and the environment.

    Raises `SettingsError` with one line a mistake.
    """
    try:
        tables = {} if path is None else read_toml(path)
    except ValueError as error:
        raise SettingsError(str(error)) from error
    _override(tables, environ)
    try:
        return Settings.model_validate(tables)
    except ValidationError as error:
        raise SettingsError("\n".join(complaints(error, Settings))) from error


def _override(tables: dict[str, Any], environ: Mapping[str, str]) -> None:
    for table, field in Settings.model_fields.items():
        model = field.annotation
        if not (isinstance(model, type) and issubclass(model, _Table)):
            continue
        for key in model.model_fields:
            value = environ.get(f"TIDEGATE_{table}_{key}".upper())
            if value is not None and isinstance(tables.setdefault(table, {}), dict):
                tables[table][key] = value
