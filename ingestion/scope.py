"""The load scope: which rows of a national feed are kept. Landing keeps the whole file; what is left out is counted."""

from __future__ import annotations

import re

import pyarrow as pa
import pyarrow.compute as pc

from ingestion.declarations import Declaration, ScopeRule


def in_scope(batch: pa.RecordBatch, declaration: Declaration, scope: str) -> pa.RecordBatch:
    """The rows of `batch` inside the scope of that name; the same object when all are.

    Rules about columns that the batch's table does not have say nothing about it: a table without any rule is kept.
    """
    if scope == "all":
        return batch
    rules = [rule for rule in declaration.load_scope.scopes[scope] if set(rule.columns) <= set(batch.schema.names)]
    if not rules:
        return batch
    mask = pa.array([False] * batch.num_rows, pa.bool_())
    for rule in rules:
        mask = pc.or_(mask, _matches(batch, rule))
    return batch if pc.all(mask, min_count=0).as_py() else batch.filter(mask)


def _matches(batch: pa.RecordBatch, rule: ScopeRule) -> pa.Array:
    if rule.matches is not None:
        pattern = f"^(?:{rule.matches})$"
    else:
        pattern = "|".join(re.escape(word) for word in rule.contains)
    mask = pa.array([False] * batch.num_rows, pa.bool_())
    for name in rule.columns:
        found = pc.match_substring_regex(batch.column(batch.schema.get_field_index(name)), pattern)
        mask = pc.or_(mask, pc.fill_null(found, False))
    return mask
