"""One step of every player: what arrives, what is played, what stands still, what is asked next.

Law: within a step a viewer's rate is constant and all else is exact: its requests, chunks and
stalls fall where they fall, not on the step's edges. A viewer reads only the network as it was at
the step's beginning, so viewers may be advanced in any order.
"""

import math
from typing import Any

from tidegate.sim import chance, visit
from tidegate.sim.abr import choose, estimate, learn
from tidegate.sim.compiled import compiled, inlined
from tidegate.sim.kinds import FIXED
from tidegate.sim.net import JOIN_BIN_S, JOIN_BINS, Counts, Network, Records, column_of
from tidegate.sim.players import AWAY, FROZEN, PLAYING, STARTING

TINY = 1e-5
"""Seconds that rounding may leave over."""
LEAST_KBPS = 1e-9
"""Of a line that stands still, so that nothing is divided by 0."""
ABANDON = 0.8
"""hls.js: a lower rung must arrive at this share of the measured rate before the buffer ends."""


@compiled
def advance(
    players: Records, network: Network, counts: Counts, first: int, last: int, moment: visit.Moment
) -> None:
    """One step of the viewers from `first` up to `last`, counted into row `moment.thread`."""
    turns, step_s, thread = moment.turns, moment.step_s, moment.thread
    turn = (first + moment.number) % turns
    for i in range(first, last):
        player = players[i]
        if i >= moment.audience:
            if player.state != AWAY:
                visit.leave(player, counts, thread)
            continue
        if network.moving[player.line]:
            player.level = visit.next_level(network, player.line, player.level, i, moment)
        tau = step_s
        if player.state == AWAY:
            tau *= chance.share(moment.seed, i, moment.number, chance.JOIN)
            visit.enter(player, network, counts, i, moment, step_s - tau)
        elif turn == 0:
            if visit.over(player, i, moment):
                visit.leave(player, counts, thread)
                visit.enter(player, network, counts, i, moment, 0.0)
            else:
                visit.steer(player, network, counts, i, moment)
        turn += 1
        if turn == turns:
            turn = 0
        if player.wait_s > step_s and _quiet(player, network, moment):
            player.wait_s -= step_s
            player.buffer_s -= step_s
            counts.totals[thread, player.kind, player.line].played_us += int(step_s * 1e6)
        else:
            _play(player, network, counts, i, moment, tau)


@inlined
def _quiet(player: Any, network: Network, moment: visit.Moment) -> bool:
    """Whether nothing comes in this step, and nobody asks what would in the next."""
    if player.state != PLAYING or player.buffer_s <= moment.step_s or moment.census_s > 0.0:
        return False
    if network.kinds[player.kind].catch_up > 1.0:
        return False
    hot = network.sites[network.paths[player.group, player.place].site].hot
    return bool(hot == 0 or player.wait_s > 2.0 * moment.step_s)


@inlined
def _play(
    player: Any, network: Network, counts: Counts, i: int, moment: visit.Moment, tau: float
) -> None:
    """What happens to a viewer in the `tau` seconds that are left of the step."""
    thread = moment.thread
    kind, path = network.kinds[player.kind], network.paths[player.group, player.place]
    site, total = network.sites[path.site], counts.totals[thread, player.kind, player.line]
    late, stalls = visit.late(kind, site, i), player.stalls
    line = player.mean_kbps * network.ratio[player.line, player.level]
    rate = max(min(line, site.share_kbps) * network.links[path.link] * site.up, LEAST_KBPS)
    pace = _pace(player, kind, late)
    played = stalled = carried = 0.0
    asked = 0
    while True:
        download = player.left_kbit / rate
        span = min(player.wait_s + download, tau)
        if player.state == PLAYING and span * pace <= player.buffer_s:
            player.buffer_s -= span * pace
            player.lag_s -= span * (pace - 1.0)
            played += span
        else:
            stood = _stand(player, span, pace)
            if player.state == FROZEN:
                stalled += stood
                played += span - stood
        if player.wait_s + download > tau:
            break
        tau -= span
        asked += 1
        carried += _learned(player, network, kind, download)
        _whole(player, kind, counts, thread, late)
        _ask(player, network, kind, late)
        player.wait_s += kind.ask_rtts * path.rtt_s + site.delay_s
        if player.rung == 0 and moment.sound:
            total.sound_us += int(kind.chunk_s * 1e6)
    _rest(player, rate, tau)
    total.played_us += int(played * 1e6)
    if asked:
        _carry(player, path, counts, thread, asked, carried)
    if stalled > 0.0:
        total.stalls += player.stalls - stalls
        micro = int(stalled * 1e6)
        total.stalled_us += micro
        counts.groups[thread, player.group, player.place].stalled_us += micro
    if site.hot and player.wait_s < moment.step_s:
        _want(player, network, counts, moment, late, line)
    if moment.census_s > 0.0 and player.state >= PLAYING:
        _present(player, path, counts, moment)
    lost = not site.up and player.spent_s > min(site.detect_s, kind.timeout_s)
    if lost or (moment.penalised and player.stalls > stalls):
        visit.fail_over(player, network, counts, i, moment)
    elif player.spent_s > 0.5 * kind.chunk_s and player.state == PLAYING and player.rung > 0:
        _abandon(player, kind, network.ladder)


