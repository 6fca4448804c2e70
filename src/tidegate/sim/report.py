"""The plan of an event as one page that a manager reads in two minutes.

Law: one file, no network, every text escaped; the first sentence is the answer.
"""

from collections.abc import Sequence
from html import escape
from pathlib import Path

from tidegate.sim import svg
from tidegate.sim.result import Result
from tidegate.sim.sweep import Death, Fleet, Study, peak_at

STYLE = Path(__file__).with_name("report.css")
TITLES = {"nearest": "nearest site", "round-robin": "by weight", "least-load": "least load",
          "client": "client alone"}  # fmt: skip


def page(study: Study) -> str:
    """The whole HTML document."""
    scenario, chosen = study.scenario, study.chosen
    title = f"{scenario.name}: what holds it, and what it costs"
    body = [
        f"<h1>{escape(_headline(study))}</h1>",
        f'<p class="lead">{escape(_lead(study))}</p>',
        _figures(study),
        '<div class="plots">',
        _section(
            "How often pictures froze", "Share of viewing time, by who decides where viewers go",
            svg.lines(_over_time(study, "freeze_rate", 100.0, floor=True), "minutes", "% frozen",
                      _mark(study)),
        ),
        _section(
            "The fullest site", "Load of the site that is nearest its limit, over ten seconds",
            svg.lines(
                _over_time(study, "peak_load", 100.0, floor=False), "minutes", "% of capacity",
                _mark(study),
            ),
        ),
        _section(
            "The month's traffic", "The month of the event, by how viewers are placed",
            svg.bars(_bills(study), "yuan a month"),
        ),
        _section(
            "Cost by contract", "What each kind of contract is billed, by nearest site and by ours",
            svg.bars(_by_contract(study), "yuan a month"),
        ),
        _section(
            "Fleets that were tried", "Each by its sites and their capacity over the peak: yuan a "
            "month, and how much freezes; the chosen one in green, in red what does not hold",
            svg.bars(_fleets(study), "yuan a month, with capacity"),
        ),
        _section(
            "If a site dies at the peak", "Frozen share in the minute after, the largest sites",
            svg.bars(
                [_death(each) for each in study.deaths],
                "% frozen; in brackets the minute before",
            ),
        ),
        _section(
            "What players took", "Of the chosen fleet", _players(study.ours, study.floor),
        ),
        "</div>",
        f'<section class="wide"><h2>What this rests on</h2>{_assumptions(study)}</section>',
        f'<section class="wide"><h2>What the dispatcher said</h2>{_reasons(study.ours)}</section>',
    ]  # fmt: skip
    held = "" if chosen.holds else " (no fleet that was tried holds the target)"
    main = "".join(body).replace(" %", "\N{NO-BREAK SPACE}%")
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>{escape(title + held)}</title><style>{STYLE.read_text()}</style></head>"
        f"<body><main>{main}</main></body></html>\n"
    )


def _headline(study: Study) -> str:
    fleet, viewers = study.chosen, study.scenario.audience.peak
    gbps = study.ours.figures()["peak_gbps"] / study.scale
    if not fleet.holds:
        return (
            f"No fleet that was tried holds {viewers:,} viewers at {100 * study.target:g} % "
            "frozen; "
            f"the best of them comes to {100 * fleet.freeze_rate:.2f} %."
        )
    return (
        f"{fleet.sites} sites with {fleet.headroom:g} times the peak hold {viewers:,} viewers "
        f"({gbps:,.0f} Gbit/s) at {100 * fleet.freeze_rate:.2f} % frozen, for "
        f"about {_million(fleet.yuan)} yuan a month."
    )


def _lead(study: Study) -> str:
    bill = study.chosen.bill
    saved = 1 - bill.ours_yuan / max(bill.nearest_yuan, 1e-9)
    caused = 100 * float(study.ours.freeze_rate() - study.floor.freeze_rate())
    words = [
        f"Of it {_million(bill.ours_yuan)} is traffic; serving everyone from the nearest site "
        f"would make that {_million(bill.nearest_yuan)}, {100 * saved:.0f} % of which is saved.",
        f"Of the freezing, servers and steering cause {max(caused, 0):.3f} points; the rest is "
        "viewers' own lines.",
    ]  # fmt: skip
    if study.deaths:
        worst = max(study.deaths, key=lambda each: each.freeze_rate - each.before)
        words.append(
            f"If {worst.site} dies at the peak, {100 * worst.freeze_rate:.2f} % freezes in the "
            f"minute after, {100 * worst.before:.2f} % before it."
        )
    return " ".join(words)


def _figures(study: Study) -> str:
    figures = study.ours.figures()
    shown = [
        (f"{100 * figures['freeze_rate']:.2f} %", f"frozen, target {100 * study.target:g} %"),
        (f"{100 * figures['stall_free_share']:.0f} %", "of views never froze"),
        (f"{figures['join_p95_s']:.1f} s", "95 % of viewers see a picture within"),
        (f"{figures['bitrate_kbps']:.0f} kbit/s", "a viewer received"),
        (_million(study.chosen.yuan), "yuan for the month, about"),
    ]
    cells = [
        f'<div class="figure"><b>{escape(b)}</b><span>{escape(s)}</span></div>' for b, s in shown
    ]
    return f'<div class="figures">{"".join(cells)}</div>'


