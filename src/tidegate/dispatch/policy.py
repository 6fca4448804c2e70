"""What the dispatcher holds to be right: every constant of its objective, named, with its unit.

Law: prices are thousand yuan a Gbit/s, as a contract's yuan a Mbit/s are, and their order says
what gives way first: the nearest site, then standing still, then money, then room for a lost site,
then the ceiling, then the picture's size, and only then the picture.
"""

import msgspec


class Policy(msgspec.Struct, frozen=True):
    """Shares are of 1.

    freeze_budget: frozen share that sites and paths may add to what access lines cause by
    themselves; exclude_freeze: a path that adds more serves none who can go elsewhere.
    easy, ceiling, full: utilisation of a site up to which load does no harm, which is aimed at,
    and which is held even where a site is lost; easy_freeze, ceiling_freeze, full_freeze: frozen
    share of each further bit above them. link_ceiling: utilisation of a peering.
    move_limit: how far the plan may be from where viewers are, share of the demand, beyond what
    failures force; of it, viewers move as they ask again, so dt / ttl in dt.
    ttl_s, alarm_ttl_s: between two questions of a viewer, calm and in alarm. dwell_s: how long a
    group that was moved is left alone, at `dwell_factor` times the price of moving. frail: with so
    much frozen by its own lines a group is twice as dear to move, up to `move_most` times.
    deaf_s: age of a site's figures from which it is trusted less; derated_s: age at which
    `derated` of its capacity is left. stay_s: how long traffic bought by volume is thought to stay.
    solver_s: the solver's time. utc_offset_s: for the clock in sentences.
    """

    freeze_budget: float = 0.0005
    exclude_freeze: float = 0.008
    easy: float = 0.70
    ceiling: float = 0.85
    full: float = 0.95
    link_ceiling: float = 0.90
    easy_freeze: float = 0.0005
    ceiling_freeze: float = 0.01
    full_freeze: float = 0.5
    move_limit: float = 0.30
    ttl_s: float = 60.0
    alarm_ttl_s: float = 10.0
    dwell_s: float = 120.0
    dwell_factor: float = 4.0
    frail: float = 0.005
    move_most: float = 10.0
    deaf_s: float = 15.0
    derated_s: float = 120.0
    derated: float = 0.5
    stay_s: float = 7200.0
    solver_s: float = 5.0
    utc_offset_s: float = 28_800.0
    price_held: float = 0.1
    """What a new plan must save of each Gbit/s, or the last one stays in force."""
    price_rtt: float = 0.002
    """A millisecond."""
    price_freeze: float = 2.0
    """A thousandth of frozen time, within the budget: three of them are worth a contract's yuan."""
    price_move: float = 0.3
    price_hurry: float = 50.0
    """Of moving more than `move_limit`."""
    price_over_budget: float = 20.0
    """A thousandth of frozen time, above the budget."""
    price_easy: float = 0.02
    """Above `easy`: evens out what costs the same."""
    price_reserve: float = 100.0
    """Of the load of a site that would find no room were it lost."""
    price_ceiling: float = 150.0
    price_link: float = 2000.0
    price_shed: float = 500.0
    """Of demand withheld by the ladder's top rung; each next rung costs as much again."""
    price_full: float = 10_000.0
    price_lost: float = 20_000.0
    """Of demand that nothing carries."""
