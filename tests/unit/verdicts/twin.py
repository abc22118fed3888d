"""A second reading of the method, in plain Python: exact fractions, loops instead of joins, one case at a time.

It shares nothing with the SQL. `judge(case, day)` gives the verdict that the marts must show for that day.
"""

from __future__ import annotations

import calendar
import itertools
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Context, Decimal
from fractions import Fraction

BASE_ON = date(2020, 12, 31)
PERIOD_MONTHS = {"monthly": 1, "quarterly": 3, "annual": 12}
FINE = {"reached", "ahead", "on_schedule"}
PRECISE = Context(prec=60, rounding=ROUND_HALF_UP)
# two-sided 95 % quantiles of Student's t, from a printed table
STUDENT = {
    1: "12.706",
    2: "4.303",
    3: "3.182",
    4: "2.776",
    5: "2.571",
    6: "2.447",
    7: "2.365",
    8: "2.306",
    9: "2.262",
    10: "2.228",
}


@dataclass(frozen=True)
class Observation:
    value: Fraction
    provisional: bool = False


@dataclass(frozen=True)
class SubTask:
    due: date
    accepted: date | None
    document: str | None
    known_at: date | None


@dataclass(frozen=True)
class Case:
    """An indicator of the plan and the values that one basis holds of it, by last day of the period."""

    rule: str
    direction: str = "up"
    frequency: str = "annual"
    lag_days: int = 30
    plan_base: Fraction | None = None
    target: Fraction | None = None
    target_year: int = 2025
    basis: str = "latest"
    values: dict[date, Observation] = field(default_factory=dict)
    subtasks: tuple[SubTask, ...] = ()


@dataclass
class Judgement:
    verdict: str | None = None
    last_verdict: str | None = None
    reason: str | None = None
    pace_status: str | None = None
    growth_status: str | None = None
    growth_reason: str | None = None
    base_source: str | None = None
    base_value: Fraction | None = None
    latest_value: Fraction | None = None
    later_value: Fraction | None = None
    elapsed_share: Fraction | None = None
    completion_share: Fraction | None = None
    pace_ratio: Fraction | None = None
    plain_rate: Fraction | None = None
    growth_rate: Decimal | None = None
    growth_ratio: Decimal | None = None
    projected_value: Fraction | None = None
    projected_half_width: Decimal | None = None
    yearly_amount_needed: Fraction | None = None
    change_on_period: Fraction | None = None
    change_on_year: Fraction | None = None
    missing_periods: int = 0
    methods_disagree: bool | None = None
    is_provisional: bool = False
    is_stale: bool = False
    is_of_record: bool = False
    evaluated_on: date | None = None
    value_date: date | None = None
    later_value_date: date | None = None
    reached_on: date | None = None
    lost_on: date | None = None
    years: dict[int, str] = field(default_factory=dict)


def month_end(year: int, month: int) -> date:
    return date(year, month, calendar.monthrange(year, month)[1])