def _over_time(study: Study, name: str, factor: float, floor: bool) -> list[svg.Series]:
    runs = [(TITLES[name], name, result) for name, result in study.others.items()]
    runs += [("lines alone", "floor", study.floor)] if floor else []
    runs.append(("ours", "ours", study.ours))
    series = []
    for label, tone, result in runs:
        spans = result.spans
        wide = max(1, len(spans) // 120)
        points = [
            (
                spans[at + wide - 1].at_s / 60,
                factor * sum(getattr(each, name) for each in spans[at : at + wide]) / wide,
            )
            for at in range(0, len(spans) - wide + 1, wide)
        ]
        series.append(svg.Series(label, tone, points))
    return series


def _mark(study: Study) -> tuple[float, str]:
    failures = study.scenario.failures
    if not failures:
        return 0.0, ""
    return failures[0].at_s / 60, failures[0].what.replace("_", " ")


def _bills(study: Study) -> list[tuple[str, float, str, str]]:
    bill = study.chosen.bill
    return [
        ("nearest site", bill.nearest_yuan / 1e6, _million(bill.nearest_yuan), "nearest"),
        ("ours", bill.ours_yuan / 1e6, _million(bill.ours_yuan), "ours"),
        ("with perfect foresight", bill.optimum_yuan / 1e6, _million(bill.optimum_yuan), "floor"),
    ]


def _by_contract(study: Study) -> list[tuple[str, float, str, str]]:
    bill = study.chosen.bill
    sides = ("nearest", bill.nearest_by_contract), ("ours", bill.ours_by_contract)
    return [
        (f"{rule.replace('_', ' ')}, {tone}", yuan[rule] / 1e6, _million(yuan[rule]), tone)
        for rule in bill.nearest_by_contract
        for tone, yuan in sides
        if yuan[rule] or rule != "volume"
    ]


def _fleets(study: Study) -> list[tuple[str, float, str, str]]:
    return [
        (
            _named(study, fleet),
            fleet.yuan / 1e6,
            f"{_million(fleet.yuan)}, {100 * fleet.freeze_rate:.2f} %",
            "ours" if fleet is study.chosen else "other" if fleet.holds else "nearest",
        )
        for fleet in study.fleets
    ]


def _named(study: Study, fleet: Fleet) -> str:
    words = [f"{fleet.sites} sites, {fleet.headroom:g} times"]
    if len({each.commit for each in study.fleets}) > 1:
        words.append(f"{100 * fleet.commit:g} % paid")
    return ", ".join(words)


def _death(death: Death) -> tuple[str, float, str, str]:
    said = f"{100 * death.freeze_rate:.2f} % ({100 * death.before:.2f})"
    tone = "ours" if death.freeze_rate < death.before + 0.001 else "nearest"
    return death.site, 100 * death.freeze_rate, said, tone


def _players(ours: Result, floor: Result) -> str:
    rows = [("", "frozen", "of it, lines alone")]
    rows += [
        (name, f"{100 * mine:.2f} %", f"{100 * least:.2f} %")
        for by, names in (("kinds", ours.kinds), ("lines", ours.lines))
        for name, mine, least in zip(
            names, ours.freeze_rate(by), floor.freeze_rate(by), strict=True
        )
    ]
    return _rows(rows)


def _assumptions(study: Study) -> str:
    scenario = study.scenario
    stream, audience = scenario.stream, scenario.audience
    kinds = ", ".join(f"{100 * share:.0f} % {name}" for name, share in audience.kinds.items())
    lowest = "; the lowest is sound alone" if stream.audio_only else ""
    terms = "; ".join(
        f"{100 * each.share:.0f} % of the sites {each.rule.replace('_', ' ')}"
        f" at {each.price:g} yuan"
        for each in scenario.fleet.contracts
    )
    breaks = "; ".join(
        f"{each.what.replace('_', ' ')} at {each.at_s / 60:.0f} min"
        f" ({', '.join(each.sites) or f'{100 * each.share:.0f} %'})"
        for each in scenario.failures
    )
    rows = [
        ("Event", scenario.about.strip() or scenario.name),
        ("Rehearsed", f"{study.ours.players:,} players, {100 * study.scale:g} % of the audience, "
                      f"with sites as much smaller; seed {study.ours.seed}, steps of "
                      f"{study.ours.step_s:g} s; the peak at minute {peak_at(scenario) / 60:.0f}"),
        ("Players", kinds),
        ("Ladder", ", ".join(f"{rate:g}" for rate in stream.ladder_kbps) + f" kbit/s{lowest}"),
        ("Buffers", f"{stream.segments_held * stream.segment_s:g} s behind live for HLS and DASH, "
                    "and what stream.players says of others"),
        ("Lines", f"{scenario.lines.file or 'in the scenario'}, rates times "
                  f"{scenario.lines.rate_factor:g}"),
        ("Contracts", terms),
        ("Capacity", f"{scenario.fleet.capacity_yuan_per_gbps:g} yuan a Gbit/s a month, idle too"),
        ("Breaks", breaks or "nothing"),
        ("Bill", "of the month's planned levels; python -m bench month bills slot by slot"),
    ]  # fmt: skip
    return _rows(rows)


def _reasons(result: Result) -> str:
    seen: list[tuple[str, str]] = []
    for at, text in result.reasons:
        if all(text != said for _, said in seen):
            seen.append((f"{at / 60:.0f} min", text))
    return _rows(seen[:12] or [("", "Nothing had to be moved.")])


def _rows(rows: Sequence[Sequence[str]]) -> str:
    lines = []
    for first, *rest in rows:
        cells = "".join(f"<td>{escape(each)}</td>" for each in rest)
        lines.append(f"<tr><th>{escape(first)}</th>{cells}</tr>")
    return f"<table>{''.join(lines)}</table>"


def _section(title: str, about: str, inside: str) -> str:
    return f"<section><h2>{escape(title)}</h2><p>{escape(about)}</p>{inside}</section>"


def _million(yuan: float) -> str:
    return f"{yuan / 1e6:.2f} M" if yuan >= 1e5 else f"{yuan:,.0f}"
