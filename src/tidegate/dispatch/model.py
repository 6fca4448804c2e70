"""The linear programme, kept warm: a moment's figures in, the cheapest flows out.

Law: what it holds between two moments is a cache. The optimum is made unique by a price that
differs a little from path to path, so where the last solution began does not show in the next.
"""

import time
from dataclasses import dataclass

import highspy
import numpy as np
import numpy.typing as npt

from tidegate.dispatch.columns import Columns, Rows
from tidegate.dispatch.hold import Held, Standing, Terms
from tidegate.dispatch.matrix import LEAST_MILLE, matrix
from tidegate.dispatch.policy import Policy
from tidegate.dispatch.pools import Paths
from tidegate.dispatch.quiet import QuietHighs

Floats = npt.NDArray[np.float64]
INF = float("inf")
DUAL, PRIMAL = 1, 4
"""HiGHS's numbers for how the simplex goes."""
_STEP_MILLE = 1.25
"""Freeze rates are told to the solver in steps of this ratio."""


@dataclass(frozen=True)
class Figures:
    """All that a moment changes. Gbit/s; prices in thousand yuan a Gbit/s.

    demand [G]; stay [P]: what is on each path already; open: bool [P], may be used at all;
    path_price, move_price: [P]; freeze_mille [P]: frozen thousandths; capacity [S]; level [D] and
    rise_price [D], level infinite where traffic is free;
    reserve_room: for each of `Paths.reserve`, what its refuges hold; link [L]; shed_most [R, G];
    freeze_budget, move_limit.
    """

    demand: Floats
    stay: Floats
    open: npt.NDArray[np.bool_]
    path_price: Floats
    move_price: Floats
    freeze_mille: Floats
    capacity: Floats
    level: Floats
    rise_price: Floats
    reserve_room: Floats
    link: Floats
    shed_most: Floats
    freeze_budget: float
    move_limit: float


@dataclass(frozen=True)
class Flows:
    """flow [P], Gbit/s; load, full [S]; rise [D]; reserve, of each of `Paths.reserve`; shed [R, G];
    cost: the objective; prices [rows]: what it would change by with each row's bound."""

    flow: Floats
    load: Floats
    full: Floats
    rise: Floats
    reserve: Floats
    link: Floats
    shed: Floats
    freeze: float
    cost: float
    prices: Floats
    seconds: float
    iterations: int


class Unsolved(Exception):
    """The solver gave no optimum; the text says what it said. The caller falls back."""


