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
"""Seconds that rounding may leave over."""
LEAST_KBPS = 1e-9
"""Of a line that stands still, so that nothing is divided by 0."""
MOVE_RTTS = 2.0
"""Round trips of a new connection to another site."""
ABANDON = 0.8
"""hls.js: a lower rung must arrive at this share of the measured rate before the buffer ends."""
DRAWS = 6
"""Draws from the spare shares until one is another site, and up."""


class Moment(NamedTuple):
    """When a step begins (now, s), how long it is (step_s), its number, and who is there.

    thread: whose row of the counts is written. audience: how many places hold a viewer. census_s:
    how many seconds of watching this step counts for groups and sites, 0 if it counts none. turns:
    steps between a viewer's chances to ask where to go. stay_s: mean session, 0 for no end.
    patience_s: a join or stall that ends a session, 0 for none. penalised: whether a stall makes a
    player leave its site by itself. sound: whether the lowest rung is sound alone.
    """

    thread: int
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
    players: Records, network: Network, counts: Counts, first: int, last: int, moment: Moment
) -> None:
    """One step of the viewers from `first` up to `last`, counted into row `moment.thread`."""
    turns, step_s, thread = moment.turns, moment.step_s, moment.thread
    turn = (first + moment.number) % turns
    for i in range(first, last):
        player = players[i]
        if i >= moment.audience:
            if player.state != AWAY:
                _leave(player, counts, thread)
            continue
        if network.moving[player.line]:
            player.level = _next_level(network, player.line, player.level, i, moment)
        tau = step_s
        if player.state == AWAY:
            tau *= chance.share(moment.seed, i, moment.number, chance.JOIN)
            _enter(player, network, counts, i, moment, step_s - tau)
        elif turn == 0:
            if _over(player, i, moment):
                _leave(player, counts, thread)
                _enter(player, network, counts, i, moment, 0.0)
            else:
                _steer(player, network, counts, i, moment)
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
def _quiet(player: Any, network: Network, moment: Moment) -> bool:
    """Whether nothing comes in this step, and nobody asks what would in the next."""
    if player.state != PLAYING or player.buffer_s <= moment.step_s or moment.census_s > 0.0:
        return False
    if network.kinds[player.kind].catch_up > 1.0:
        return False
    hot = network.sites[network.paths[player.group, player.place].site].hot
    return bool(hot == 0 or player.wait_s > 2.0 * moment.step_s)


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
    player: Any, network: Network, counts: Counts, i: int, moment: Moment, begin: float
) -> None:
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
    counts.sites[moment.thread, path.site].asked += 1


@compiled
def _steer(player: Any, network: Network, counts: Counts, i: int, moment: Moment) -> None:
    """A steering manifest is read; a pathway that failed is not taken while it is down."""
    group = network.groups[player.group]
    if player.state < PLAYING or network.kinds[player.kind].steered == 0.0:
        return
    if group.turns > 1 and ((moment.number + i) // moment.turns + i) % group.turns != 0:
        return
    if player.banned != NOBODY:
        banned = network.paths[player.group, player.banned].site
        if network.sites[banned].up:
            player.banned = NOBODY
    place = _home(player, network, i, moment)
    if place == player.place or place == player.banned:  # noqa: PLR1714  (compiled)
        return
    player.place = place
    rtt_s = network.paths[player.group, place].rtt_s
    player.wait_s = max(player.wait_s, 0.0) + MOVE_RTTS * rtt_s
    counts.totals[moment.thread, player.kind, player.line].moves += 1


@compiled
def _fail_over(player: Any, network: Network, counts: Counts, i: int, moment: Moment) -> None:
    """To a site that is not here, and is there: by the plan's spare shares, else its backups."""
    kind, group, here = network.kinds[player.kind], network.groups[player.group], player.place
    player.banned = here
    for place in (group.third, group.second, group.first):
        if place >= 0 and place != here:
            up = network.sites[network.paths[player.group, place].site].up
            if up or player.place == here:
                player.place = place
    for attempt in range(DRAWS):
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
    counts.totals[moment.thread, player.kind, player.line].failed_over += 1


@inlined
def _play(
    player: Any, network: Network, counts: Counts, i: int, moment: Moment, tau: float
) -> None:
    """What happens to a viewer in the `tau` seconds that are left of the step."""
    thread = moment.thread
    kind, path = network.kinds[player.kind], network.paths[player.group, player.place]
    site, total = network.sites[path.site], counts.totals[thread, player.kind, player.line]
    late, stalls = _late(kind, site, i), player.stalls
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
        _fail_over(player, network, counts, i, moment)
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
def _present(player: Any, path: Any, counts: Counts, moment: Moment) -> None:
    """A census counts who watches, and where."""
    counts.there[moment.thread, path.site, player.rung] += 1
    here = counts.groups[moment.thread, player.group, player.place]
    here.watched_us += int(moment.census_s * 1e6)


@inlined
def _want(
    player: Any, network: Network, counts: Counts, moment: Moment, late: float, line: float
) -> None:
    """What it would take in the next step, were the site without limit."""
    kind, path = network.kinds[player.kind], network.paths[player.group, player.place]
    held = player.buffer_s + late - player.lag_s
    more = math.floor((moment.step_s - held) / kind.chunk_s - 1.0)
    wanted = player.left_kbit + max(more, 0.0) * network.ladder[player.rung] * kind.chunk_s
    wanted = min(line * (moment.step_s - player.wait_s), wanted)
    octave = 4.0 * math.log2(max(wanted / moment.step_s, 2.0)) - 4.0
    column = min(int(octave), BINS - 1)
    counts.sites[moment.thread, path.site].wanted_kbit += int(wanted)
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