def add_months(day: date, months: int) -> date:
    """Month-ends stay month-ends; other days keep their number, cut to the month's length."""
    index = day.year * 12 + day.month - 1 + months
    last = month_end(index // 12, index % 12 + 1)
    return last if day == month_end(day.year, day.month) else last.replace(day=min(day.day, last.day))


def whole_months(start: date, end: date) -> int:
    """How many whole months fit between a month-end and a later day."""
    count = 0
    while add_months(start, count + 1) <= end:
        count += 1
    return count


def power(base: Fraction, exponent: Fraction) -> Decimal:
    if base == 0:
        return Decimal(0)
    as_decimal = PRECISE.divide(Decimal(base.numerator), Decimal(base.denominator))
    exponent_decimal = PRECISE.divide(Decimal(exponent.numerator), Decimal(exponent.denominator))
    return PRECISE.power(as_decimal, exponent_decimal)


def growth_of(start: Fraction, end: Fraction, months: int) -> Decimal:
    return PRECISE.subtract(power(end / start, Fraction(12, months)), Decimal(1))


def judge(case: Case, asked: date) -> Judgement:
    target_on = date(case.target_year, 12, 31)
    day = asked if case.rule == "monitor" else min(asked, target_on)
    sign = {"up": 1, "down": -1, "none": 0}[case.direction]
    step = PERIOD_MONTHS[case.frequency]
    out = Judgement(evaluated_on=day, is_of_record=case.rule != "monitor" and asked >= target_on)

    at_base = case.values.get(BASE_ON)
    base_provisional = False
    if case.plan_base is not None:
        out.base_value, out.base_source = case.plan_base, "plan"
    elif at_base is not None:
        out.base_value, out.base_source, base_provisional = at_base.value, "warehouse", at_base.provisional

    series = {when: seen for when, seen in sorted(case.values.items()) if BASE_ON < when <= day}
    afterwards = [when for when in sorted(case.values) if day < when <= asked]
    if afterwards:
        out.later_value_date, out.later_value = afterwards[-1], case.values[afterwards[-1]].value
    months = 0
    if series:
        out.value_date = max(series)
        latest = series[out.value_date]
        out.latest_value = latest.value
        months = whole_months(BASE_ON, out.value_date)
        out.is_stale = add_months(out.value_date, step) + timedelta(days=case.lag_days) < day
        out.is_provisional = latest.provisional or (case.rule != "monitor" and base_provisional)
        expected = [add_months(BASE_ON, k * step) for k in range(1, months // step + 1)]
        out.missing_periods = sum(when not in series for when in expected)
        for name, back in (("change_on_period", step), ("change_on_year", 12)):
            before = case.values.get(add_months(out.value_date, -back))
            if before is not None:
                setattr(out, name, latest.value - before.value)
    elif case.rule != "monitor":
        out.is_provisional = base_provisional
    total = whole_months(BASE_ON, target_on)
    if series and case.rule != "monitor":
        out.elapsed_share = Fraction(months, total)

    if case.rule == "at_least":
        _two_methods(case, out, series, sign, months, total, day)
    elif case.rule == "reach_milestone":
        _milestone(case, out, day, total)
    elif case.rule == "monitor":
        if day < add_months(BASE_ON, step) or (series and months == 0):
            out.reason = "too_early"
        elif not series:
            out.reason = "no_observation_after_base"
        out.verdict = "not_assessable" if out.reason else None
    else:
        _years(case, out, series, sign, day)
    out.last_verdict = out.verdict
    if out.is_stale:
        out.verdict = "stale"
    return out


def _two_methods(
    case: Case, out: Judgement, series: dict[date, Observation], sign: int, months: int, total: int, day: date
) -> None:
    assert case.target is not None
    y0, y, goal = out.base_value, out.latest_value, case.target
    early = day < add_months(BASE_ON, PERIOD_MONTHS[case.frequency]) or (bool(series) and months == 0)

    def reaches(value: Fraction) -> bool:
        return value >= goal if sign > 0 else value <= goal

    # walk the series once: when was the target reached, when was it lost?
    reached_on = lost_on = None
    if y0 is not None and reaches(y0):
        reached_on = BASE_ON
    only_on_the_line = y0 is not None and y0 == goal
    for when, seen in series.items():
        if reaches(seen.value):
            if reached_on is None or lost_on is not None:
                reached_on, lost_on = when, None
            only_on_the_line = False
        elif reached_on is not None and lost_on is None:
            if only_on_the_line:
                reached_on = None
            else:
                lost_on = when

    if early:
        out.reason = "too_early"
    elif y is None:
        out.reason = "no_observation_after_base"
    elif reaches(y):
        out.pace_status = "reached"
    elif lost_on is not None:
        out.pace_status = "lost"
    elif y0 is None:
        out.reason = "no_base"
    elif y0 == goal:
        out.reason = "no_distance"
    else:
        pace = ((y - y0) / (goal - y0)) / Fraction(months, total)
        cuts = ((Fraction("1.10"), "ahead"), (Fraction(1), "on_schedule"), (Fraction("0.8"), "slightly_behind"))
        out.pace_status = next((word for cut, word in cuts if pace >= cut), "behind")
    if out.reason:
        out.pace_status = "not_assessable"
    if out.pace_status in ("reached", "lost"):
        out.reached_on = reached_on
        out.lost_on = lost_on
    out.verdict = out.pace_status

    if y is not None and y0 is not None and sign * (goal - y0) > 0:
        out.completion_share = (y - y0) / (goal - y0)
        if months:
            out.pace_ratio = out.completion_share * total / months
    if y is not None and goal != 0:
        out.plain_rate = y / goal

    if early:
        out.growth_reason = "too_early"
    elif y is None:
        out.growth_reason = "no_observation_after_base"
    elif y0 is None:
        out.growth_reason = "no_base"
    elif y0 <= 0:
        out.growth_reason = "base_not_positive"
    elif y < 0 or goal < 0:
        out.growth_reason = "sign_change"
    elif y0 == goal:
        out.growth_reason = "no_distance"
    else:
        out.growth_rate = growth_of(y0, y, months)
        needed = growth_of(y0, goal, total)
        ratio = PRECISE.divide(sign * out.growth_rate, abs(needed))
        out.growth_ratio = ratio.quantize(Decimal("1e-12"), rounding=ROUND_HALF_UP)
        if out.growth_ratio >= Decimal("0.95"):
            out.growth_status = "on_track"
        elif out.growth_ratio >= Decimal("0.60"):
            out.growth_status = "needs_acceleration"
        elif out.growth_ratio >= 0:
            out.growth_status = "limited"
        else:
            out.growth_status = "deteriorating"
        if out.pace_status != "not_assessable":
            out.methods_disagree = (out.pace_status in FINE) != (out.growth_status == "on_track")
    if out.growth_reason:
        out.growth_status = "not_assessable"

    if y is not None and months < total:
        out.yearly_amount_needed = Fraction(0) if reaches(y) else (goal - y) / Fraction(total - months, 12)
        if not early:
            _project(out, series, total)


def _project(out: Judgement, series: dict[date, Observation], total: int) -> None:
    """Least squares through the last twelve points, by the textbook."""
    points = [(Fraction(0), out.base_value)] if out.base_value is not None else []
    points += [(Fraction(whole_months(BASE_ON, when)), seen.value) for when, seen in series.items()]
    points = points[-12:]
    count = len(points)
    mean_x = Fraction(sum(x for x, _ in points), count)
    mean_y = Fraction(sum(y for _, y in points), count)
    spread = sum(((x - mean_x) ** 2 for x, _ in points), Fraction(0))
    if count < 3 or spread == 0:
        return
    slope = sum((x - mean_x) * (y - mean_y) for x, y in points) / spread
    out.projected_value = mean_y + slope * (total - mean_x)
    errors = sum(((y - mean_y - slope * (x - mean_x)) ** 2 for x, y in points), Fraction(0))
    variance = errors / (count - 2) * (1 + Fraction(1, count) + (total - mean_x) ** 2 / spread)
    root = PRECISE.sqrt(PRECISE.divide(Decimal(variance.numerator), Decimal(variance.denominator)))
    out.projected_half_width = PRECISE.multiply(root, Decimal(STUDENT[count - 2]))


def _milestone(case: Case, out: Judgement, day: date, total: int) -> None:
    out.is_stale = out.is_provisional = False
    out.value_date, out.latest_value = day, None
    out.elapsed_share = Fraction(whole_months(BASE_ON, day), total)
    if not case.subtasks:
        out.verdict, out.reason = "not_assessable", "no_subtasks"
        return
    accepted, overdue = [], False
    for task in case.subtasks:
        done = task.accepted is not None and task.accepted <= day and bool((task.document or "").strip())
        if done and case.basis == "at_closing":
            done = (task.known_at or task.accepted) <= day + timedelta(days=case.lag_days)  # type: ignore[operator]
        if done:
            accepted.append(task.accepted)
        elif task.due < day:
            overdue = True
    out.completion_share = out.latest_value = Fraction(len(accepted), len(case.subtasks))
    if len(accepted) == len(case.subtasks):
        out.verdict = "reached"
        out.reached_on = max(when for when in accepted if when is not None)
    else:
        out.verdict = "behind" if overdue else "on_schedule"


def _years(case: Case, out: Judgement, series: dict[date, Observation], sign: int, day: date) -> None:
    horizon = out.value_date if out.is_stale and out.value_date else day
    closed = [year for year in range(2021, horizon.year + 1) if date(year, 12, 31) <= horizon]
    at_end = {year: series[date(year, 12, 31)].value for year in closed if date(year, 12, 31) in series}
    base = out.base_value
    used = range(2021, horizon.year + 1) if case.rule == "at_least_every_year" else closed
    if any(seen.provisional and when.year in used for when, seen in series.items()):
        out.is_provisional = True

    if not series:
        out.reason = "too_early" if day < date(2021, 12, 31) else "no_observation_after_base"
        out.verdict = "not_assessable"
        return

    if case.rule == "at_least_every_year":
        assert case.target is not None
        for year in range(2021, horizon.year + 1):
            within = [seen.value for when, seen in series.items() if when.year == year]
            if any(sign * (value - case.target) >= 0 for value in within):
                out.years[year] = "met"
            elif year not in closed:
                out.years[year] = "open"
            else:
                out.years[year] = "not_met" if year in at_end else "gap"
        states = list(out.years.values())
        if "not_met" in states:
            out.verdict = "not_met"
        elif "gap" in states:
            out.verdict, out.reason = "not_assessable", "gap"
        else:
            out.verdict = states[-1]
        return

    if not closed or day < date(2021, 12, 31):
        out.verdict, out.reason = "not_assessable", "too_early"
        return
    chain = [base] + [at_end.get(year) for year in closed]
    last = chain[-1]
    if base is None and (case.rule == "keep_growing" or last is None or last != 0):
        out.reason = "no_base"
    elif any(value is None for value in chain[1:]):
        out.reason = "gap"
    if out.reason:
        out.verdict = "not_assessable"
        return

    if case.rule == "keep_growing":
        moves = [(now > before) - (now < before) for before, now in itertools.pairwise(chain)]  # type: ignore[operator]
        worst = min(moves) if sign > 0 else max(moves)
        out.verdict = {1: "growing", 0: "flat", -1: "falling"}[worst]
        if base is not None and base > 0 and last is not None and last >= 0:
            out.growth_rate = growth_of(base, last, 12 * len(closed))
        return
    paid_again = (
        out.value_date is not None and out.value_date > date(closed[-1], 12, 31) and (out.latest_value or 0) > 0
    )
    if last == 0:
        out.verdict = "not_falling" if paid_again else "reached"
    elif all(now < before for before, now in itertools.pairwise(chain)):  # type: ignore[operator]
        out.verdict = "falling"
    else:
        out.verdict = "not_falling"
