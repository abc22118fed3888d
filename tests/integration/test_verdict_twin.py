"""The dbt models against a twin in Python: hypothesis makes indicators, both judge every quarter of the plan."""

from __future__ import annotations

import os
import random
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from psycopg.rows import dict_row

from tests.unit.verdicts import twin
from warehouse import connections

PROJECT = Path(__file__).parents[2] / "dbt_project"
AS_OF = date(2026, 8, 20)
STEPS = ("askings", "subjects", "observations", "inputs", "settings", "years", "milestones", "projections", "verdicts")
EXACT = (
    "verdict", "last_verdict", "reason", "pace_status", "growth_status", "growth_reason", "base_source",
    "missing_periods", "methods_disagree", "is_provisional", "is_stale", "is_of_record", "evaluated_on", "value_date",
    "later_value_date", "reached_on", "lost_on", "base_value", "later_value", "change_on_period", "change_on_year",
)  # fmt: skip
ROUNDED = (
    "latest_value", "elapsed_share", "completion_share", "pace_ratio", "plain_rate", "growth_rate", "growth_ratio",
    "yearly_amount_needed",
)  # fmt: skip
WORDS = {
    "verdict": {
        "reached", "ahead", "on_schedule", "slightly_behind", "behind", "lost", "growing", "flat", "falling",
        "not_falling", "met", "not_met", "open", "stale", "not_assessable", None,
    },
    "growth_status": {"on_track", "needs_acceleration", "limited", "deteriorating", "not_assessable", None},
    "reason": {"no_base", "no_distance", "too_early", "gap", "no_subtasks", "no_observation_after_base", None},
    "growth_reason": {
        "no_base", "base_not_positive", "no_distance", "sign_change", "too_early", "no_observation_after_base", None,
    },
    "methods_disagree": {True, False, None},
}  # fmt: skip


@pytest.fixture(scope="module")
def models(warehouse_server: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Models]:
    """The project's own SQL, compiled once; its seeds stand in the database."""
    from dbt.cli.main import dbtRunner

    address = connections.url("builder")
    target = tmp_path_factory.mktemp("dbt")
    environment = {
        "DBT_HOST": str(address.host), "DBT_PORT": str(address.port), "DBT_USER": str(address.username),
        "DBT_PASSWORD": str(address.password), "DBT_DBNAME": str(address.database), "DO_NOT_TRACK": "1",
        "DBT_TARGET_PATH": str(target), "DBT_LOG_PATH": str(target / "logs"),
    }  # fmt: skip
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment.items():
            patch.setenv(name, value)
        common = ["--project-dir", str(PROJECT), "--profiles-dir", str(PROJECT), "--quiet"]
        common += ["--vars", f"{{as_of: {AS_OF}}}"]
        manifest = None
        for command in (
            ["parse"],
            ["seed", "--full-refresh", "--select", "path:seeds/plan"],
            ["compile", "--select", "path:models/marts/plan"],
        ):
            done = dbtRunner(manifest=manifest).invoke([*command, *common])
            assert done.success, done.exception or done.result
            manifest = manifest or done.result
    compiled = target / "compiled" / "dongli_ip" / "models" / "marts" / "plan"
    with psycopg.connect(connections.dsn("builder"), autocommit=True) as connection:
        yield Models(connection, compiled)


class Models:
    """Runs the compiled models over generated indicators; every trace vanishes with the transaction."""

    def __init__(self, connection: psycopg.Connection, compiled: Path) -> None:
        self.connection = connection
        self.sql = {
            name: self._localised((compiled / "working" / f"int_progress_{name}.sql").read_text()) for name in STEPS
        }
        self.seen: dict[str, set[Any]] = {column: set() for column in WORDS}
        self.components = self._localised((compiled / "indicator_components.sql").read_text())

    @staticmethod
    def _localised(sql: str) -> str:
        """Point every relation that a case fills or a step makes at a table of the same name in a schema of our own."""
        return re.sub(r'"\w+"\."(?:core|build_candidate)"\."(\w+)"', r'twin."\1"', sql)

    def judge(self, cases: list[tuple[twin.Case, twin.Case]]) -> dict[tuple[int, str, date], dict[str, Any]]:
        """Verdict rows by number of the case, basis and day asked."""
        with self.connection.transaction(force_rollback=True), self.connection.cursor(row_factory=dict_row) as cursor:
            cursor.execute(
                "truncate reference.plans, reference.plan_indicators, reference.plan_components,"
                " reference.house_components, reference.milestones"
            )
            cursor.execute(
                "insert into reference.plans values"
                " ('T', '规划', 'plan', '999', '2020-12-31', '2021-01-01', '2025-12-31')"
            )
            cursor.execute("create schema twin")
            cursor.execute(
                "create table twin.indicator_values (plan_code text, indicator_code text, component_code text,"
                " area_code text, basis text, value numeric, is_provisional boolean, period_end date)"
            )
            for number, pair in enumerate(cases):
                _insert(cursor, str(number), pair)
            cursor.execute("create table twin.indicator_components as " + self.components)
            for name in STEPS:
                cursor.execute(f"create table twin.int_progress_{name} as {self.sql[name]}")
                cursor.execute(f"analyze twin.int_progress_{name}")
            rows = cursor.execute(
                "select v.*, p.projected_value, p.projected_low, p.projected_high from twin.int_progress_verdicts as v"
                " left join twin.int_progress_projections as p using (subject_id)"
            ).fetchall()
            states = cursor.execute("select subject_id, year, state from twin.int_progress_years").fetchall()
        years: dict[str, dict[int, str]] = {}
        for state in states:
            years.setdefault(state["subject_id"], {})[state["year"]] = state["state"]
        return {
            (int(row["indicator_code"]), row["basis"], row["asked_on"]): {
                **row,
                "years": years.get(row["subject_id"], {}),
            }
            for row in rows
        }


