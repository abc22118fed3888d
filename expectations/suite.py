"""Rules as code, run by Great Expectations in an ephemeral context.

A rule is what the house wants to know: its words in two languages, its weight, and the expectation that tests it.
Great Expectations is imported only when a suite runs: the import alone takes ten seconds and more.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from sqlalchemy import URL

Severity = Literal["error", "warn"]


@dataclass(frozen=True)
class Rule:
    """One check of a suite.

    `expectation` gets the module `great_expectations.expectations` and returns the expectation that tests the rule.
    """

    name: str
    expectation: Callable[[Any], Any]
    reason_zh: str
    reason_en: str
    severity: Severity = "error"
    object: str = ""
    owner: str = ""
    expected: str = ""


@dataclass(frozen=True)
class Finding:
    """What came of one rule: `status` pass, fail, or error when it could not be tested at all.

    `rows` holds the values of the unexpected rows, as far as Great Expectations names them.
    """

    rule: Rule
    status: Literal["pass", "fail", "error"]
    observed: str = ""
    failing_count: int = 0
    rows: Sequence[Mapping[str, Any]] = field(default=(), compare=False)


def on_frame(name: str, frame: Any, rules: Sequence[Rule], index: Sequence[str]) -> list[Finding]:
    """Test a data frame whose rows are told apart by the columns `index`."""
    gx = _import()
    context = gx.get_context(mode="ephemeral")
    asset = context.data_sources.add_pandas(name).add_dataframe_asset(name)
    batch = asset.add_batch_definition_whole_dataframe(name)
    return _run(gx, context, name, batch, rules, index, {"dataframe": frame})


def on_table(name: str, address: URL, schema: str, table: str, rules: Sequence[Rule]) -> list[Finding]:
    """Test a table where it lies."""
    gx = _import()
    context = gx.get_context(mode="ephemeral")
    # Great Expectations knows Postgres by its older driver only
    dsn = address.set(drivername="postgresql+psycopg2").render_as_string(hide_password=False)
    source = context.data_sources.add_postgres(name, connection_string=dsn.replace("$", r"\$"))
    batch = source.add_table_asset(table, table_name=table, schema_name=schema).add_batch_definition_whole_table(name)
    try:
        return _run(gx, context, name, batch, rules, [], {})
    finally:
        source.get_execution_engine().close()


def _import() -> Any:
    os.environ["GX_ANALYTICS_ENABLED"] = "false"
    import great_expectations as gx

    logging.getLogger("great_expectations").setLevel(logging.WARNING)
    return gx


def _run(
    gx: Any,
    context: Any,
    name: str,
    batch: Any,
    rules: Sequence[Rule],
    index: Sequence[str],
    parameters: dict[str, Any],
) -> list[Finding]:
    context.variables.progress_bars = {"globally": False, "metric_calculations": False}
    expectations = []
    for rule in rules:
        expectation = rule.expectation(gx.expectations)
        expectation.severity = "critical" if rule.severity == "error" else "warning"
        expectation.meta = {"rule": rule.name}
        expectations.append(expectation)
    suite = context.suites.add(gx.ExpectationSuite(name=name, expectations=expectations))
    validation = context.validation_definitions.add(gx.ValidationDefinition(name=name, data=batch, suite=suite))
    wanted: dict[str, Any] = {"result_format": "COMPLETE"}
    if index:
        wanted["unexpected_index_column_names"] = list(index)
    result = validation.run(batch_parameters=parameters or None, result_format=wanted)
    by_name = {one.expectation_config.meta["rule"]: one for one in result.results}
    return [_finding(rule, by_name[rule.name], index) for rule in rules]


def _finding(rule: Rule, result: Any, index: Sequence[str]) -> Finding:
    found = result.result or {}
    if error := _exception(result.exception_info):
        return Finding(rule, "error", error[:500])
    if result.success:
        return Finding(rule, "pass", _observed(found))
    rows = [dict(row) for row in found.get("unexpected_index_list") or []]
    if not rows and isinstance(found.get("details"), dict):
        rows = [dict(row) for row in found["details"].get("unexpected_rows") or []]
    count = int(found.get("unexpected_count") or found.get("observed_value_count") or len(rows) or 1)
    told = "; ".join(_told(row, index) for row in rows[:5])
    return Finding(rule, "fail", told or _observed(found), max(count, len(rows)), rows)


def _told(row: Mapping[str, Any], index: Sequence[str]) -> str:
    values = [f"{key}={value}" for key, value in row.items() if key not in index]
    names = [str(row[key]) for key in index if key in row]
    return f"{' '.join(names)}: {', '.join(values)}" if names else ", ".join(values)


def _observed(found: Mapping[str, Any]) -> str:
    value = found.get("observed_value")
    return "" if value is None else str(value)[:200]


def _exception(info: Any) -> str:
    """The message of an expectation that could not run; Great Expectations nests it one level deeper for metrics."""
    if not isinstance(info, Mapping):
        return ""
    for one in [info, *(value for value in info.values() if isinstance(value, Mapping))]:
        if one.get("raised_exception"):
            return str(one.get("exception_message") or "the rule could not be tested")
    return ""
