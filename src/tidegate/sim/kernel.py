"""One step of every player: what arrives, what is played, what stands still, what is asked next.

Law: within a step a viewer's rate is constant and all else is exact: its requests, chunks and
stalls fall where they fall, not on the step's edges. A viewer reads only the network as it was at
the step's beginning, so viewers may be advanced in any order.
"""

import math
from typing import Any

import numpy as np

from tidegate.sim import chance, picture, visit
from tidegate.sim.abr import choose, estimate, learned, means_of, remember
from tidegate.sim.compiled import compiled, inlined
from tidegate.sim.kinds import FIXED
from tidegate.sim.net import JOIN_BIN_S, JOIN_BINS, Counts, Network, Records, column_of
from tidegate.sim.picture import TINY
from tidegate.sim.players import AWAY, PLAYING, STARTING

LEAST_KBPS = 1e-9
"""Of a line that stands still, so that nothing is divided by 0."""
_ZERO = np.float64(0.0)
ABANDON = 0.8
"""hls.js: a lower rung must arrive at this share of the measured rate before the buffer ends."""


@compiled
def advance(
    players: Records, network: Network, counts: Counts, first: int, last: int, moment: visit.Moment
) -> None:
    """One step of the viewers from `first` up to `last`, counted into row `moment.row`."""
    turns, step_s = moment.turns, moment.step_s
    turn = (first + moment.number) % turns
    for i in range(first, last):
        player = players[i]
        if i >= moment.audience:
            if player.state != AWAY:
                visit.leave(player, counts, moment.row)
            continue
        tau, stalls = step_s, player.stalls
        if player.state == AWAY:
            tau *= chance.share(moment.seed, i, moment.number, chance.JOIN)
            visit.enter(player, network, counts, i, moment, step_s - tau)
            stalls = 0
        elif turn == 0:
            if visit.over(player, i, moment):
                visit.leave(player, counts, moment.row)
                visit.enter(player, network, counts, i, moment, 0.0)
                stalls = 0
            else:
                visit.steer(player, network, counts, i, moment)
        turn += 1
        if turn == turns:
            turn = 0
        moves = network.moving[player.line]
        parts = max(moves, 1)
        part_s = step_s / parts
        for part in range(parts):
            if moves:
                player.level = visit.next_level(network, player.line, player.level, part, i, moment)
            span = min(tau - (parts - 1 - part) * part_s, part_s)
            if _quiet(player, network, span):
                player.wait_s -= span
                player.buffer_s -= span
                total = counts.totals[moment.row, player.kind, player.line]
                total.played_us += int(span * 1e6)
            elif span > 0.0:
                _play(player, network, counts, i, moment, span)
        _after(player, network, counts, i, moment, stalls)


@inlined
def _quiet(player: Any, network: Network, span: float) -> bool:
    """Whether nothing comes in this span."""
    if player.state != PLAYING or player.wait_s <= span or player.buffer_s <= span:
        return False
    return bool(network.kinds[player.kind].catch_up <= 1.0)


@inlined
def _after(
    player: Any, network: Network, counts: Counts, i: int, moment: visit.Moment, stalls: int
) -> None:
    """What a step's end asks of a viewer."""
    kind, path = network.kinds[player.kind], network.paths[player.group, player.place]
    site = network.sites[path.site]
    if site.hot and player.wait_s < moment.step_s:
        _want(player, network, counts, moment, visit.late(kind, site, i))
    if moment.census_s > 0.0 and player.state >= PLAYING:
        _present(player, path, counts, moment)
    lost = not site.up and player.spent_s > min(site.detect_s, kind.timeout_s)
    if lost or (moment.penalised and player.stalls > stalls):
        visit.fail_over(player, network, counts, i, moment)


@inlined
def _play(
    player: Any, network: Network, counts: Counts, i: int, moment: visit.Moment, tau: float
) -> None:
    """What happens to a viewer in the next `tau` seconds."""
    kind, path = network.kinds[player.kind], network.paths[player.group, player.place]
    site, rungs, top = network.sites[path.site], network.rungs, network.groups[player.group].top
    late, pause = visit.late(kind, site, i), visit.pause(kind, path, site)
    rate = _line(player, path, network)
    rate = max(min(rate, site.share_kbps) * network.links[path.link] * site.up, LEAST_KBPS)
    seen, means = picture.of(player), means_of(player)
    rung: Any = np.int64(player.rung)
    pace = picture.pace_of(seen, kind, late)
    left_kbit, per_kbit = np.float64(player.left_kbit), 1.0 / rate
    wait_s, spent_s = np.float64(player.wait_s), np.float64(player.spent_s)
    came = carried = 0.0
    while True:
        download = left_kbit * per_kbit
        need = min(wait_s + download, tau)
        number = 1.0
        if picture.lasts(seen, need, pace):
            keeps = rung == top or (kind.rule == FIXED and rung < top)
            if wait_s > pause and keeps and spent_s == 0.0 and pace == 1.0:
                number += _alike(tau - wait_s - download, download + pause, kind)
            need += (number - 1.0) * kind.chunk_s
            seen = picture.played(seen, need, pace)
        else:
            seen = picture.stood(seen, need, pace)
        if wait_s + download > tau:
            break
        tau -= need
        size = rungs[rung].kbps * kind.chunk_s
        came += number
        carried += number * size
        kbps = rate if spent_s == 0.0 else size / max(spent_s + download, TINY)
        means = learned(means, kbps, number * (spent_s + download), kind)
        before, seen = seen, picture.fed(seen, number * kind.chunk_s, kind, late)
        if before.state != seen.state:
            _turned(player, counts, moment, before, seen)
        if rung == 0 and moment.sound:
            _heard(player, counts, moment, number * kind.chunk_s)
        rung = choose(estimate(means), seen.buffer_s, rung, top, kind, rungs)
        left_kbit, spent_s = rungs[rung].kbps * kind.chunk_s, _ZERO
        wait_s = _wait(seen, kind, late) + pause
    rest = max(tau - wait_s, 0.0)  # of the request that the step's end cuts
    player.left_kbit, player.spent_s = left_kbit - rate * rest, spent_s + rest
    player.wait_s, player.rung = max(wait_s - tau, 0.0), rung
    if came > 0.0:
        remember(player, means)
        _carried(player, counts, moment, int(came), int(carried))
    _watched(player, counts, moment, seen)
    picture.keep(player, seen)
    if player.spent_s > 0.5 * kind.chunk_s and seen.state == PLAYING and rung > 0:
        _abandon(player, kind, rungs)


