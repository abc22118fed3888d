"""Readers: one received file in, Arrow batches of one raw table out. Each layout has a reader of its name.

A reader is `read(path, *, limits) -> Iterator[Parsed]`. It streams: memory is bounded by one batch and by one small
digest a row. Whatever is wrong with a row or with one document comes out as a `Reject` and the rest goes on; whatever
is wrong with the file as a whole raises `Refusal`, possibly after batches were already yielded: the caller loads a
file in one transaction and gives up all of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Protocol

import pyarrow as pa


class Limits(Protocol):
    """Bounds on untrusted input. `ingestion.declarations.Limits` has them, and so has `archives.Bounds`."""

    @property
    def max_file_bytes(self) -> int: ...
    @property
    def max_members(self) -> int: ...
    @property
    def max_member_bytes(self) -> int: ...
    @property
    def max_total_bytes(self) -> int: ...
    @property
    def max_ratio(self) -> int: ...


@dataclass(frozen=True, slots=True)
class Reject:
    """One row or one document that is not loaded, and why.

    place: `第N行` or the path inside the zip; field: column of the raw table, or `` for the whole row; value: at
    most 500 characters as received; row_text: at most 2,000 characters, without the names of inventors and designers.
    """

    place: str
    field: str
    value: str | None
    rule: str
    reason_zh: str
    reason_en: str
    row_text: str | None = None


class Refusal(Exception):
    """The file as a whole is not loaded. `place` is `文件` or the member or line that gave the reason."""

    def __init__(self, rule: str, reason_zh: str, reason_en: str, *, place: str = "文件", value: str | None = None):
        super().__init__(f"{place}: {reason_zh} {reason_en}")
        self.rule = rule
        self.place = place
        self.value = None if value is None else value[:500]
        self.reason_zh = reason_zh
        self.reason_en = reason_en


@dataclass(frozen=True, slots=True)
class Parsed:
    """One step of a reader.

    batch: rows to load in the schema of their raw table, possibly empty; rejects: rows or documents refused in this
    step; rows_read: rows or documents met in this step; duplicates: rows alike another row of the file but for the row
    number, of which one was kept. Over a whole file rows_read = rows of all batches + duplicates + rejected rows; an
    unreadable archive inside an archive is a reject that is no row.

    counts: further figures of the file over ALL its rows, kept or not, to be added up over the steps:
    `application_number_<status>` (one for each row with a publication number), and for CSV files `keys` (distinct
    publication numbers) and `keys_repeated` (on several rows), of which `keys_alike`, `keys_conflict` (different names)
    and `keys_conflict_fields` (same name, other fields differ).
    """

    batch: pa.RecordBatch
    rejects: list[Reject]
    rows_read: int
    duplicates: int = 0
    counts: dict[str, int] = field(default_factory=dict)


#: columns of raw.cnipa_patents__publications that a reader gives; the loader adds _load_id, _known_at and _layout.
#: owner_names, priority_numbers and family_numbers are JSON arrays as text. _row_hash is sha256 (hex) over the cleaned
#: fields, so that it depends on neither the place nor the name of the file.
PUBLICATION_SCHEMA = pa.schema(
    [
        ("_row_no", pa.int64()),
        ("_place", pa.string()),
        ("_row_hash", pa.string()),
        ("publication_number", pa.string()),
        ("kind_code", pa.string()),
        ("patent_type", pa.string()),
        ("publication_date", pa.date32()),
        ("announcement_date", pa.date32()),
        ("application_number", pa.string()),
        ("application_number_display", pa.string()),
        ("application_number_received", pa.string()),
        ("application_number_status", pa.string()),
        ("filing_date", pa.date32()),
        ("title", pa.string()),
        ("ipc_codes", pa.string()),
        ("ipc_main", pa.string()),
        ("locarno_code", pa.string()),
        ("owner_names", pa.string()),
        ("owner_count", pa.int32()),
        ("first_owner_name", pa.string()),
        ("address_text", pa.string()),
        ("province", pa.string()),
        ("city", pa.string()),
        ("county", pa.string()),
        ("post_code", pa.string()),
        ("organization_code", pa.string()),
        ("agency_name", pa.string()),
        ("inventor_count", pa.int32()),
        ("document_status", pa.string()),
        ("agent_count", pa.int32()),
        ("priority_count", pa.int32()),
        ("first_priority_date", pa.date32()),
        ("priority_numbers", pa.string()),
        ("family_numbers", pa.string()),
        ("pct_application_number", pa.string()),
        ("pct_publication_number", pa.string()),
        ("national_entry_date", pa.date32()),
        ("source_file_name", pa.string()),
    ]
)

#: rows in one batch
BATCH_ROWS = 5_000

Reader = Callable[..., Iterator[Parsed]]


def _readers() -> dict[str, Reader]:
    from ingestion.readers import (
        bibs_csv,
        cnipa_xml,
        gazette_csv,
        prs_text,
        prs_xml,
        sei_json,
        trademark_xml,
        trs_text,
    )

    return {
        "bibs_xml": cnipa_xml.read,
        "bibs_csv": bibs_csv.read,
        "gazette_csv": gazette_csv.read,
        "trs_text": trs_text.read,
        "prss_xml": prs_xml.read,
        "prs_text": prs_text.read,
        "trademark_marks_xml": trademark_xml.reader("trademark_marks_xml"),
        "trademark_licences_xml": trademark_xml.reader("trademark_licences_xml"),
        "trademark_transfers_xml": trademark_xml.reader("trademark_transfers_xml"),
        "trademark_madrid_xml": trademark_xml.reader("trademark_madrid_xml"),
        "trademark_well_known_xml": trademark_xml.reader("trademark_well_known_xml"),
        "sei_json": sei_json.read,
    }


def __getattr__(name: str) -> dict[str, Reader]:
    # READERS is made on first use: the reader modules import this contract
    if name == "READERS":
        readers = globals()["READERS"] = _readers()
        return readers
    raise AttributeError(name)