class Model:
    """One HiGHS model of a topology and a number of rungs."""

    def __init__(self, paths: Paths, rungs: int, policy: Policy) -> None:
        self.columns = Columns.of(paths, rungs)
        self.rows = Rows.of(paths)
        self._paths = paths
        self._rungs = rungs
        self._policy = policy
        self._sparse = matrix(paths, self.columns, self.rows, policy)
        self._standing = Standing(paths, self.columns, self.rows, self._sparse, policy)
        self._steps = np.full(len(paths.group), LEAST_MILLE)
        self._waver = _waver(len(paths.group))
        self._highs: highspy.Highs | None = None

    def saving(self, figures: Figures, held: Held) -> float:
        """Of the objective, at most, by a new solution in place of what is `held`."""
        rates = _stepped(figures.freeze_mille)
        return self._standing.saving(held, figures.capacity, rates, self._terms(figures))

    def solve(self, figures: Figures) -> Flows:
        """Raises `Unsolved`. Who ran out of time goes on from there the next time: there is no
        presolve, after which nothing would be left of it."""
        terms = self._terms(figures)
        if self._highs is None:
            self._highs = self._fresh(terms)
        highs, columns, rows = self._highs, self.columns.size, self.rows.size
        numbers = np.arange(max(columns, rows), dtype=np.int32)
        highs.changeColsCost(columns, numbers[:columns], terms.price)
        highs.changeColsBounds(columns, numbers[:columns], np.zeros(columns), terms.most)
        highs.changeRowsBounds(rows, numbers[:rows], terms.lower, terms.upper)
        self._change_rates(highs, figures.freeze_mille)
        highs.setOptionValue("time_limit", highs.getRunTime() + self._policy.solver_s)
        began = time.perf_counter()
        status = _run(highs)
        seconds = time.perf_counter() - began
        if status != highspy.HighsModelStatus.kOptimal:
            if status != highspy.HighsModelStatus.kTimeLimit:
                self._highs = None
            raise Unsolved(highs.modelStatusToString(status))
        return self._read(highs, seconds)

    def _terms(self, figures: Figures) -> Terms:
        lower, upper = self._row_bounds(figures)
        return Terms(lower, upper, self._column_most(figures), self._column_prices(figures))

    def _fresh(self, terms: Terms) -> highspy.Highs:
        highs = QuietHighs()
        for name, value in (
            ("output_flag", False), ("threads", 1), ("solver", "simplex"),
            ("simplex_strategy", DUAL), ("presolve", "off"),
        ):  # fmt: skip
            highs.setOptionValue(name, value)
        lp = highspy.HighsLp()
        lp.num_col_, lp.num_row_ = self.columns.size, self.rows.size
        lp.col_cost_, lp.col_upper_ = terms.price, terms.most
        lp.col_lower_ = np.zeros(self.columns.size)
        lp.row_lower_, lp.row_upper_ = terms.lower, terms.upper
        lp.a_matrix_.format_ = highspy.MatrixFormat.kColwise
        lp.a_matrix_.start_, lp.a_matrix_.index_, lp.a_matrix_.value_ = self._sparse
        self._steps[:] = LEAST_MILLE
        highs.passModel(lp)
        return highs

    def _row_bounds(self, figures: Figures) -> tuple[Floats, Floats]:
        rows = self.rows
        lower, upper = np.full(rows.size, -INF), np.zeros(rows.size)
        lower[rows.demand] = upper[rows.demand] = figures.demand
        lower[rows.load] = lower[rows.strong] = 0.0
        upper[rows.pieces] = self._policy.easy * figures.capacity
        upper[rows.bill] = figures.level
        upper[rows.reserve] = figures.reserve_room
        upper[rows.link] = figures.link
        upper[rows.freeze] = figures.freeze_budget
        upper[rows.move] = figures.move_limit
        return lower, upper

    def _column_most(self, figures: Figures) -> Floats:
        columns, policy = self.columns, self._policy
        most = np.full(columns.size, INF)
        most[columns.stay] = np.where(figures.open, figures.stay, 0.0)
        most[columns.come] = np.where(figures.open, INF, 0.0)
        most[columns.easy] = (policy.ceiling - policy.easy) * figures.capacity
        most[columns.ceiling] = (policy.full - policy.ceiling) * figures.capacity
        most[columns.shed] = figures.shed_most.reshape(-1)
        return most

    def _column_prices(self, figures: Figures) -> Floats:
        columns, policy = self.columns, self._policy
        price = np.zeros(columns.size)
        path = figures.path_price + policy.price_freeze * figures.freeze_mille + self._waver
        price[columns.stay] = path
        price[columns.come] = path + figures.move_price
        price[columns.easy] = policy.price_easy
        price[columns.ceiling] = policy.price_ceiling
        price[columns.full] = policy.price_full
        price[columns.rise] = figures.rise_price
        share = self._paths.reserve_share[self._paths.reserve]
        price[columns.reserve] = policy.price_reserve * share
        price[columns.link] = policy.price_link
        harm = policy.price_shed * np.arange(1, self._rungs + 1)
        harm[-1] = policy.price_lost
        price[columns.shed] = np.repeat(harm, len(self._paths.topology.groups))
        price[columns.freeze] = policy.price_over_budget
        price[columns.move] = policy.price_hurry
        return price

    def _change_rates(self, highs: highspy.Highs, mille: Floats) -> None:
        steps = _stepped(mille)
        row, changed = self.rows.freeze.start, np.flatnonzero(steps != self._steps)
        stay, come = self.columns.stay.start, self.columns.come.start
        for path, value in zip(changed.tolist(), steps[changed].tolist(), strict=True):
            highs.changeCoeff(row, stay + path, value)
            highs.changeCoeff(row, come + path, value)
        self._steps = steps

    def _read(self, highs: highspy.Highs, seconds: float) -> Flows:
        columns, info, solution = self.columns, highs.getInfo(), highs.getSolution()
        value = np.maximum(np.array(solution.col_value), 0.0)
        return Flows(
            flow=value[columns.stay] + value[columns.come],
            load=value[columns.load],
            full=value[columns.full],
            rise=value[columns.rise],
            reserve=value[columns.reserve],
            link=value[columns.link],
            shed=value[columns.shed].reshape(self._rungs, -1),
            freeze=float(value[columns.freeze][0]),
            cost=info.objective_function_value,
            prices=np.array(solution.row_dual),
            seconds=seconds,
            iterations=info.simplex_iteration_count,
        )


def _run(highs: highspy.Highs) -> highspy.HighsModelStatus:
    """By the dual simplex; where it ends with prices that do not quite fit, which it calls unknown,
    by the primal, from the beginning."""
    highs.run()
    status: highspy.HighsModelStatus = highs.getModelStatus()
    if status == highspy.HighsModelStatus.kUnknown:
        highs.clearSolver()
        highs.setOptionValue("simplex_strategy", PRIMAL)
        highs.run()
        highs.setOptionValue("simplex_strategy", DUAL)
        status = highs.getModelStatus()
    return status


def _stepped(mille: Floats) -> Floats:
    """By the nearest step of a ratio, so that few entries change from moment to moment."""
    ratio = np.log(_STEP_MILLE)
    steps = np.round(np.log(np.maximum(mille, LEAST_MILLE)) / ratio)
    return np.asarray(np.exp(steps * ratio), np.float64)


def _waver(count: int) -> Floats:
    """Up to a thousandth of a price unit, the same for the same path always. Random, or two groups
    could change places at no price."""
    return 1e-3 * np.random.default_rng(count).random(count)
