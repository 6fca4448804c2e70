"""One step of every player: what arrives, what is played, what stands still, what is asked next.

Law: within a step a viewer's rate is constant and all else is exact: its requests, chunks and
stalls fall where they fall, not on the step's edges. A viewer reads only the network as it was at
the step's beginning, so viewers may be advanced in any order.
"""

import math
from typing import Any, NamedTuple

import numpy as np

from tidegate.dispatch.assign import assign
from tidegate.sim import chance
from tidegate.sim.abr import FIRST_GUESS_KBPS, choose, estimate, learn
from tidegate.sim.access import START
from tidegate.sim.compiled import compiled, inlined
from tidegate.sim.kinds import FIXED
from tidegate.sim.net import BINS, JOIN_BIN_S, JOIN_BINS, Counts, Network, Records
from tidegate.sim.players import AWAY, FROZEN, NOBODY, PLAYING, STARTING

TINY = 1e-5
"""Seconds or chunks that rounding may leave over."""
MOVE_RTTS = 2.0
"""Round trips of a new connection to another site."""
ABANDON = 0.8
"""hls.js: a lower rung must arrive at this share of the measured rate before the buffer ends."""
DRAWS = 6
"""Draws from the spare shares until one is another site, and up."""


class Moment(NamedTuple):
    """When a step begins (now, s), how long it is (step_s), its number, and who is there.

    audience: how many places hold a viewer. census_s: how many seconds of watching this step counts
    for groups and sites, 0 if it counts none. turns: steps between a viewer's chances to ask where
    to go. stay_s: mean session, 0 for no end. patience_s: a join or stall that ends a session, 0
    for none. penalised: whether a stall makes a player leave its site by itself. sound: whether the
    lowest rung is sound alone.
    """

    seed: int
    now: float
    step_s: float
    number: int
    audience: int
    census_s: float
    turns: int
    stay_s: float
    patience_s: float
    penalised: bool
    sound: bool


@compiled
def advance(
    players: Records, network: Network, counts: Counts,
    thread: int, first: int, last: int, moment: Moment,
) -> None:  # fmt: skip
    """One step of the viewers from `first` up to `last`, counted into row `thread`."""
    turns, step_s = moment.turns, moment.step_s
    turn = (first + moment.number) % turns
    for i in range(first, last):
        player = players[i]
        if i >= moment.audience:
            if player.state != AWAY:
                _leave(player, counts, thread)
            continue
        if network.moving[player.line]:
            player.level = _next_level(network, player.line, player.level, i, moment)
        begin = 0.0
        if player.state == AWAY:
            begin = step_s * chance.share(moment.seed, i, moment.number, chance.JOIN)
            _enter(player, network, counts, thread, i, moment, begin)
        elif turn == 0:
            if _over(player, i, moment):
                _leave(player, counts, thread)
                _enter(player, network, counts, thread, i, moment, begin)
            else:
                _steer(player, network, counts, thread, i, moment)
        turn += 1
        if turn == turns:
            turn = 0
        if (
            player.wait_s > 2.0 * step_s
            and player.buffer_s > step_s
            and player.state == PLAYING
            and moment.census_s == 0.0
        ):
            # Nothing comes in this step or the next.
            player.wait_s -= step_s
            player.buffer_s -= step_s
            counts.totals[thread, player.kind, player.line].played_us += int(step_s * 1e6)
        else:
            _play(player, network, counts, thread, i, moment, begin)


@inlined
def _next_level(network: Network, line: int, level: int, i: int, moment: Moment) -> Any:
    bits = chance.mixed(moment.seed, i, moment.number, chance.LINE)
    column = np.int64(bits >> np.uint64(60))
    entry = network.moves[line, level, column]
    low = np.uint32((bits >> np.uint64(32)) & np.uint64(0xFFFFFFF))
    return column if low < (entry >> np.uint32(4)) else np.int64(entry & np.uint32(15))


@inlined
def _over(player: Any, i: int, moment: Moment) -> bool:
    """Whether the viewer goes now: its time is up, or its patience."""
    if moment.patience_s > 0.0 and player.clock_s > moment.patience_s:
        return True
    if moment.stay_s <= 0.0:
        return False
    u = chance.share(moment.seed, i, moment.number, chance.STAY)
    return u < moment.turns * moment.step_s / moment.stay_s


@inlined
def _leave(player: Any, counts: Counts, thread: int) -> None:
    total = counts.totals[thread, player.kind, player.line]
    if player.state == STARTING:
        total.unborn += 1
    else:
        total.views += 1
        total.smooth += player.stalls == 0
    player.state = AWAY


