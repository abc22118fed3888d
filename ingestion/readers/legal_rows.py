"""One record of legal status → rows of raw.cnipa_legal_status__events: what its XML and its text layout share."""

from __future__ import annotations

import json
from datetime import date
from hashlib import blake2b, sha256
from typing import NamedTuple

from ingestion import legal_events, numbers, text
from ingestion.declarations import declaration
from ingestion.readers.rows import EARLIEST, LATEST, Batch, day

SOURCE = "cnipa_legal_status"

#: a design is 外观设计专利, an invention 发明专利; the codes are those of applType
_PATENT_TYPES = {"发明": "invention", "实用新型": "utility_model", "外观设计": "design"}
_APPLICATION_TYPES = {"10": "invention", "20": "utility_model", "30": "design"}

# places in the tuple of content columns
_NUMBER_STATUS_AT = 5
_EVENT_TYPE_AT = 10


class Record(NamedTuple):
    """What one record says, as received."""

    record_id: str | None  # None: its content is its identity
    standard: str | None
    original: str | None
    filed: str | None
    patent_type: str | None
    application_type: str | None
    announced: str | None
    code: str | None
    name: str | None
    information: str | None
    indicator: str | None
    status: str | None


class Events:
    """Rows of one file on their way into batches. A record that stands twice in it, alike in all, is kept once."""

    def __init__(self, layout: str) -> None:
        self.batch = Batch(declaration(SOURCE).table_of(layout).schema)
        self._seen: set[bytes] = set()
        self._row_no = 0

    def add(self, record: Record, place: str, source_file_name: str) -> None:
        """The events of a record; RowProblem when it is not fit, and then nothing is added."""
        rows = event_rows(record)
        batch = self.batch
        batch.rows_read += len(rows)
        digest = blake2b("\x1f".join(one or "" for one in record).encode("utf-8", "replace"), digest_size=16).digest()
        if digest in self._seen:
            batch.duplicates += len(rows)
            return
        self._seen.add(digest)
        batch.counts[f"application_number_{rows[0][_NUMBER_STATUS_AT]}"] += 1
        for values in rows:
            batch.counts[f"events_{values[_EVENT_TYPE_AT]}"] += 1
            self._row_no += 1
            batch.add(self._row_no, place, values, source_file_name)


def event_rows(record: Record) -> list[tuple[object, ...]]:
    """Columns record_id … quality_flags of each event of a record, in the order of the declaration."""
    announced = day("announcement_date", record.announced)
    received = legal_events.scrubbed_identity(record.information) if record.information else None
    info = legal_events.read(received)
    flags: list[str] = []
    filing_date = _filing_date(record.filed or info.filed, flags)
    number = _number(record, info.number, filing_date, flags)
    patent_type = _patent_type(record, number.standard, flags)
    if announced is None:
        flags.append("no_announcement_date")
    code, name = text.clean_code(record.code), text.clean_name(record.name)
    kept = legal_events.scrubbed(received)
    record_id = record.record_id or _identity(number, announced, code, name or info.title, kept)
    return [
        (
            record_id,
            event_no,
            number.standard,
            number.display,
            number.received,
            number.status,
            filing_date,
            patent_type,
            code,
            name,
            event.event_type,
            event.effective_date,
            announced,
            event.contract_number,
            event.licence_kind,
            event.change_item,
            event.group_no,
            event.is_unchanged,
            _as_json(event.from_names),
            _as_json(event.to_names),
            event.from_names[0] if event.from_names else None,
            event.to_names[0] if event.to_names else None,
            event.from_address,
            event.to_address,
            event.start_date,
            event.release_date,
            # `0` is a value of this flag, not a missing one
            record.indicator.strip() or None if record.indicator else None,
            record.status,
            kept,
            event.untyped_reason,
            ";".join([*flags, *event.flags]) or None,
        )
        for event_no, event in enumerate(legal_events.events_of(code, name, info, received, announced), 1)
    ]


def _filing_date(value: str | None, flags: list[str]) -> date | None:
    """A day of filing that cannot be read does not take its event away."""
    try:
        found = text.parse_date(value)
    except text.BadDate:
        found = LATEST.replace(year=2100)
    if found is not None and not EARLIEST <= found <= LATEST:
        flags.append("bad_filing_date")
        return None
    return found


def _number(
    record: Record, in_text: str | None, filing_date: date | None, flags: list[str]
) -> numbers.ApplicationNumber:
    """The record's own number; the one that its text states where the record has none."""
    own = numbers.parse_both(record.standard, record.original, filing_date)
    if in_text is None:
        return own
    stated = numbers.parse_application(in_text, filing_date)
    if own.status == "missing":
        return stated
    if own.standard and stated.standard and own.standard != stated.standard:
        flags.append("other_number_in_text")
    return own


def _patent_type(record: Record, standard: str | None, flags: list[str]) -> str | None:
    said = text.clean_name(record.patent_type) or ""
    found = next((kind for word, kind in _PATENT_TYPES.items() if word in said), None)
    found = found or _APPLICATION_TYPES.get(record.application_type or "")
    of_number = _APPLICATION_TYPES.get(standard[:2]) if standard else None
    if found and of_number and found != of_number:
        flags.append("patent_type_disagrees")
    return found


def _identity(number: numbers.ApplicationNumber, *content: object) -> str:
    said = "\x1f".join("" if one is None else str(one) for one in (number.standard or number.received, *content))
    return "T" + sha256(said.encode("utf-8", "replace")).hexdigest()[:24]


def _as_json(names: tuple[str, ...]) -> str | None:
    return json.dumps(names, ensure_ascii=False) if names else None
