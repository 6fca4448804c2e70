"""How a viewer comes, moves between sites, and goes.

Law: a session's choice of a site follows from its hash and the plan's shares alone; a site that
failed is not taken again while it is down.
"""

import math
from typing import Any, NamedTuple

import numpy as np

from tidegate.dispatch.assign import assign
from tidegate.sim import access, chance
from tidegate.sim.abr import FIRST_GUESS_KBPS, choose
from tidegate.sim.access import START
from tidegate.sim.compiled import compiled, inlined
from tidegate.sim.kinds import FIXED
from tidegate.sim.net import Counts, Network
from tidegate.sim.players import AWAY, NOBODY, PLAYING, STARTING

MOVE_RTTS = 2.0
"""Round trips of a new connection to another site."""
DRAWS = 6
"""Draws from the spare shares until one is another site, and up."""


class Moment(NamedTuple):
    """When a step begins (now, s), how long it is (step_s), its number, and who is there.

    row: whose row of the counts is written. audience: how many places hold a viewer. census_s:
    how many seconds of watching this step counts for groups and sites, 0 if it counts none. turns:
    steps between a viewer's chances to ask where to go. stay_s: mean session, 0 for no end.
    patience_s: a join or stall that ends a session, 0 for none. penalised: whether a stall makes a
    player leave its site by itself. sound: whether the lowest rung is sound alone.
    """

    row: int
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


@inlined
def next_level(network: Network, line: int, level: int, part: int, i: int, moment: Moment) -> Any:
    """Of a line's move number `part` in this step; a line's course is the same at any step."""
    bits = chance.mixed(moment.seed, i, network.moved[line] + part, chance.LINE)
    return access.next_level(level, int(bits >> np.uint64(32)), network.moves[line])


@inlined
def over(player: Any, i: int, moment: Moment) -> bool:
    """Whether the viewer goes now: its time is up, or its patience."""
    if moment.patience_s > 0.0 and player.clock_s > moment.patience_s:
        return True
    if moment.stay_s <= 0.0:
        return False
    u = chance.share(moment.seed, i, moment.number, chance.STAY)
    return u < moment.turns * moment.step_s / moment.stay_s


@inlined
def leave(player: Any, counts: Counts, row: int) -> None:
    total = counts.totals[row, player.kind, player.line]
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
def late(kind: Any, site: Any, i: int) -> Any:
    """When this player sees a chunk, seconds after the encoder made it. One that is pushed is late
    by what it waited at the site, and the next comes right behind it."""
    waited_s = site.delay_s * kind.pushed
    return site.late_s + waited_s + chance.even(i) * kind.poll * kind.chunk_s


@inlined
def pause(kind: Any, path: Any, site: Any) -> Any:
    """Seconds from asking for a chunk to its first byte."""
    return kind.ask_rtts * path.rtt_s + site.delay_s * (1.0 - kind.pushed)


@compiled
def enter(
    player: Any, network: Network, counts: Counts, i: int, moment: Moment, begin: float
) -> None:
    """A new viewer asks where to go, and there for the newest chunks."""
    kind, group = network.kinds[player.kind], network.groups[player.group]
    player.session += 1
    if player.level == START:
        bits = chance.mixed(moment.seed, i, 0, chance.FIRST)
        player.level = access.next_level(
            START, int(bits >> np.uint64(32)), network.moves[player.line]
        )
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
    newest = math.floor((now - late(kind, site, i)) / kind.chunk_s) * kind.chunk_s
    player.lag_s = now - newest + kind.hold_s
    rung = choose(FIRST_GUESS_KBPS, kind.chunk_s, 0, group.top, kind, network.rungs)
    if kind.rule == FIXED:
        rung = group.top
        while rung > 0 and network.rungs[rung].kbps > kind.fixed_kbps:
            rung -= 1
    player.rung = rung
    player.left_kbit = network.rungs[player.rung].kbps * kind.chunk_s
    player.wait_s = wait + site.delay_s
    counts.paths[moment.row, player.group, place].asked += 1


@compiled
def steer(player: Any, network: Network, counts: Counts, i: int, moment: Moment) -> None:
    """A steering manifest is read; a pathway that failed is not taken while it is down, and a site
    that is full sends back who has another."""
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
    path = network.paths[player.group, place]
    player.wait_s = max(player.wait_s, 0.0) + MOVE_RTTS * path.rtt_s
    here = network.paths[player.group, player.place].site
    if network.sites[path.site].full and network.sites[here].up:
        return
    player.place = place
    counts.totals[moment.row, player.kind, player.line].moves += 1


@compiled
def fail_over(player: Any, network: Network, counts: Counts, i: int, moment: Moment) -> None:
    """To a site that is not here, and is there: by the plan's spare shares, else its backups. One
    that is full sends on who can go elsewhere."""
    kind, group, here = network.kinds[player.kind], network.groups[player.group], player.place
    player.banned = here
    for place in (group.third, group.second, group.first):
        if place >= 0 and place != here:
            up = network.sites[network.paths[player.group, place].site].up
            if up or player.place == here:
                player.place = place
    asked_s = 0.0
    for attempt in range(DRAWS):
        session = chance.mixed(moment.seed, i, attempt, chance.SPARE)
        place = assign(session, network.candidates[player.group], network.spare[player.group])
        path = network.paths[player.group, place]
        site = network.sites[path.site]
        if network.spare[player.group, place] > 0.0 and place != here and site.up:
            player.place = place
            if not site.full:
                break
            asked_s += MOVE_RTTS * path.rtt_s
    rtt_s = network.paths[player.group, player.place].rtt_s
    player.wait_s = max(player.wait_s, 0.0) + asked_s + (MOVE_RTTS + 1.0) * rtt_s
    player.left_kbit = network.rungs[player.rung].kbps * kind.chunk_s
    player.spent_s = 0.0
    counts.totals[moment.row, player.kind, player.line].failed_over += 1
