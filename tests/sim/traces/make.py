"""Makes the traces, movies and results beside it: `python tests/sim/traces/make.py`.

Everything is drawn by rule from a seed, nothing was recorded. The results are those of our own
player, and `test_sim_exact_sabre.py` holds them against Sabre where it is at hand.
"""

import json
import math
import random
from dataclasses import asdict
from pathlib import Path

from tidegate.sim.exact import RULES, Options, play, read_movie, read_trace

HERE = Path(__file__).parent
SESSIONS = {
    "walk-slow": "small",
    "walk-fast": "large",
    "steps": "small",
    "latency": "small",
    "collapse": "small",
}
"""Trace by trace, the movie that is played over it."""
VARIANTS: list[dict[str, object]] = [
    {},
    {"calm": True},
    {"calm": True, "buffer_s": 10.0},
    {"buffer_s": 6.0, "gamma_p_s": 8.0},
    {"insufficient_buffer": False, "gamma_p_s": 3.0},
    {"give_up": False, "calm": True},
    {"average": "sliding", "windows": [3, 10], "half_lives_s": [3.0]},
]

Periods = list[tuple[float, float, float]]


def main() -> None:
    """Writes them all."""
    rng = random.Random(20150903)
    _trace("walk-slow", _walk(rng, 1_200, 240, 100, outages=0.02))
    _trace("walk-fast", _walk(rng, 25_000, 120, 20, outages=0.01))
    _trace("steps", [(5000, rng.choice((900, 2500, 4000, 9000)), 20) for _ in range(36)])
    _trace("latency", [(rng.randint(200, 3000), 3000, rng.choice((20, 150, 1200, 4000)))
                       for _ in range(60)])  # fmt: skip
    _trace("collapse", [(30_000, 6000, 50), (45_000, 260, 200), (20_000, 0.5, 50),
                        (60_000, 3500.5, 50)])  # fmt: skip
    _movie("small", rng, 3000, (235, 400, 750, 1400, 2600, 4300), 60)
    _movie("large", rng, 2000, (1000, 2500, 6000, 16_000, 35_000), 80)
    lines = [json.dumps(result) for result in _results()]
    (HERE / "results.json").write_text("[\n" + ",\n".join(lines) + "\n]\n")


def _walk(rng: random.Random, mean: float, count: int, latency: float, outages: float) -> Periods:
    """A rate that wanders about `mean`, second by second, and is now and then gone."""
    periods = []
    drift = 0.0
    for _ in range(count):
        drift = 0.9 * drift + rng.gauss(0, 0.35)
        rate = 0 if rng.random() < outages else round(mean * math.exp(drift))
        ms = rng.randint(990, 1020) if rate else rng.randint(800, 9000)
        periods.append((ms, rate, latency))
    return periods


def _trace(name: str, periods: Periods) -> None:
    keys = ("duration_ms", "bandwidth_kbps", "latency_ms")
    lines = [json.dumps(dict(zip(keys, period, strict=True))) for period in periods]
    (HERE / f"{name}.trace.json").write_text("[\n" + ",\n".join(lines) + "\n]\n")


def _movie(
    name: str, rng: random.Random, segment_ms: int, rates: tuple[int, ...], segments: int
) -> None:
    """Scenes of more or less motion, which take more or fewer bits at every rate."""
    sizes = []
    for _ in range(segments):
        scene = math.exp(rng.gauss(-0.05, 0.3))
        sizes.append([round(rate * segment_ms * scene * rng.uniform(0.95, 1.05)) for rate in rates])
    movie = {"segment_duration_ms": segment_ms, "bitrates_kbps": rates}
    rows = ",\n".join(map(json.dumps, sizes))
    head = json.dumps(movie)[:-1]
    text = f'{head}, "segment_sizes_bits": [\n{rows}\n]}}\n'
    (HERE / f"{name}.movie.json").write_text(text)


def _results() -> list[dict[str, object]]:
    made = []
    for trace, movie in SESSIONS.items():
        line = read_trace(HERE / f"{trace}.trace.json")
        film = read_movie(HERE / f"{movie}.movie.json")
        for variant in VARIANTS:
            for rule in RULES:
                options = {"rule": rule, **variant}
                result = play(line, film, Options(**options))
                made.append({"trace": trace, "movie": movie, "options": options,
                             "result": asdict(result)})  # fmt: skip
    return made


if __name__ == "__main__":
    main()
