"""An event to rehearse, as a TOML file: who watches, over which lines, from where, what breaks.

Law: every key has its unit in its name, unknown keys are refused, and a mistake is told with the
path of its key. What a scenario leaves out has the default given here.
"""

import math
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from tidegate.mistakes import complaints, read_toml
from tidegate.sim.access import Access, AccessError, load, read
from tidegate.sim.kinds import Kind, standard

MOST_VIEWERS = 20_000_000
MOST_SITES = 5_000

Share = Annotated[float, Field(ge=0, le=1)]
Name = Annotated[str, Field(min_length=1, max_length=60)]


class ScenarioError(ValueError):
    """The scenario is wrong. One line a mistake, each beginning with the key's path."""


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Audience(_Table):
    """Who watches, and when: `curve` is (seconds, share of the peak), straight between points."""

    peak: int = Field(ge=1, le=MOST_VIEWERS)
    curve: tuple[tuple[float, float], ...] = Field(min_length=1, max_length=1000)
    session_s: float = Field(1800.0, ge=0, le=1e6)
    patience_s: float = Field(0.0, ge=0, le=3600)
    regional_spread: float = Field(0.2, ge=0, le=2)
    kinds: dict[Name, Share] = Field(min_length=1, max_length=32)

    @model_validator(mode="after")
    def _whole(self) -> "Audience":
        times = [at for at, _ in self.curve]
        if times != sorted(times) or any(not 0 <= share <= 1 for _, share in self.curve):
            raise ValueError("curve: seconds must ascend, and shares lie between 0 and 1")
        if abs(math.fsum(self.kinds.values()) - 1) > 1e-6:
            raise ValueError(f"kinds: the shares sum to {math.fsum(self.kinds.values()):g}, not 1")
        return self


class Stream(_Table):
    """The product's choices: the ladder, its chunks, and how far behind live players begin."""

    ladder_kbps: tuple[Annotated[float, Field(ge=8, le=200_000)], ...] = Field(
        min_length=1, max_length=8
    )
    audio_only: bool = False
    segment_s: float = Field(2.0, ge=0.2, le=20)
    part_s: float = Field(0.5, ge=0.05, le=5)
    segments_held: int = Field(3, ge=1, le=30)
    encoder_s: float = Field(0.3, ge=0, le=10)
    players: dict[Name, dict[str, Any]] = Field(default_factory=dict, max_length=32)

    @model_validator(mode="after")
    def _ascends(self) -> "Stream":
        if list(self.ladder_kbps) != sorted(set(self.ladder_kbps)):
            raise ValueError("ladder_kbps: rates must ascend")
        if self.part_s > self.segment_s:
            raise ValueError("part_s: a part is at most a segment (segment_s)")
        return self


class Lines(_Table):
    """Access lines: a file of figures, or the tables themselves; `rate_factor` slows them."""

    file: str = ""
    tables: dict[str, Any] = Field(default_factory=dict)
    rate_factor: float = Field(1.0, gt=0, le=100)


class Region(_Table):
    """A place, its people, and where it lies."""

    name: Name
    people_m: float = Field(gt=0, le=10_000)
    longitude: float = Field(ge=-180, le=180)
    latitude: float = Field(ge=-90, le=90)


class Isp(_Table):
    """A network and its share of the viewers."""

    name: Name
    share: Share


class Paths(_Table):
    """Round trips and peerings. `link_gbps` is the capacity from one ISP to another, each way;
    `cross_isp_left` the share of a line that loss leaves on the way, `cross_isp_freeze` what the
    dispatcher is told that such a way adds."""

    base_ms: float = Field(4.0, ge=0, le=1000)
    ms_per_1000_km: float = Field(15.0, ge=0, le=1000)
    cross_isp_ms: float = Field(25.0, ge=0, le=1000)
    cross_isp_left: Share = 0.6
    cross_isp_freeze: Share = 0.002
    link_gbps: float = Field(40.0, ge=0, le=1e6)
    candidates: int = Field(8, ge=1, le=32)
    cross_isp_candidates: int = Field(2, ge=0, le=16)


