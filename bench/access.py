"""The access model against the traces it is made from: `python -m bench access --sabre PATH`.

Derives the figures of `scenarios/access.toml` anew (`--write` keeps them), then lets the exact
player watch over the traces and over lines drawn from the figures. PATH holds Sabre's trace sets.
"""

import argparse
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit

from bench import _access
from bench._report import Report, canvas, save
from tidegate.sim import access
from tidegate.sim.exact import Movie, Options, Period, Trace, play

F64 = npt.NDArray[np.float64]

FIGURES = Path(__file__).parents[1] / "scenarios" / "access.toml"
SEED = 15
LONG_S = 10.0
"""A spell that no buffer of a live player outlasts."""


ABOUT = (
    "±: the standard error over lines; a smaller difference says nothing. A session is Sabre's "
    "THROUGHPUT with 2 s segments and a buffer of 10 s, 60 s long on fixed lines and 600 s on "
    "others; it begins with one segment, so tiny stalls at the start are common."
)


@dataclass(frozen=True)
class Stream:
    """A ladder and how it is played."""

    name: str
    rungs_kbps: tuple[float, ...]
    segment_s: float
    buffer_s: float


STREAMS = (
    Stream("64 to 600 kbit/s", (64, 240, 600), 2, 10),
    Stream("230 kbit/s to 6 Mbit/s", (230, 477, 991, 2056, 4000, 6000), 2, 10),
    Stream("1 to 35 Mbit/s", (1000, 3000, 6000, 12000, 20000, 35000), 2, 10),
)
SCALES = {"": 1.0, ", halved": 0.5}
COLUMNS = ("access, stream", "freeze, traces %", "model %", "model / traces")
COLUMNS += ("kbit/s", "model", "no stall %", "model %")


@dataclass(frozen=True)
class Watched:
    """Means over sessions, each of one weight; `spread` is the standard error over lines."""

    freeze: float
    spread: float
    kbps: float
    calm: float


def main(argv: Sequence[str]) -> int:
    """Derives, compares, plots. Returns 1 when the figures are not those kept."""
    given = _options(argv)
    report = Report("access", "Access lines: trace sets against the model of them", COLUMNS)
    found = {kind.name: _access.lines(kind, given.sabre) for kind in _access.SETS}
    types = [_access.derive(kind, found[kind.name]) for kind in _access.SETS]
    if given.write:
        FIGURES.parent.mkdir(exist_ok=True)
        FIGURES.write_text(_access.toml(types))
    kept = FIGURES.exists() and FIGURES.read_text() == _access.toml(types)
    read = access.load(FIGURES) if kept else tuple(types)
    figure, axes = canvas(13, 7.5)
    axes.remove()
    panels = figure.subplots(2, len(read))
    watched = []
    for number, line_type in enumerate(read):
        sessions = round(given.hours * 3600 / _session_s(line_type))
        real, drawn = found[line_type.name], list(_drawn(line_type, sessions))
        watched.append(_compare(line_type, (real, drawn), sessions))
        for stream, pair in watched[-1].items():
            _row(report, f"{line_type.name}, {stream}", *pair)
        _spells(report, line_type, real, drawn)
        _plot(panels[:, number], line_type, real, drawn)
    for stream in watched[0]:
        shares = [line_type.share for line_type in read]
        _row(report, f"all, {stream}", *_together(shares, [each[stream] for each in watched]))
    save(figure, "access")
    report.notes.append(ABOUT)
    report.notes.append(
        "The figures are those of scenarios/access.toml."
        if kept
        else "These are not the figures of scenarios/access.toml; --write keeps them."
    )
    report.finish(given.json)
    return int(not kept)