@inlined
def _home(player: Any, network: Network, i: int, moment: Moment) -> Any:
    group = player.group
    session = chance.mixed(moment.seed, i, player.session, chance.HOME)
    return assign(session, network.candidates[group], network.weights[group])


@inlined
def _late(kind: Any, site: Any, i: int) -> Any:
    """When this player sees a chunk, seconds after the encoder made it."""
    return site.late_s + chance.even(i) * kind.poll * kind.chunk_s


@compiled
def _enter(
    player: Any, network: Network, counts: Counts,
    thread: int, i: int, moment: Moment, begin: float,
) -> None:  # fmt: skip
    """A new viewer asks where to go, and there for the newest chunks."""
    kind, group = network.kinds[player.kind], network.groups[player.group]
    player.session += 1
    if player.level == START:
        player.level = _next_level(network, player.line, START, i, moment)
    place = _home(player, network, i, moment)
    path = network.paths[player.group, place]
    wait = kind.join_rtts * path.rtt_s
    if network.sites[path.site].full and group.first >= 0:  # a 302 to the buddy
        place = group.first
        path = network.paths[player.group, place]
        wait += MOVE_RTTS * path.rtt_s
    site = network.sites[path.site]
    player.place = place
    player.banned = NOBODY
    player.state = STARTING
    player.stalls = 0
    player.clock_s = player.buffer_s = player.spent_s = 0.0
    player.fast_kbps = player.slow_kbps = 0.0
    player.fast_left = player.slow_left = 1.0
    now = moment.now + begin
    newest = math.floor((now - _late(kind, site, i)) / kind.chunk_s) * kind.chunk_s
    player.lag_s = now - newest + kind.hold_s
    rung = choose(FIRST_GUESS_KBPS, kind.chunk_s, 0, group.top, kind, network.ladder)
    player.rung = rung if kind.rule != FIXED else group.top
    player.left_kbit = network.ladder[player.rung] * kind.chunk_s
    player.wait_s = wait + site.delay_s
    counts.sites[thread, path.site].asked += 1