class Terms(_Table):
    """A contract that a share of the sites is bought by; see `usage.Contract`."""

    name: Name
    share: Share = 1.0
    rule: Literal["monthly_95", "average_daily_peak", "fourth_peak", "volume", "flat"] = (
        "monthly_95"
    )
    price: float = Field(6.0, ge=0, le=1e6)
    commit_mbps: float = Field(0.0, ge=0)
    index: Literal["floor", "round", "ceil"] = "floor"
    overhead: float = Field(1.0, ge=1, le=2)


class Fleet(_Table):
    """Our sites, dealt to regions and ISPs by their viewers. `headroom` times the peak in all.

    `capacity_yuan_per_gbps`: machines, racks and ports, a month, whether they carry or not.
    """

    sites: int = Field(300, ge=1, le=MOST_SITES)
    headroom: float = Field(1.5, gt=0, le=100)
    capacity_yuan_per_gbps: float = Field(150.0, ge=0, le=1e6)
    requests_per_gbps: float = Field(20_000.0, gt=0)
    tier_ms: float = Field(60.0, ge=0, le=10_000)
    queue_ms: float = Field(2.0, ge=0, le=10_000)
    contracts: tuple[Terms, ...] = (Terms(name="monthly-95"),)

    @model_validator(mode="after")
    def _whole(self) -> "Fleet":
        total = math.fsum(terms.share for terms in self.contracts)
        if abs(total - 1) > 1e-6:
            raise ValueError(f"contracts: the shares sum to {total:g}, not 1")
        return self


class Control(_Table):
    """How often the dispatcher plans, and how old what it knows is."""

    every_s: float = Field(10.0, ge=1, le=600)
    report_s: float = Field(10.0, ge=0, le=600)
    turn_s: float = Field(10.0, ge=1, le=600)


Trouble = Literal[
    "site_down", "brown_out", "peering_cut", "controller_lost", "telemetry_late",
    "telemetry_lost", "liars",
]  # fmt: skip


class Failure(_Table):
    """Something that breaks at `at_s` for `for_s`.

    `share`: of the fleet's capacity (site_down, brown_out), of links (peering_cut), of reports or
    viewers (telemetry_lost, liars). `sites`: these in place of a share. `left`: capacity that
    remains (brown_out, peering_cut). `delay_s`: of a first byte (brown_out), of reports
    (telemetry_late). `silent`: whether a site dies without a word, so that players wait.
    """

    at_s: float = Field(ge=0)
    for_s: float = Field(1e9, gt=0)
    what: Trouble
    share: Share = 0.0
    sites: tuple[Name, ...] = ()
    left: Share = 0.5
    delay_s: float = Field(0.2, ge=0, le=600)
    silent: bool = True


class Month(_Table):
    """The month that the event lies in, for the bill: ordinary days, and the event on one of them.

    `ordinary`: the ordinary evening's peak as a share of the event's. `hours`: traffic by hour of
    day, share of the evening's peak. `noise`: standard deviation of a pool's five minutes.
    """

    days: int = Field(30, ge=1, le=31)
    event_day: int = Field(15, ge=1, le=31)
    event_hour: float = Field(10.0, ge=0, lt=24)
    ordinary: float = Field(0.5, ge=0, le=10)
    hours: tuple[Share, ...] = Field(
        (0.62, 0.42, 0.28, 0.20, 0.16, 0.15, 0.19, 0.28, 0.38, 0.46, 0.52, 0.58,
         0.66, 0.64, 0.58, 0.56, 0.58, 0.62, 0.70, 0.82, 0.94, 1.0, 0.97, 0.82),
        min_length=24, max_length=24,
    )  # fmt: skip
    weekend: float = Field(1.15, ge=0, le=10)
    noise: float = Field(0.05, ge=0, le=1)
    regional_noise: float = Field(0.12, ge=0, le=1)


