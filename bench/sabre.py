"""The exact player against Sabre, on Sabre's traces: `python -m bench sabre --sabre PATH`.

Law: both play the same session to its end; the errors are the largest of any one trace.
"""

import argparse
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from statistics import fmean

from rich.console import Console
from rich.progress import Progress

from bench._report import Report, canvas, save
from bench._sabre import CASES, SETS, Row, rows, running

FREEZE_LIMIT = 1e-6
BITRATE_LIMIT = 1e-4
SHOWN = 1e-9
"""Frozen share from which a session is drawn; under it are last bits of sums."""
COLUMNS = ("case", "rule", "traces", "frozen, %", "kbit/s", "freeze error", "bitrate error",
           "ms each", "speed")  # fmt: skip
COLOURS = {"3G": "#d9503a", "4G": "#d99a3a", "FCC SD": "#4a7fd9", "FCC HD": "#1b8a7a"}


def main(argv: Sequence[str]) -> int:
    """Compares, prints, plots. Returns 1 when any session differs."""
    given = _options(argv)
    cases = [case for case in CASES if not given.case or case.name in given.case]
    found: list[Row] = []
    bar = Progress(console=Console(stderr=True), transient=True)
    with running(given.sabre) as sabre, nullcontext() if given.json else bar:
        for case in bar.track(cases, description="cases"):
            found += rows(sabre, case, given.traces)
    return _report(found, given.json)


def _options(argv: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench sabre", description=__doc__)
    parser.add_argument("--sabre", type=Path, required=True, help="a checkout of Sabre")
    parser.add_argument("--traces", type=int, default=10, help="of each set; 0 is all (10)")
    parser.add_argument("--case", action="append", choices=[case.name for case in CASES],
                        help="only this one; may be given again")  # fmt: skip
    parser.add_argument("--json", action="store_true", help="one line of JSON, no table")
    return parser.parse_args(argv)


def _report(found: Sequence[Row], as_json: bool) -> int:
    report = Report("sabre", "The exact player against Sabre", COLUMNS)
    for row in found:
        every = row.sessions
        figures = {
            "case": row.case.name,
            "rule": row.rule,
            "traces": len(every),
            "frozen": fmean(each.ours.rebuffer_ratio for each in every),
            "kbps": fmean(each.ours.mean_kbps for each in every),
            "freeze_error": max(each.freeze_error for each in every),
            "bitrate_error": max(each.bitrate_error for each in every),
            "freezes_differ": sum(each.freezes != each.ours.freezes for each in every),
            "ours_ms": fmean(each.ours_s for each in every) * 1000,
            "ratio_sabre": sum(each.sabre_s for each in every) / sum(each.ours_s for each in every),
        }
        report.row(row.case.name, row.rule, len(every), f"{figures['frozen']:.3%}"[:-1],
                   f"{figures['kbps']:,.1f}", _error(figures["freeze_error"]),
                   _error(figures["bitrate_error"]), f"{figures['ours_ms']:.1f}",
                   f"{figures['ratio_sabre']:.1f}")  # fmt: skip
        report.figures.setdefault("rows", []).append(figures)
    every = [session for row in found for session in row.sessions]
    total = _total(found)
    report.figures |= total
    report.notes += [
        f"{total['traces']:,} traces, {len(every):,} sessions. Largest freeze error "
        f"{total['freeze_error']:.1g} (bar: {FREEZE_LIMIT:g}), largest bitrate error "
        f"{total['bitrate_error']:.1g} of it (bar: {BITRATE_LIMIT:g}; a last bit is 2e-16); "
        f"sessions with another number of freezes: {total['freezes_differ']}.",
        f"Speed: Sabre's processor time over ours, to read the files and play, one process each: "
        f"{total['ratio_sabre']:.1f} over all. Sabre is compiled once, not started each time.",
    ]
    _plot(found)
    report.finish(as_json)
    return int(total["freeze_error"] > FREEZE_LIMIT or total["bitrate_error"] > BITRATE_LIMIT)


def _total(found: Sequence[Row]) -> dict[str, float]:
    every = [session for row in found for session in row.sessions]
    seen = {row.case.set: len(row.sessions) for row in found}
    return {
        "traces": sum(seen.values()),
        "sessions": len(every),
        "freeze_error": max(each.freeze_error for each in every),
        "bitrate_error": max(each.bitrate_error for each in every),
        "freezes_differ": sum(each.freezes != each.ours.freezes for each in every),
        "ratio_sabre": sum(each.sabre_s for each in every) / sum(each.ours_s for each in every),
    }


def _error(value: float) -> str:
    return f"{value:.0e}" if value else "0"


def _plot(found: Sequence[Row]) -> None:
    """Every session that froze, a point: Sabre's share of frozen time against ours."""
    figure, axes = canvas(6, 6)
    for name in SETS:
        frozen = [session for row in found if row.case.set == name for session in row.sessions
                  if session.ratio > SHOWN]  # fmt: skip
        places = [[each.ratio * 100, each.ours.rebuffer_ratio * 100] for each in frozen]
        x, y = zip(*places, strict=True) if places else ((), ())
        axes.plot(x, y, ".", ms=4, alpha=0.5, color=COLOURS[name], label=f"{name} ({len(x):,})")
    axes.set(title="Frozen share of each session that froze", xlabel="Sabre, %", ylabel="ours, %",
             xscale="log", yscale="log", aspect="equal")  # fmt: skip
    axes.grid(axis="both", alpha=0.25)
    axes.legend(frameon=False)
    save(figure, "sabre")
