"""What the kernel alone takes to carry bytes here: `python -m bench ceiling`.

A sender in C to a sink in C over loopback, as fast as both go, by sends of one chunk. No server can
cost less than the sender.
"""

from collections.abc import Sequence
from statistics import median

from bench._film import film, mbit_s
from bench._load import Watched, watching
from bench._proc import cpu_s
from bench._report import Report, bars, canvas, options, save
from bench._stage import TICK_MS, c_loop

KBIT = 600
CONNECTIONS = (1, 1_000)


def main(argv: Sequence[str]) -> int:
    """Measures, prints, plots."""
    given = options("ceiling", __doc__, argv, 8, CONNECTIONS[-1])
    chunk = round(mbit_s(film(KBIT)) * 1e6 / 8 * TICK_MS / 1000)
    columns = ("connections", "Gbit/s", "sender CPU s/Gbit", "sink CPU s/Gbit", "Gbit/s a core")
    report = Report("ceiling", f"C to C over loopback, sends of {chunk:,} bytes", columns)
    rates: dict[str, float] = {}
    for count in sorted({min(n, given.viewers) for n in CONNECTIONS}):
        seen = [_once(chunk, count, given.seconds) for _ in range(given.rounds)]
        sender = median(each.cost for each, _ in seen)
        sink = median(spent / each.gbit for each, spent in seen)
        speed = median(each.gbit / each.seconds for each, _ in seen)
        report.row(
            f"{count:,}", f"{speed:.1f}", f"{sender:.4f}", f"{sink:.4f}", f"{1 / sender:.1f}"
        )
        report.figures[str(count)] = {
            "gbit_s": speed,
            "sender_cpu_s_per_gbit": sender,
            "sink_cpu_s_per_gbit": sink,
        }
        rates[f"{count:,} connection{'s' if count > 1 else ''}"] = 1 / sender
    figure, axes = canvas(6, 4)
    bars(axes, list(rates), list(rates.values()), "{:.1f}")
    axes.set(title=report.title, ylabel="Gbit/s a core of the sender")
    save(figure, "ceiling")
    report.finish(given.json)
    return 0


def _once(chunk: int, count: int, seconds: float) -> tuple[Watched, float]:
    """A window, and what the sink itself used in it."""
    with c_loop(chunk, 0) as server, watching(server, count, seconds, warm_s=1) as sink:
        before = 0.0

        def began() -> None:
            nonlocal before
            before = cpu_s(sink.pid)

        window = sink.window(began)
        return window, cpu_s(sink.pid) - before