def _options(argv: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench access", description=__doc__)
    parser.add_argument("--sabre", type=Path, required=True, help="folder of sd_fs, hd_fs, …")
    parser.add_argument("--json", action="store_true", help="one line of JSON, no table")
    parser.add_argument("--write", action="store_true", help="keep the figures")
    parser.add_argument("--hours", type=float, default=300, help="watched for a row (300)")
    given = parser.parse_args(argv)
    missing = [each for kind in _access.SETS for each in kind.folders]
    missing = [each for each in missing if not (given.sabre / each).is_dir()]
    if missing:
        parser.error(f"--sabre {given.sabre}: no folder {missing[0]} (example/mmsys18 of Sabre)")
    return given


def _session_s(line_type: access.Access) -> float:
    """Fixed lines were measured for a minute: replayed longer, their dips would come in step."""
    return 60.0 if line_type.name == "fixed" else 600.0


def _drawn(line_type: access.Access, count: int) -> Iterator[F64]:
    """Lines of the model, as rates a step, four sessions long."""
    packed = access.packed([line_type])
    rng = np.random.default_rng(SEED)
    steps = int(4 * _session_s(line_type) / line_type.step_s)
    for number in range(count):
        mean = access.mean_of((number + 0.5) / count, packed.log_mean[0])
        bits = rng.integers(0, 1 << 32, steps, np.uint32)
        yield mean * _walk(bits, packed.ratio[0], packed.moves[0])


@njit(cache=True)
def _walk(bits: Any, ratio: Any, moves: Any) -> Any:
    rates = np.empty(bits.size)
    level = access.START
    for step in range(bits.size):
        level = access.next_level(level, bits[step], moves)
        rates[step] = ratio[level]
    return rates


def _compare(
    line_type: access.Access, lines: tuple[Sequence[F64], Sequence[F64]], sessions: int
) -> dict[str, tuple[Watched, Watched]]:
    """Traces and model at every stream and scale."""
    return {
        stream.name + suffix: (
            _watch(line_type, [line * scale for line in lines[0]], stream, sessions),
            _watch(line_type, [line * scale for line in lines[1]], stream, sessions),
        )
        for stream in STREAMS
        for suffix, scale in SCALES.items()
    }


def _together(
    shares: Sequence[float], watched: Sequence[tuple[Watched, Watched]]
) -> tuple[Watched, Watched]:
    """All types in their shares."""
    real, model = (
        Watched(
            sum(share * pair[side].freeze for share, pair in zip(shares, watched, strict=True)),
            math.hypot(*(a * pair[side].spread for a, pair in zip(shares, watched, strict=True))),
            sum(share * pair[side].kbps for share, pair in zip(shares, watched, strict=True)),
            sum(share * pair[side].calm for share, pair in zip(shares, watched, strict=True)),
        )
        for side in (0, 1)
    )
    return real, model


def _row(report: Report, name: str, real: Watched, model: Watched) -> None:
    report.row(
        name,
        f"{real.freeze * 100:.3f} ± {real.spread * 100:.3f}",
        f"{model.freeze * 100:.3f} ± {model.spread * 100:.3f}",
        f"{model.freeze / real.freeze:.2f}",
        f"{real.kbps:,.0f}",
        f"{model.kbps:,.0f}",
        f"{real.calm * 100:.1f}",
        f"{model.calm * 100:.1f}",
    )
    report.figures[name] = {"traces": vars(real), "model": vars(model)}


def _watch(
    line_type: access.Access, lines: Sequence[F64], stream: Stream, sessions: int
) -> Watched:
    """Sessions from random moments of each line, the line beginning anew at its end."""
    rng = np.random.default_rng(SEED)
    each = max(1, round(sessions / len(lines)))
    count = round(_session_s(line_type) / stream.segment_s)
    sizes = tuple(rung * stream.segment_s * 1000 for rung in stream.rungs_kbps)
    movie = Movie(stream.segment_s * 1000, stream.rungs_kbps, (sizes,) * count)
    options = Options(rule="throughput", buffer_s=stream.buffer_s)
    freeze, kbps, calm = (np.zeros(len(lines)) for _ in range(3))
    for number, line in enumerate(lines):
        for _ in range(each):
            turned = np.roll(line, -int(rng.integers(len(line))))
            result = play(_trace(line_type, turned), movie, options)
            freeze[number] += result.freeze_rate / each
            kbps[number] += result.mean_kbps / each
            calm[number] += (result.freezes == 0) / each
    spread = float(freeze.std() / np.sqrt(len(lines)))
    return Watched(float(freeze.mean()), spread, float(kbps.mean()), float(calm.mean()))


def _trace(line_type: access.Access, rates: F64) -> Trace:
    step_ms = line_type.step_s * 1000
    return Trace(tuple(Period(step_ms, rate, line_type.rtt_ms) for rate in rates.tolist()))


def _spells(
    report: Report, line_type: access.Access, real: Sequence[F64], model: Sequence[F64]
) -> None:
    """Share of time in long spells below a bound, traces then model."""
    bounds: dict[str, Callable[[F64], float]] = {
        "a quarter of the mean": _part(0.25),
        "half of it": _part(0.5),
        "100 kbit/s": lambda _: 100.0,
        "240": lambda _: 240.0,
        "600": lambda _: 600.0,
    }
    parts = []
    for name, bound in bounds.items():
        pair = [_in_spells(each, bound, line_type.step_s, [LONG_S])[0] for each in (real, model)]
        parts.append(f"{name} {pair[0] * 100:.2f} ({pair[1] * 100:.2f})")
        report.figures[f"{line_type.name}, below {name}"] = pair
    report.notes.append(
        f"{line_type.name}: % of time in spells of {LONG_S:g} s and more, in the traces (and the "
        f"model), below {', '.join(parts)}."
    )


def _part(part: float) -> Callable[[F64], float]:
    return lambda line: float(line.mean() * part)


def _in_spells(
    lines: Sequence[F64], bound: Callable[[F64], float], step_s: float, least_s: Sequence[float]
) -> list[float]:
    """For each of `least_s`, the share of time in spells that long; lines count alike."""
    spells = [_lengths(line < bound(line)) for line in lines]
    lengths = np.concatenate(spells) * step_s
    weights = np.concatenate(
        [each / len(line) for each, line in zip(spells, lines, strict=True)]
    ) / len(lines)
    return [float(weights[lengths >= least].sum()) for least in least_s]


def _lengths(below: npt.NDArray[np.bool_]) -> npt.NDArray[np.int64]:
    """The lengths of the runs of True."""
    edges = np.diff(np.concatenate([[0], below.astype(np.int64), [0]]))
    return np.flatnonzero(edges == -1) - np.flatnonzero(edges == 1)


def _plot(panels: Any, line_type: access.Access, real: Sequence[F64], model: Sequence[F64]) -> None:
    """How the rates are spread, and how long they stay low."""
    rates, spells = panels
    styles = (("traces", real, "-"), ("model", model, "--"))
    places = np.linspace(0, 1, 500)
    for name, lines, style in styles:
        weights = np.concatenate([np.full(len(line), 1 / len(line)) for line in lines])
        values = np.concatenate(lines)
        order = np.argsort(values)
        at = np.interp(places, np.cumsum(weights[order]) / weights.sum(), values[order])
        rates.plot(np.maximum(at, 1), places * 100, style, color="#555", label=f"rate, {name}")
        means = np.sort([line.mean() for line in lines])
        share = np.linspace(0, 100, len(means))
        rates.plot(means, share, style, color="#4a7fd9", label=f"mean of a line, {name}")
        for colour, part in (("#d9503a", 0.25), ("#1b8a7a", 0.5)):
            seconds = np.geomspace(line_type.step_s, 300, 40)
            long = np.array(_in_spells(lines, _part(part), line_type.step_s, seconds.tolist()))
            label = f"below {part:g} of the mean, {name}"
            spells.plot(seconds, long * 100, style, color=colour, label=label)
    rates.set(xscale="log", xlabel="kbit/s", ylabel="% at most", title=line_type.name)
    spells.set(xscale="log", xlabel="seconds", ylabel="% of time in spells at least as long")
    for panel in panels:
        panel.legend(frameon=False, fontsize=7)
        panel.spines[["top", "right"]].set_visible(False)
        panel.grid(alpha=0.25)