@inlined
def _learned(player: Any, network: Network, kind: Any, download: float) -> Any:
    """A chunk has come after `download` seconds more; returns its size."""
    size = network.ladder[player.rung] * kind.chunk_s
    spent = player.spent_s + download
    learn(player, size / max(spent, TINY), spent, kind)
    return size


@inlined
def _rest(player: Any, rate: float, tau: float) -> None:
    """The request that the step's end cuts."""
    came = max(tau - player.wait_s, 0.0)
    player.left_kbit -= rate * came
    player.spent_s += came
    player.wait_s = max(player.wait_s - tau, 0.0)


@inlined
def _pace(player: Any, kind: Any, late: float) -> float:
    """The playing rate: above 1 while it is late and has the media to hurry."""
    late_by = player.lag_s - kind.hold_s - late
    if kind.catch_up > 1.0 and player.buffer_s > kind.chunk_s and late_by > 2.0 * kind.chunk_s:
        return float(kind.catch_up)
    return 1.0


@inlined
def _stand(player: Any, span: float, pace: float) -> float:
    """A span at some of which nothing plays: how long it stood still."""
    stood = span
    if player.state == PLAYING:
        part = player.buffer_s / pace
        stood = span - part
        player.lag_s += part - player.buffer_s
        player.buffer_s = 0.0
        player.state = FROZEN
        player.clock_s = 0.0
        player.stalls = min(player.stalls + 1, 255)
    player.clock_s += stood
    player.lag_s += stood
    return stood


@inlined
def _whole(player: Any, kind: Any, counts: Counts, thread: int, late: float) -> None:
    """A chunk is whole: perhaps the picture begins, or goes on."""
    player.buffer_s += kind.chunk_s
    if player.state == STARTING:
        if player.buffer_s + TINY >= kind.start_s:
            player.state = PLAYING
            counts.joins[thread, min(int(player.clock_s / JOIN_BIN_S), JOIN_BINS - 1)] += 1
            player.clock_s = 0.0
    elif player.state == FROZEN and player.buffer_s + TINY >= kind.resume_s:
        player.state = PLAYING
        player.clock_s = 0.0
        if player.lag_s > kind.jump_s:
            chunks = math.floor((player.lag_s - kind.hold_s - late) / kind.chunk_s - 1.0)
            player.lag_s -= chunks * kind.chunk_s
            counts.totals[thread, player.kind, player.line].skips += 1


@inlined
def _ask(player: Any, network: Network, kind: Any, late: float) -> None:
    """For the next chunk: of which rung, and how long until it is there and there is room."""
    top = network.groups[player.group].top
    kbps, buffer_s = estimate(player), player.buffer_s
    rung = choose(kbps, buffer_s, player.rung, top, kind, network.ladder)
    player.rung = rung
    player.left_kbit = network.ladder[rung] * kind.chunk_s
    player.spent_s = 0.0
    there = kind.chunk_s + late + buffer_s - player.lag_s
    player.wait_s = max(there, buffer_s + kind.chunk_s - kind.most_s, 0.0)


@inlined
def _carry(player: Any, path: Any, counts: Counts, thread: int, asked: int, carried: float) -> None:
    """Chunks that came, to the books."""
    kbit = int(carried)
    at_site = counts.sites[thread, path.site]
    at_site.asked += asked
    at_site.sent_kbit += kbit
    counts.totals[thread, player.kind, player.line].carried_kbit += kbit
    counts.groups[thread, player.group, player.place].carried_kbit += kbit
    counts.over_kbit[thread, path.link] += kbit


@inlined
def _present(player: Any, path: Any, counts: Counts, moment: visit.Moment) -> None:
    """A census counts who watches, and where."""
    counts.there[moment.thread, path.site, player.rung] += 1
    here = counts.groups[moment.thread, player.group, player.place]
    here.watched_us += int(moment.census_s * 1e6)


@inlined
def _want(
    player: Any, network: Network, counts: Counts, moment: visit.Moment, late: float, line: float
) -> None:
    """What it would take in the next step, were the site without limit."""
    kind, path = network.kinds[player.kind], network.paths[player.group, player.place]
    held = player.buffer_s + late - player.lag_s
    more = math.floor((moment.step_s - held) / kind.chunk_s - 1.0)
    wanted = player.left_kbit + max(more, 0.0) * network.ladder[player.rung] * kind.chunk_s
    wanted = min(line * (moment.step_s - player.wait_s), wanted)
    column = column_of(wanted / moment.step_s)
    counts.bins[moment.thread, path.site, column] += 1
    counts.bin_kbit[moment.thread, path.site, column] += int(wanted)


@compiled
def _abandon(player: Any, kind: Any, ladder: Any) -> None:
    """hls.js: a chunk that will not arrive before the buffer ends is given up for a lower rung."""
    if kind.rule == FIXED:
        return
    come = ladder[player.rung] * kind.chunk_s - player.left_kbit
    rate = max(come / player.spent_s, 1.0)
    if player.left_kbit <= rate * player.buffer_s:
        return
    choice = player.rung - 1
    while choice > 0 and ladder[choice] * kind.chunk_s > ABANDON * rate * player.buffer_s:
        choice -= 1
    if ladder[choice] * kind.chunk_s < ABANDON * player.left_kbit:
        learn(player, rate, player.spent_s, kind)
        player.rung = choice
        player.left_kbit = ladder[choice] * kind.chunk_s
        player.spent_s = 0.0