@compiled
def _steer(
    player: Any, network: Network, counts: Counts, thread: int, i: int, moment: Moment
) -> None:
    """A steering manifest is read; a pathway that failed is not taken while it is down."""
    group = network.groups[player.group]
    if player.state < PLAYING or network.kinds[player.kind].steered == 0.0:
        return
    if group.turns > 1 and ((moment.number + i) // moment.turns + i) % group.turns != 0:
        return
    banned = player.banned
    if banned != NOBODY and network.sites[network.paths[player.group, banned].site].up:
        player.banned = banned = NOBODY
    place = _home(player, network, i, moment)
    if place != player.place and place != banned:
        player.place = place
        rtt_s = network.paths[player.group, place].rtt_s
        player.wait_s = max(player.wait_s, 0.0) + MOVE_RTTS * rtt_s
        counts.totals[thread, player.kind, player.line].moves += 1


@compiled
def _fail_over(
    player: Any, network: Network, counts: Counts, thread: int, i: int, moment: Moment
) -> None:
    """To the first backup that is not here, and is there."""
    kind, group, here = network.kinds[player.kind], network.groups[player.group], player.place
    player.banned = here
    for place in (group.third, group.second, group.first):
        if place >= 0 and place != here:
            up = network.sites[network.paths[player.group, place].site].up
            if up or player.place == here:
                player.place = place
    for attempt in range(DRAWS):  # the plan's own shares for those whose site fails
        session = chance.mixed(moment.seed, i, attempt, chance.SPARE)
        place = assign(session, network.candidates[player.group], network.spare[player.group])
        site = network.sites[network.paths[player.group, place].site]
        if network.spare[player.group, place] > 0.0 and place != here and site.up:
            player.place = place
            break
    rtt_s = network.paths[player.group, player.place].rtt_s
    player.wait_s = max(player.wait_s, 0.0) + (MOVE_RTTS + 1.0) * rtt_s
    player.left_kbit = network.ladder[player.rung] * kind.chunk_s
    player.spent_s = 0.0
    counts.totals[thread, player.kind, player.line].failed_over += 1


@inlined
def _play(
    player: Any, network: Network, counts: Counts,
    thread: int, i: int, moment: Moment, begin: float,
) -> None:  # fmt: skip
    kind, group = network.kinds[player.kind], network.groups[player.group]
    path = network.paths[player.group, player.place]
    site, ladder = network.sites[path.site], network.ladder
    total = counts.totals[thread, player.kind, player.line]
    late, chunk = _late(kind, site, i), kind.chunk_s
    line = player.mean_kbps * network.ratio[player.line, player.level]
    rate = max(min(line, site.share_kbps) * network.links[path.link] * site.up, 1e-9)
    state, rung = player.state, player.rung
    buffer, lag, clock = player.buffer_s, player.lag_s, player.clock_s
    left, wait, spent = player.left_kbit, max(player.wait_s, 0.0), player.spent_s
    pace = 1.0
    if kind.catch_up > 1.0 and buffer > chunk and lag > kind.hold_s + late + 2.0 * chunk:
        pace = kind.catch_up
    tau = moment.step_s - begin
    played = stalled = carried = 0.0
    asked = stalls = 0
    while True:
        download = left / rate
        span = min(wait + download, tau)
        # The playhead meanwhile.
        if state == PLAYING:
            if span * pace <= buffer:
                buffer -= span * pace
                lag -= span * (pace - 1.0)
                played += span
            else:
                part = buffer / pace
                clock = span - part
                played += part
                stalled += clock
                lag += clock + part - buffer
                buffer = 0.0
                state = FROZEN
                stalls += 1
        else:
            clock += span
            lag += span
            if state == FROZEN:
                stalled += span
        if span >= tau and wait + download > tau + TINY:
            break
        # A chunk is whole.
        tau -= span
        carried += ladder[rung] * chunk
        buffer += chunk
        learn(player, ladder[rung] * chunk / max(spent + download, TINY), spent + download, kind)
        if state == STARTING:
            if buffer + TINY >= kind.start_s:
                state = PLAYING
                counts.joins[thread, min(int(clock / JOIN_BIN_S), JOIN_BINS - 1)] += 1
                clock = 0.0
        elif state == FROZEN and buffer + TINY >= kind.resume_s:
            state = PLAYING
            clock = 0.0
            if lag > kind.jump_s:
                lag -= math.floor((lag - kind.hold_s - late) / chunk - 1.0) * chunk
                total.skips += 1
        rung = choose(estimate(player), buffer, rung, group.top, kind, ladder)
        if rung == 0 and moment.sound:
            total.sound_us += int(chunk * 1e6)
        left = ladder[rung] * chunk
        spent = 0.0
        waits = max(chunk + late + buffer - lag, buffer + chunk - kind.most_s)
        wait = max(waits, 0.0) + kind.ask_rtts * path.rtt_s + site.delay_s
        asked += 1
    came = max(tau - wait, 0.0)
    left -= rate * came
    spent += came
    wait = max(wait - tau, 0.0)
    player.state, player.rung = state, rung
    player.buffer_s, player.lag_s, player.clock_s = buffer, lag, clock
    player.left_kbit, player.wait_s, player.spent_s = left, wait, spent
    # What it would take in the next step, were the site without limit.
    if site.hot and wait < moment.step_s:
        more = math.floor((moment.step_s + lag - buffer - late) / chunk - 1.0)
        wanted = left + max(more, 0.0) * ladder[rung] * chunk
        wanted = min(line * (moment.step_s - wait), wanted)
        octave = 4.0 * math.log2(max(wanted / moment.step_s, 2.0)) - 4.0
        column = min(int(octave), BINS - 1)
        counts.sites[thread, path.site].wanted_kbit += int(wanted)
        counts.bins[thread, path.site, column] += 1
        counts.bin_kbit[thread, path.site, column] += int(wanted)
    if asked:
        counts.sites[thread, path.site].asked += asked
        counts.sites[thread, path.site].sent_kbit += int(carried)
        counts.groups[thread, player.group, player.place].carried_kbit += int(carried)
        counts.over_kbit[thread, path.link] += int(carried)
        total.carried_kbit += int(carried)
    total.played_us += int(played * 1e6)
    if moment.census_s > 0.0 and state >= PLAYING:
        counts.there[thread, path.site, rung] += 1
        counts.groups[thread, player.group, player.place].watched_us += int(moment.census_s * 1e6)
    if stalled > 0.0:
        total.stalled_us += int(stalled * 1e6)
        total.stalls += stalls
        counts.groups[thread, player.group, player.place].stalled_us += int(stalled * 1e6)
        player.stalls = min(player.stalls + stalls, 255)
    # What is given up.
    if (not site.up and wait == 0.0 and spent > min(site.detect_s, kind.timeout_s)) or (
        stalls > 0 and moment.penalised
    ):
        _fail_over(player, network, counts, thread, i, moment)
    elif state == PLAYING and rung > 0 and spent > 0.5 * chunk:
        _abandon(player, kind, ladder)


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