@inlined
def _wait(seen: Any, kind: Any, late: float) -> Any:
    """Seconds until the next chunk is there, and there is room for it."""
    there = kind.chunk_s + late + seen.buffer_s - seen.lag_s
    return max(there, seen.buffer_s + kind.chunk_s - kind.most_s, 0.0)


@inlined
def _line(player: Any, path: Any, network: Network) -> Any:
    """kbit/s of the viewer's own line, now, on this path."""
    return player.mean_kbps * network.ratio[player.line, player.level] * path.left


@inlined
def _turned(player: Any, counts: Counts, moment: visit.Moment, before: Any, seen: Any) -> None:
    """The picture begins, or goes on, to the books."""
    if before.state == STARTING:
        counts.joins[moment.row, min(int(before.clock_s / JOIN_BIN_S), JOIN_BINS - 1)] += 1
    elif seen.lag_s < before.lag_s:
        counts.totals[moment.row, player.kind, player.line].skips += 1


@inlined
def _heard(player: Any, counts: Counts, moment: visit.Moment, media_s: float) -> None:
    """Media of the audio-only rung, to the books."""
    counts.totals[moment.row, player.kind, player.line].sound_us += int(media_s * 1e6)


@inlined
def _carried(player: Any, counts: Counts, moment: visit.Moment, came: int, kbit: int) -> None:
    """Chunks that came, to the books."""
    here = counts.paths[moment.row, player.group, player.place]
    here.kbit += kbit
    here.asked += came
    counts.totals[moment.row, player.kind, player.line].carried_kbit += kbit


@inlined
def _watched(player: Any, counts: Counts, moment: visit.Moment, seen: Any) -> None:
    """What was seen, to the books; `player` is as it was before."""
    total = counts.totals[moment.row, player.kind, player.line]
    total.played_us += int(seen.played_s * 1e6)
    if seen.frozen_s > 0.0:
        stalled_us = int(seen.frozen_s * 1e6)
        total.stalled_us += stalled_us
        total.stalls += seen.stalls - player.stalls
        counts.groups[moment.row, player.group, player.place].stalled_us += stalled_us


@inlined
def _alike(ahead: float, takes: float, kind: Any) -> float:
    """How many chunks more than the next come within `ahead` seconds of it, all alike: asked for as
    they are made, each quickly there. Who has the highest rung, or one for good, and a line for two
    of it keeps it.
    """
    if ahead < kind.chunk_s or 2.0 * takes > kind.chunk_s:
        return 0.0
    return float(math.floor(ahead * kind.per_chunk))


@inlined
def _present(player: Any, path: Any, counts: Counts, moment: visit.Moment) -> None:
    """A census counts who watches, and where."""
    counts.there[moment.row, path.site, player.rung] += 1
    here = counts.groups[moment.row, player.group, player.place]
    here.watched_us += int(moment.census_s * 1e6)


@inlined
def _want(player: Any, network: Network, counts: Counts, moment: visit.Moment, late: float) -> None:
    """What it would take in the next step, were the site without limit."""
    kind, path = network.kinds[player.kind], network.paths[player.group, player.place]
    held = player.buffer_s + late - player.lag_s
    more = math.floor((moment.step_s - held) * kind.per_chunk - 1.0)
    wanted = player.left_kbit + max(more, 0.0) * network.rungs[player.rung].kbps * kind.chunk_s
    wanted = min(_line(player, path, network) * (moment.step_s - player.wait_s), wanted)
    column = column_of(wanted / moment.step_s)
    counts.bins[moment.row, path.site, column] += 1
    counts.bin_kbit[moment.row, path.site, column] += int(wanted)


@compiled
def _abandon(player: Any, kind: Any, rungs: Any) -> None:
    """hls.js: a chunk that will not arrive before the buffer ends is given up for a lower rung."""
    if kind.rule == FIXED:
        return
    come = rungs[player.rung].kbps * kind.chunk_s - player.left_kbit
    rate = max(come / player.spent_s, 1.0)
    if player.left_kbit <= rate * player.buffer_s:
        return
    choice = player.rung - 1
    while choice > 0 and rungs[choice].kbps * kind.chunk_s > ABANDON * rate * player.buffer_s:
        choice -= 1
    if rungs[choice].kbps * kind.chunk_s < ABANDON * player.left_kbit:
        remember(player, learned(means_of(player), rate, player.spent_s, kind))
        player.rung = choice
        player.left_kbit = rungs[choice].kbps * kind.chunk_s
        player.spent_s = 0.0