class Event(_Table):
    """How long, and in which steps."""

    duration_s: float = Field(3600.0, ge=10, le=86_400)
    step_s: float = Field(1.0, ge=0.05, le=5)


class Scenario(_Table):
    """The whole of it."""

    name: Name
    about: str = ""
    event: Event = Event()
    audience: Audience
    stream: Stream
    lines: Lines = Lines()
    regions: tuple[Region, ...] = Field(min_length=1, max_length=200)
    isps: tuple[Isp, ...] = Field(min_length=1, max_length=32)
    paths: Paths = Paths()
    fleet: Fleet = Fleet()
    control: Control = Control()
    failures: tuple[Failure, ...] = Field((), max_length=100)
    month: Month = Month()

    @model_validator(mode="after")
    def _agree(self) -> "Scenario":
        for what, names in (
            ("regions", [each.name for each in self.regions]),
            ("isps", [each.name for each in self.isps]),
        ):
            if len(set(names)) < len(names):
                raise ValueError(f"{what}: two have the same name")
        if abs(math.fsum(isp.share for isp in self.isps) - 1) > 1e-6:
            raise ValueError("isps: the shares must sum to 1")
        unknown = set(self.audience.kinds) - set(self.kinds())
        if unknown:
            known = ", ".join(self.kinds())
            raise ValueError(f"audience.kinds.{min(unknown)}: no such player; there are {known}")
        return self

    def kinds(self) -> dict[str, Kind]:
        """Each kind of player, with what `stream.players` says otherwise."""
        stream = self.stream
        kinds = standard(stream.segment_s, stream.part_s, stream.segments_held)
        for name, said in stream.players.items():
            kinds[name] = _altered(name, kinds, said)
        return kinds


def _altered(name: str, kinds: dict[str, Kind], said: dict[str, Any]) -> Kind:
    base = kinds.get(str(said.get("like", name)))
    where = f"stream.players.{name}"
    if base is None:
        raise ValueError(f"{where}.like: no such player; there are {', '.join(kinds)}")
    values = {key: value for key, value in said.items() if key != "like"}
    for key, value in values.items():
        if not hasattr(base, key):
            raise ValueError(f"{where}.{key}: there is no such key")
        if key != "rule" and not (isinstance(value, int | float) and 0 <= value <= 1e9):
            raise ValueError(f"{where}.{key}: {value!r} is not a number of at least 0")
    return Kind(**{**{key: getattr(base, key) for key in base.__struct_fields__}, **values})


def read_scenario(path: Path) -> Scenario:
    """Raises `ScenarioError`."""
    try:
        return Scenario.model_validate(_tables(path))
    except ValidationError as error:
        raise ScenarioError("\n".join(complaints(error, Scenario))) from error
    except ValueError as error:
        raise ScenarioError(str(error)) from error


def _tables(path: Path) -> dict[str, Any]:
    """The file's tables over those of the file beside it that it names with `like`."""
    tables = read_toml(path)
    like = tables.pop("like", None)
    if like is None:
        return tables
    if not isinstance(like, str) or Path(like).name != like:
        raise ValueError(f"like: {like!r} is not the name of a file beside this one")
    base = read_toml(path.parent / like)
    if "like" in base:
        raise ValueError(f"like: {like} is like another file itself; name that one")
    return _merged(base, tables)


def _merged(base: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    """Tables key by key; all else is replaced whole."""
    merged = dict(base)
    for key, value in over.items():
        both = isinstance(value, dict) and isinstance(merged.get(key), dict)
        merged[key] = _merged(merged[key], value) if both else value
    return merged


def access_of(scenario: Scenario, beside: Path) -> tuple[Access, ...]:
    """The scenario's lines; a file's name is taken from the folder `beside`."""
    lines = scenario.lines
    try:
        return load(beside / lines.file) if lines.file else read(lines.tables)
    except AccessError as error:
        raise ScenarioError(f"lines: {error}") from error