def _number(value: Fraction | None) -> Decimal | None:
    return None if value is None else Decimal(value.numerator) / Decimal(value.denominator)


def _insert(cursor: psycopg.Cursor[Any], code: str, pair: tuple[twin.Case, twin.Case]) -> None:
    case = pair[0]
    cursor.execute(
        "insert into reference.plan_indicators (plan_code, indicator_code, name_zh, unit, target_rule, baseline_year,"
        " baseline_value, target_year, target_value, frequency, direction, closing_lag_days)"
        " values ('T', %s, '指标', '件', %s, %s, %s, %s, %s, %s, %s, %s)",
        [
            code, case.rule, None if case.plan_base is None else 2020, _number(case.plan_base), case.target_year,
            _number(case.target), case.frequency, case.direction, case.lag_days,
        ],
    )  # fmt: skip
    for task_number, task in enumerate(case.subtasks):
        cursor.execute(
            "insert into reference.milestones (plan_code, indicator_code, subtask_code, name_zh, document_number,"
            " due_date, accepted_date, known_at) values ('T', %s, %s, '任务', %s, %s, %s, %s)",
            [code, str(task_number), task.document, task.due, task.accepted, task.known_at],
        )
    with cursor.copy("copy twin.indicator_values from stdin") as copy:
        for one in pair:
            for when, seen in one.values.items():
                copy.write_row(("T", code, "total", "999", one.basis, _number(seen.value), seen.provisional, when))


