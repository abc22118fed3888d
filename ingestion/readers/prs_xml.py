"""PRSS documents of legal status: a zip of them, or one bare XML file; a document holds one record or several.

A record that is not fit is rejected alone, and so is a document; only what makes the archive itself unfit refuses the
file. Two records of the same id that differ are two announcements: an id is no proof of identity in this feed.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ingestion import archives
from ingestion.readers import BATCH_ROWS, Limits, Parsed, Refusal, xml_documents
from ingestion.readers.legal_rows import Events, Record
from ingestion.readers.rows import RowProblem, reject
from ingestion.readers.xml_documents import BASE, BUSINESS

_ROOT = BUSINESS + "PRS"
_RECORD = BUSINESS + "PRSRecord"
_REFERENCE = BUSINESS + "ApplicationReference"
_NUMBER, _DATE = BASE + "DocNumber", BASE + "Date"
_TYPE, _DAY, _CODE, _VALUE, _INFORMATION, _INDICATOR = (
    BUSINESS + name
    for name in ("IPRType", "PRSPublicationDate", "PRSCode", "PRSValue", "PRSInformation", "StatusIndicator")
)


def read(path: Path, *, limits: Limits | None = None) -> Iterator[Parsed]:
    """Batches of one zip or of one bare document; see ingestion.readers."""
    bounds = limits or archives.Bounds()
    events = Events("prss_xml")
    if xml_documents.is_archive(path):
        yield from _read_zip(path, bounds, events)
        return
    try:
        _add_document(events, path.read_bytes(), path.name, path.name)
    except RowProblem as problem:
        # the document is the file
        raise Refusal(
            problem.rule, problem.reason_zh, problem.reason_en, place=path.name, value=problem.value
        ) from None
    yield events.batch.take()


def _read_zip(path: Path, limits: Limits, events: Events) -> Iterator[Parsed]:
    batch = events.batch
    with archives.Archive(path, limits) as archive:
        for member in xml_documents.members(archive, batch):
            try:
                _add_document(events, archive.read(member), member.place, member.name.rpartition("/")[2])
            except RowProblem as problem:
                batch.rows_read += 1
                batch.rejects.append(problem.reject(member.place, None))
            except archives.MemberProblem as damage:
                batch.rows_read += 1
                batch.rejects.append(reject(damage.place, "", None, damage.rule, damage.reason_zh, damage.reason_en))
            if len(batch.rows) >= BATCH_ROWS or len(batch.rejects) >= BATCH_ROWS:
                yield batch.take()
    if batch.rows or batch.rejects or batch.rows_read:
        yield batch.take()


def _add_document(events: Events, document: bytes, place: str, file_name: str) -> None:
    """All records of a document; RowProblem when the document is not fit, or the only record that it has."""
    root = xml_documents.root(document)
    if root.tag != _ROOT:
        raise RowProblem(
            "", str(root.tag), "unknown_document", "不是法律状态文献", "this is no document of legal status"
        )
    records = list(root.iterchildren(_RECORD))
    if not records:
        raise RowProblem("", None, "no_records", "文献中没有法律状态记录", "the document holds no record")
    for element in records:
        try:
            events.add(_record(element, root), place, file_name)
        except RowProblem as problem:
            if len(records) == 1:
                raise
            events.batch.rows_read += 1
            events.batch.rejects.append(problem.reject(place, None))


def _record(element: Any, root: Any) -> Record:
    record_id = (element.get("PRSID") or "").strip()
    if not record_id:
        raise RowProblem("record_id", None, "missing_key", "缺少记录编号 PRSID", "the record has no PRSID")
    standard = original = filed = application_type = None
    said: dict[Any, str | None] = {}
    for child in element:
        tag = child.tag
        if tag == _REFERENCE:
            # either of the two numberings may come first
            number, day = _reference(child)
            if child.get("dataFormat") == "original":
                original, filed = original or number, day or filed
            else:
                standard, filed = standard or number, filed or day
            application_type = application_type or child.get("applType")
        elif tag == _DAY:
            said[tag] = next((part.text for part in child.iter(_DATE)), child.text)
        elif tag not in said:
            said[tag] = "".join(child.itertext()) if len(child) else child.text
    own, whole = element.get("status"), root.get("status")
    return Record(
        record_id=record_id,
        standard=standard,
        original=original,
        filed=filed,
        patent_type=said.get(_TYPE),
        application_type=application_type,
        announced=said.get(_DAY),
        code=said.get(_CODE),
        name=said.get(_VALUE),
        information=said.get(_INFORMATION),
        indicator=said.get(_INDICATOR),
        status="R" if "R" in (own, whole) else own or whole or None,
    )


def _reference(element: Any) -> tuple[str | None, str | None]:
    """Number and day of an ApplicationReference."""
    number = day = None
    for part in element.iter(_NUMBER, _DATE):
        if part.tag == _NUMBER:
            number = number or part.text
        else:
            day = day or part.text
    return number, day
