"""Findings to `ops.checks`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import psycopg

from expectations.suite import Finding


def write(
    connection: psycopg.Connection[Any],
    suite: str,
    findings: Iterable[Finding],
    *,
    source_id: str | None = None,
    release_id: str | None = None,
) -> None:
    """One row a rule; a failed rule on rows that name a load: one row for each of these loads."""
    for finding in findings:
        loads: list[int | None] = [*sorted({int(row["load_id"]) for row in finding.rows if "load_id" in row})]
        for load_id in loads or [None]:
            rows = [row for row in finding.rows if load_id is not None and int(row["load_id"]) == load_id]
            observed = (
                ", ".join(f"{key}={value}" for key, value in rows[0].items() if key != "load_id") if rows else None
            )
            rule = finding.rule
            connection.execute(
                """
                insert into ops.checks
                    (suite, check_name, object, severity, status, source_id, release_id, load_id, owner, observed,
                     expected, reason_zh, reason_en, failing_count)
                values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
                """,
                [
                    suite, rule.name, rule.object or None, rule.severity, finding.status, source_id, release_id,
                    load_id, rule.owner or None, (observed or finding.observed or None), rule.expected or None,
                    rule.reason_zh, rule.reason_en, len(rows) if loads else finding.failing_count,
                ],
            )  # fmt: skip
