"""How each kind of player behaves: its constants, as the players' own sources have them.

Law: the kernel knows no player by name; what tells them apart is a row of this table.
"""

from collections.abc import Sequence
from typing import Literal

import msgspec
import numpy as np
import numpy.typing as npt

HLS, DYNAMIC, BOLA, FIXED = range(4)
"""What chooses the rendition."""
RULES = {"hls": HLS, "dynamic": DYNAMIC, "bola": BOLA, "fixed": FIXED}
Rule = Literal["hls", "dynamic", "bola", "fixed"]


class Kind(msgspec.Struct, frozen=True):
    """Seconds unless the name says otherwise.

    chunk_s: media in one request (a segment, a part, a span of FLV). hold_s: how far behind the
    newest chunk playing begins. start_s, resume_s: media needed to begin, and to go on after a
    stall. most_s: media held at most. poll: by how much of a chunk requests come late, because a
    playlist is asked for on a timer (1), or not, because it is pushed or parked for (0).
    half_fast_s, half_slow_s: half-lives of the throughput's means. keep, lift: share of the
    throughput that the same or a lower, and a higher rendition may take. catch_up: highest playing
    rate. jump_s: lag beyond which the playhead jumps to the live edge. join_rtts: round trips
    before the first media request; ask_rtts: before each one's first byte. timeout_s: without a
    byte, until the next site is tried. steered: 1 if it asks where to go while it plays, else 0.
    fixed_kbps: by the fixed rule, the highest rendition that it may be given for its whole session.
    """

    rule: Rule
    chunk_s: float
    hold_s: float
    start_s: float
    resume_s: float
    most_s: float = 30.0
    poll: float = 1.0
    half_fast_s: float = 3.0
    half_slow_s: float = 9.0
    keep: float = 0.95
    lift: float = 0.7
    catch_up: float = 1.0
    jump_s: float = 1e9
    join_rtts: float = 5.0
    ask_rtts: float = 1.0
    timeout_s: float = 4.0
    steered: float = 1.0
    fixed_kbps: float = 1e9


_NUMBERS = tuple(field.name for field in msgspec.structs.fields(Kind) if field.name != "rule")
_ADDED = ("per_fast_s", "per_slow_s", "per_chunk", "pushed")
"""One over the half-lives and a chunk, for the kernel multiplies where it can; and 1 where chunks
come unasked."""
KIND = np.dtype(
    [
        ("rule", np.int32),
        ("thrice", np.int32),  # 1 where half_slow_s is three times half_fast_s, as hls.js has it
        *((name, np.float32) for name in (*_NUMBERS, *_ADDED)),
    ]
)


def standard(segment_s: float, part_s: float, segments_held: int) -> dict[str, Kind]:
    """The players of our watch page and of others, for a stream of such segments and parts."""
    whole = Kind("hls", segment_s, segment_s * segments_held, segment_s, segment_s)
    dash = msgspec.structs.replace(whole, rule="dynamic", half_slow_s=8.0, keep=0.9, lift=0.9)
    low = Kind("hls", part_s, 4 * part_s, part_s, 2 * part_s, poll=0.0, catch_up=1.05, jump_s=20.0)
    pushed = Kind("fixed", part_s, 6 * part_s, 2 * part_s, 2 * part_s, poll=0.0, jump_s=15.0)
    return {
        "hls": whole,
        "dash-dynamic": dash,
        "dash-bola": msgspec.structs.replace(dash, rule="bola"),
        "low-latency": low,
        "flv": msgspec.structs.replace(pushed, join_rtts=3.0, ask_rtts=0.0, steered=0.0),
    }


def table(kinds: Sequence[Kind]) -> npt.NDArray[np.void]:
    """One record a kind, for the kernel."""
    rows = [
        (
            RULES[kind.rule],
            kind.half_slow_s == 3.0 * kind.half_fast_s,
            *(getattr(kind, name) for name in _NUMBERS),
            1.0 / max(kind.half_fast_s, 1e-3),
            1.0 / max(kind.half_slow_s, 1e-3),
            1.0 / kind.chunk_s,
            kind.ask_rtts == 0.0,
        )
        for kind in kinds
    ]
    return np.array(rows, KIND)