def _series(
    chance: random.Random, frequency: str, base: Fraction | None, target: Fraction | None, shape: str
) -> dict[date, Any]:
    """Values at period ends: on one of the cuts, wandering, or random; some missing, the end cut off at times."""
    step = twin.PERIOD_MONTHS[frequency]
    ends = [twin.add_months(twin.BASE_ON, k * step) for k in range(-12 // step, 66 // step + 1)]
    missing = chance.choice([0, 0, 0.1, 0.5])
    until = chance.choice(
        [date(2020, 12, 31), date(2021, 12, 31), date(2023, 9, 30), date(2026, 12, 31), date(2026, 12, 31)]
    )
    since = chance.choice([date(2019, 1, 1), date(2019, 1, 1), date(2021, 2, 1), date(2022, 2, 1)])
    slope = chance.choice(["0.79", "0.8", "0.9", "1", "1.1", "1.2", "-0.3"])
    start = base if base is not None else Fraction(chance.randint(1, 20))
    goal = target if target is not None else start + 10
    walk = start
    values: dict[date, Any] = {}
    for when in ends:
        months = twin.whole_months(twin.BASE_ON, when) if when > twin.BASE_ON else 0
        walk += chance.choice([-1, 0, 1, 1, 2])
        if shape == "line":
            value = start + (goal - start) * Fraction(slope) * months / 60
            value = Fraction(round(value * 10**6), 10**6)
        elif shape == "walk":
            value = walk
        elif shape == "down":
            value = max(Fraction(0), Fraction(20 - months // 3 - chance.choice([0, 0, 0, 3])))
        else:
            value = Fraction(chance.randint(-2, 12))
        if since <= when <= until and chance.random() >= missing:
            values[when] = twin.Observation(value, chance.random() < 0.1)
    if chance.random() < 0.1:
        odd = twin.BASE_ON + timedelta(days=chance.randint(1, 1500))
        values[odd] = twin.Observation(Fraction(chance.randint(0, 12)), False)
    return values


RULES = ["at_least"] * 6 + ["keep_growing", "fall_to_zero", "at_least_every_year", "reach_milestone", "monitor"]


@st.composite
def indicators(draw: st.DrawFn) -> tuple[twin.Case, twin.Case]:
    """One indicator, as known at closing and as known now."""
    rule = draw(st.sampled_from(RULES))
    chance = random.Random(draw(st.integers(0, 2**32 - 1)))
    frequency = draw(st.sampled_from(["monthly", "quarterly", "annual", "annual"]))
    shape = draw(st.sampled_from(["line", "walk", "random", "down"]))
    base = draw(st.sampled_from([None, None, -3, 0, 1, 5, 10, 10, 12, Fraction("17.5")]))
    target = None if rule == "keep_growing" else draw(st.sampled_from([-1, 0, 1, 5, 10, 20, Fraction("12.5")]))
    if rule == "fall_to_zero":
        target = 0
    directions = ["down"] if rule == "fall_to_zero" else ["none", "up"] if rule == "monitor" else ["up", "up", "down"]
    subtasks = []
    if rule == "reach_milestone":
        for _ in range(chance.randint(0, 3)):
            quarter = twin.add_months(twin.BASE_ON, 3 * chance.randint(1, 20))
            accepted = quarter + timedelta(days=chance.choice([-200, -1, 0, 1, 100])) if chance.random() < 0.8 else None
            known = (
                accepted + timedelta(days=chance.choice([0, 30, 31, 400]))
                if accepted and chance.random() < 0.7
                else None
            )
            subtasks.append(
                twin.SubTask(quarter, accepted, chance.choice(["津知发1号", "津知发1号", None, " "]), known)
            )
    common: dict[str, Any] = {
        "rule": rule, "frequency": frequency, "direction": draw(st.sampled_from(directions)),
        "lag_days": draw(st.sampled_from([30, 90])), "plan_base": None if base is None else Fraction(base),
        "target": None if target is None else Fraction(target),
        "target_year": draw(st.sampled_from([2025, 2025, 2025, 2023])),
        "subtasks": tuple(subtasks),
    }  # fmt: skip
    closing, latest = (_series(chance, frequency, common["plan_base"], common["target"], shape) for _ in range(2))
    return twin.Case(**common, basis="at_closing", values=closing), twin.Case(**common, basis="latest", values=latest)


@dataclass(repr=False)
class Batch:
    """Indicators of one run; hypothesis prints its arguments, and these would fill a screen each."""

    cases: list[tuple[twin.Case, twin.Case]]


def _askings() -> list[date]:
    quarter_ends = [twin.add_months(twin.BASE_ON, 3 * k) for k in range(1, 23)]
    return [*quarter_ends, date(2026, 7, 31)]


def _same(name: str, mine: Any, theirs: Any) -> bool:
    if mine is None or theirs is None:
        return mine is theirs
    if name in ROUNDED:
        return abs(Decimal(theirs) - (_number(mine) if isinstance(mine, Fraction) else mine)) < Decimal("1e-11")
    return (_number(mine) if isinstance(mine, Fraction) else mine) == theirs


def _differences(case: twin.Case, asked: date, row: dict[str, Any]) -> list[str]:
    mine = twin.judge(case, asked)
    found = [
        f"{name}: twin {getattr(mine, name)!r}, marts {row[name]!r}"
        for name in (*EXACT, *ROUNDED)
        if not _same(name, getattr(mine, name), row[name])
    ]
    if case.rule == "at_least_every_year" and row["years"] != mine.years:
        found.append(f"years: twin {mine.years}, marts {row['years']}")
    if (mine.projected_value is None) != (row["projected_value"] is None):
        found.append(f"projection: twin {mine.projected_value}, marts {row['projected_value']}")
    elif mine.projected_value is not None and mine.projected_half_width is not None:
        value, half = _number(mine.projected_value), mine.projected_half_width
        assert value is not None
        if abs(row["projected_value"] - value) > Decimal("1e-5"):
            found.append(f"projected_value: twin {value}, marts {row['projected_value']}")
        # the twin's table of quantiles has three decimals
        for column, expected in (("projected_low", value - half), ("projected_high", value + half)):
            if abs(row[column] - expected) > half / 2000 + Decimal("1e-5"):
                found.append(f"{column}: twin {expected}, marts {row[column]}")
    return found


@settings(
    max_examples=int(os.environ.get("TWIN_EXAMPLES", "4")),
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)
@given(batch=st.lists(indicators(), min_size=50, max_size=50).map(Batch))
def test_marts_and_twin_agree(models: Models, batch: Batch) -> None:
    cases = batch.cases
    rows = models.judge(cases)
    assert len(rows) == len(cases) * 2 * len(_askings())
    problems = []
    for (number, basis, asked), row in rows.items():
        for column, seen in models.seen.items():
            seen.add(row[column])
        case = cases[number][0 if basis == "at_closing" else 1]
        problems += [f"{difference} | asked {asked} | {case}" for difference in _differences(case, asked, row)]
    assert not problems, f"{len(problems)} differences, the first:\n" + "\n".join(problems[:5])


def test_every_word_was_met(models: Models) -> None:
    """Agreement proves little about verdicts that no generated case came to."""
    assert models.seen == WORDS
