"""Rows of publications on their way into Arrow: one plain tuple a row, turned into columns a batch at a time."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from datetime import date
from hashlib import sha256
from typing import NamedTuple

import pyarrow as pa

from ingestion import text
from ingestion.numbers import ApplicationNumber, PublicationNumber
from ingestion.readers import PUBLICATION_SCHEMA, Parsed, Reject

#: kinds that announce a grant; A is the publication of an application
GRANT_KINDS = frozenset("BCUYSD")

EARLIEST = date(1985, 4, 1)  # the patent law's first day
EARLIEST_ABROAD = date(1883, 3, 20)  # the Paris convention's: no priority can be older
LATEST = date(2099, 12, 30)


#: places in the tuple of content columns
STATUS_AT = 8
TITLE_AT = 10
DOCUMENT_STATUS_AT = 25


class RowProblem(Exception):
    """A value for which its row or document is not loaded."""

    def __init__(self, field: str, value: str | None, rule: str, reason_zh: str, reason_en: str):
        super().__init__(reason_en)
        self.field = field
        self.value = value
        self.rule = rule
        self.reason_zh = reason_zh
        self.reason_en = reason_en

    def reject(self, place: str, row_text: str | None) -> Reject:
        """This problem at its place."""
        return reject(place, self.field, self.value, self.rule, self.reason_zh, self.reason_en, row_text)


def reject(
    place: str, field: str, value: str | None, rule: str, reason_zh: str, reason_en: str, row_text: str | None = None
) -> Reject:
    """A Reject within its bounds, and without the NUL bytes that no text column can hold."""
    return Reject(
        _bounded(place, 500) or "",
        field,
        _bounded(value, 500),
        rule,
        reason_zh,
        reason_en,
        _bounded(row_text, 2000),
    )


def _bounded(value: str | None, size: int) -> str | None:
    return None if value is None else value[:size].replace("\x00", "␀").encode("utf-8", "replace").decode()


class Owners(NamedTuple):
    """Owner columns of a row; `total` is None where the layout names the first owner only."""

    names: Sequence[str]
    total: int | None
    address: str | None
    province: str | None
    city: str | None
    county: str | None
    post_code: str | None
    organization_code: str | None


class Related(NamedTuple):
    """Agents, priorities, family and PCT data of a row, in the order of the columns; None where none is stated.

    Agents are natural persons: how many there are is all that is kept of them.
    """

    agent_count: int | None = None
    priority_count: int | None = None
    first_priority_date: date | None = None
    priority_numbers: str | None = None
    family_numbers: str | None = None
    pct_application_number: str | None = None
    pct_publication_number: str | None = None
    national_entry_date: date | None = None


NOTHING_RELATED = Related()


def day(field: str, value: str | None, earliest: date = EARLIEST) -> date | None:
    """A day of a row; RowProblem bad_date when it is no day or outside of what a patent can have."""
    try:
        found = text.parse_date(value)
    except text.BadDate:
        found = LATEST.replace(year=2100)
    if found is not None and not earliest <= found <= LATEST:
        raise RowProblem(
            field, value, "bad_date", "日期无法识别或不在合理范围", "not a date, or not one that a patent can have"
        )
    return found


def content(
    publication: PublicationNumber,
    publication_date: date | None,
    application: ApplicationNumber,
    filing_date: date | None,
    title: str | None,
    classes: Sequence[str],
    locarno: Sequence[str],
    owners: Owners,
    agency: str | None,
    inventor_count: int | None,
    status: str | None,
    related: Related = NOTHING_RELATED,
) -> tuple[object, ...]:
    """Columns publication_number … national_entry_date of PUBLICATION_SCHEMA, in order."""
    names = owners.names
    return (
        publication.number,
        publication.kind,
        publication.patent_type,
        publication_date,
        publication_date if publication.kind in GRANT_KINDS else None,
        application.standard,
        application.display,
        application.received,
        application.status,
        filing_date,
        title,
        ";".join(classes) or None,
        classes[0] if classes else None,
        ";".join(locarno) or None,
        as_json(names),
        owners.total,
        names[0] if names else None,
        owners.address,
        owners.province,
        owners.city,
        owners.county,
        owners.post_code,
        owners.organization_code,
        agency,
        inventor_count,
        status,
        *related,
    )


def priorities(claims: Sequence[tuple[str, date | None]]) -> tuple[int | None, date | None, str | None]:
    """priority_count, first_priority_date and priority_numbers of (number with its office, day) in order."""
    if not claims:
        return None, None, None
    days = [claimed for _, claimed in claims if claimed is not None]
    return len(claims), min(days, default=None), as_json([number for number, _ in claims])


def as_json(names: Sequence[str]) -> str:
    """A JSON array of cleaned texts."""
    joined = '", "'.join(names)
    if "\\" in joined or joined.count('"') != 2 * max(len(names) - 1, 0):
        return json.dumps(names, ensure_ascii=False)
    return f'["{joined}"]' if names else "[]"  # cleaned names hold no control character, so nothing needs an escape


def row_hash(values: tuple[object, ...]) -> str:
    """sha256 (hex) over the content columns: what a row says, wherever it stands. No column is ever an empty text."""
    return sha256("\x1f".join(["" if value is None else str(value) for value in values]).encode()).hexdigest()


class Batch:
    """Rows of one raw table, rejects and counts gathered until they are worth a Parsed.

    schema: `_row_no`, `_place` and `_row_hash` first, the content columns, `source_file_name` last.
    """

    def __init__(self, schema: pa.Schema = PUBLICATION_SCHEMA) -> None:
        self.schema = schema
        self.rows: list[tuple[object, ...]] = []
        self.rejects: list[Reject] = []
        self.rows_read = 0
        self.duplicates = 0
        self.counts: Counter[str] = Counter()

    def add(self, row_no: int, place: str, values: tuple[object, ...], source_file_name: str) -> None:
        """One row to load; counts nothing."""
        self.rows.append((row_no, place, row_hash(values), *values, source_file_name))

    def take(self) -> Parsed:
        """What was gathered, and start anew."""
        if self.rows:
            columns = [
                pa.array(column, type=field.type)
                for column, field in zip(zip(*self.rows, strict=True), self.schema, strict=True)
            ]
            batch = pa.RecordBatch.from_arrays(columns, schema=self.schema)
        else:
            batch = pa.RecordBatch.from_pylist([], schema=self.schema)
        parsed = Parsed(batch, self.rejects, self.rows_read, self.duplicates, dict(self.counts))
        self.rows, self.rejects, self.rows_read, self.duplicates = [], [], 0, 0
        self.counts = Counter()
        return parsed
