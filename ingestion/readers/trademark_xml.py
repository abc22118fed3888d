"""Trademark documents of packages 132, 133, 134, 136 and 137: a zip of documents, or one bare XML file.

In a zip each record has a folder of its name, with its XML and perhaps its images, at whatever depth. A document that
is not fit is rejected alone; only what makes the archive itself unfit refuses the file.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cache, partial
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

import pyarrow as pa
from lxml import etree

from ingestion import archives, text
from ingestion.declarations import declaration
from ingestion.readers import BATCH_ROWS, Limits, Parsed, Reader, Refusal, xml_documents
from ingestion.readers import trademark_fields as where
from ingestion.readers.rows import Batch, RowProblem, reject

#: no mark is older, and no day is later but for the end of a right
EARLIEST, LATEST = date(1900, 1, 1), date(2099, 12, 30)

_SEPARATOR = "\ufdd0"  # no character: no text has a reason to hold it
_MARK_ID = re.compile(r"CN[0-9A-Z]{14}", re.ASCII)
_NAMED = re.compile(r"CN[0-9A-Z]{14}", re.ASCII | re.IGNORECASE)
_IMAGE = re.compile(r"\.(?:jpe?g|png|gif|bmp|tiff?)$", re.IGNORECASE)
_NUMBER = re.compile(r"第?(G?)0*([1-9]\d{0,10}[A-Z]{0,2})号?", re.ASCII)
_CLASS = re.compile(r"第?(\d{1,3})类?", re.ASCII)
_PERIOD_SIGN = re.compile(r"[至~～]")
_MASK = re.compile(r"[*＊]")
_STATES = tuple((re.compile(words), state) for words, state in where.STATE_WORDS)
_KINDS = tuple((re.compile(words), kind) for words, kind in where.KIND_WORDS)
_OTHER_DROPPED = re.compile(where.OTHER_DROPPED, re.IGNORECASE)
_OTHER_LEAVES, _OTHER_CHARACTERS = 50, 500

#: content columns of one row, without its place and hash
Values = tuple[object, ...]


class _Fields:
    """Compiled access to several fields at once; call it with an element → their texts, `` where there is none."""

    def __init__(self, fields: where.Paths):
        joined = f",'{_SEPARATOR}',".join([*(path for paths in fields.values() for path in paths), "''"])
        self._expression = etree.XPath(f"concat({joined})", smart_strings=False)
        self._names = [(name, len(paths)) for name, paths in fields.items()]
        self._size = sum(size for _, size in self._names) + 1

    def __call__(self, element: Any) -> dict[str, str]:
        texts: list[str] = self._expression(element).split(_SEPARATOR)
        if len(texts) != self._size:
            raise RowProblem("", None, "xml_malformed", "文献含非法字符", "the document holds an illegal character")
        found, at = {}, 0
        for name, size in self._names:
            said = texts[at : at + size]
            found[name] = said[0] if size == 1 else next((one for one in said if text.clean(one)), "")
            at += size
        return found


_IDENTITY, _MARK, _PARTY = _Fields(where.IDENTITY), _Fields(where.MARK), _Fields(where.PARTY)
_OWNER_ADDRESS = _Fields(where.OWNER_ADDRESS)
_TRANSFER, _LICENCE = _Fields(where.TRANSFER), _Fields(where.LICENCE)


class Identity(NamedTuple):
    """What every record says of itself; `record_id` is the mark with its class."""

    record_id: str
    mark_id: str
    registration_number: str | None
    nice_class: int | None
    nice_class_received: str | None


class Parties(NamedTuple):
    """One side of an event, or the owners of a mark; the address is that of the first."""

    names: list[str]
    first_en: str | None
    address: str | None = None
    province: str | None = None
    city: str | None = None
    county: str | None = None
    post_code: str | None = None

    @property
    def names_json(self) -> str:
        return json.dumps(self.names, ensure_ascii=False)

    @property
    def first(self) -> str | None:
        return self.names[0] if self.names else None

    @property
    def is_masked(self) -> bool:
        return any(_MASK.search(name) for name in self.names)


@dataclass
class Document:
    """The rows of one document, and those of its events that are not fit, by their ordinal in it."""

    identity: Identity
    rows: list[Values]
    problems: list[tuple[int, RowProblem]] = field(default_factory=list)
    duplicates: int = 0

    @property
    def rows_read(self) -> int:
        return len(self.rows) + len(self.problems) + self.duplicates


@dataclass(frozen=True)
class _Package:
    """How to read one package: `rows` turns a harmless root and its identity into a Document."""

    layout: str
    rows: Callable[[Any, Identity], Document]

    @property
    def schema(self) -> pa.Schema:
        return _schema(self.layout)


@cache
def _schema(layout: str) -> pa.Schema:
    return declaration("cnipa_trademarks").table_of(layout).schema


# ---- from the file to documents


def _read(path: Path, package: _Package, limits: Limits | None = None) -> Iterator[Parsed]:
    """Batches of one zip or of one bare document; see ingestion.readers."""
    bounds = limits or archives.Bounds()
    if xml_documents.is_archive(path):
        yield from _read_zip(path, package, bounds)
        return
    batch = Batch(package.schema)
    try:
        document = parse(path.read_bytes(), package, [path.stem])
    except RowProblem as problem:
        # the document is the file
        raise Refusal(
            problem.rule, problem.reason_zh, problem.reason_en, place=path.name, value=problem.value
        ) from None
    _add(batch, document, 1, path.name, path.name)
    yield batch.take()


def _read_zip(path: Path, package: _Package, limits: Limits) -> Iterator[Parsed]:
    batch = Batch(package.schema)
    with archives.Archive(path, limits) as archive:
        for folder in _without_document(archive):
            batch.rows_read += 1
            reasons = ("目录中没有 XML 文献", "the folder of this record holds no XML document")
            batch.rejects.append(reject(folder, "", None, "missing_document", *reasons))
        documents = xml_documents.members(archive, batch)

        repeated = _repeated(archive, documents, package)
        held: dict[str, list[_Held]] = {}
        for row_no, member in enumerate(documents, 1):
            file_name = PurePosixPath(member.name).name
            try:
                document = parse(archive.read(member), package, _names(member.name))
            except RowProblem as row_problem:
                batch.rows_read += 1
                batch.rejects.append(row_problem.reject(member.place, None))
            except archives.MemberProblem as problem:
                batch.rows_read += 1
                batch.rejects.append(
                    reject(problem.place, "", None, problem.rule, problem.reason_zh, problem.reason_en)
                )
            else:
                if document.identity.mark_id in repeated:
                    one = _Held(document, row_no, member.place, file_name)
                    held.setdefault(document.identity.record_id, []).append(one)
                else:
                    _add(batch, document, row_no, member.place, file_name)
            if len(batch.rows) >= BATCH_ROWS or len(batch.rejects) >= BATCH_ROWS:
                yield batch.take()
    for record_id, alike in held.items():
        _settle(batch, record_id, alike)
        if len(batch.rows) >= BATCH_ROWS or len(batch.rejects) >= BATCH_ROWS:
            yield batch.take()
    if batch.rows or batch.rejects or batch.rows_read:
        yield batch.take()


class _Held(NamedTuple):
    document: Document
    row_no: int
    place: str
    file_name: str


def _add(batch: Batch, document: Document, row_no: int, place: str, file_name: str) -> None:
    """The rows and the rejects of one document. Rows of one document share its ordinal in the file."""
    batch.rows_read += document.rows_read
    batch.duplicates += document.duplicates
    for values in document.rows:
        batch.add(row_no, place, values, file_name)
    for ordinal, problem in document.problems:
        batch.rejects.append(problem.reject(f"{place}#{ordinal}", None))


def _settle(batch: Batch, record_id: str, documents: list[_Held]) -> None:
    """One record in several documents: alike → one is kept; otherwise none, for nobody can tell which is right."""
    first = documents[0]
    at = batch.schema.names.index("nice_class_received") - 3
    # `9` and `09` are one class, however they are written
    said = {tuple(row[:at] + row[at + 1 :] for row in one.document.rows) for one in documents}
    if len(said) == 1:
        _add(batch, *first)
        for one in documents[1:]:
            batch.rows_read += one.document.rows_read
            batch.duplicates += len(one.document.rows) + one.document.duplicates
            for ordinal, problem in one.document.problems:
                batch.rejects.append(problem.reject(f"{one.place}#{ordinal}", None))
        return
    places = "、".join(one.place for one in documents[:4])
    reason_zh = f"记录 {record_id} 在本包多个文献中出现而内容不同（{places}），全部隔离"
    reason_en = f"{record_id} stands in several documents that differ ({places}): all quarantined"
    differing = _first_difference(batch.schema, [one.document.rows for one in documents])
    for one in documents:
        rows = max(one.document.rows_read, 1)
        batch.rows_read += rows
        batch.duplicates += one.document.duplicates
        for ordinal in range(1, rows - one.document.duplicates + 1):
            place = one.place if rows == 1 else f"{one.place}#{ordinal}"
            batch.rejects.append(reject(place, differing, record_id, "conflict", reason_zh, reason_en))


def _first_difference(schema: pa.Schema, documents: Sequence[list[Values]]) -> str:
    """The first column in which documents of one row each differ, else ``."""
    if any(len(rows) != 1 for rows in documents):
        return ""
    columns = zip(schema.names[3:], zip(*(rows[0] for rows in documents), strict=True), strict=False)
    return next((name for name, values in columns if len(set(values)) > 1), "")


def _names(path: str) -> list[str]:
    """What a document's path says of its identity: its own name and that of its folder."""
    parts = PurePosixPath(path)
    return [parts.stem, parts.parent.name]


def _without_document(archive: archives.Archive) -> list[str]:
    """Folders of a record (by their name, or by an image in them) that hold no XML."""
    filled = {str(PurePosixPath(one.place).parent) for one in xml_documents.documents(archive)}
    folders = [str(PurePosixPath(member.place).parent) for member in archive.members if _IMAGE.search(member.name)]
    folders += [folder for folder in archive.folders if _NAMED.fullmatch(PurePosixPath(folder).name)]
    return [folder for folder in dict.fromkeys(folders) if folder not in filled and folder != "."]


def _repeated(archive: archives.Archive, documents: list[archives.Member], package: _Package) -> set[str]:
    """Mark ids that more than one document of the archive has.

    Names tell (a document that contradicts its own name is rejected later); a document whose path does not tell is
    read once more for it.
    """
    counts: Counter[str] = Counter()
    for member in documents:
        named = [name.upper() for name in _names(member.name) if _NAMED.fullmatch(name)]
        if named:
            counts[named[0]] += 1
            continue
        try:
            counts[parse(archive.read(member), package, []).identity.mark_id] += 1
        except (RowProblem, archives.MemberProblem):
            continue  # rejected in its turn
    return {mark_id for mark_id, count in counts.items() if count > 1}


# ---- from a document to rows


def parse(document: bytes, package: _Package, names: Iterable[str]) -> Document:
    """The rows of one document; RowProblem when it is not fit. names: what its path says, compared with its content."""
    root = xml_documents.root(document)
    if root.tag != where.ROOT:
        raise RowProblem("", str(root.tag), "unknown_document", "不是商标文献", "this is no trademark document")
    identity = _identity(_IDENTITY(root))
    for name in names:
        if _NAMED.fullmatch(name) and name.upper() != identity.mark_id:
            raise RowProblem(
                "mark_id",
                identity.mark_id,
                "name_disagrees",
                f"文献内商标标识与目录或文件名（{name}）不一致",
                f"the document contradicts its folder or file name ({name})",
            )
    return package.rows(root, identity)


def _identity(found: dict[str, str]) -> Identity:
    mark_id = text.clean_code(found["mark_id"])
    if mark_id is None:
        raise RowProblem("mark_id", None, "missing_key", "缺少商标标识 MARK_CN_ID", "the mark's identity is missing")
    if not _MARK_ID.fullmatch(mark_id):
        raise RowProblem(
            "mark_id",
            found["mark_id"],
            "bad_number",
            "商标标识不是 CN 加14位",
            "the mark's identity is not CN and 14 digits",
        )
    received = text.clean(found["nice_class"])
    nice_class = _nice_class(received)
    key = f"{nice_class:02}" if nice_class else (received or "00")[:20]
    number = _number("registration_number", found["registration_number"])
    return Identity(f"{mark_id}-{key}", mark_id, number, nice_class, received)


def _nice_class(received: str | None) -> int | None:
    """1 to 45 of `9`, `09` or `第9类`; None where it is blank or no class."""
    found = _CLASS.fullmatch(received.replace(" ", "")) if received else None
    number = int(found[1]) if found else 0
    return number if 1 <= number <= 45 else None


def _number(column: str, received: str) -> str | None:
    """A registration or application number in its normal form, without leading zeros."""
    code = text.clean_code(received)
    if code is None:
        return None
    found = _NUMBER.fullmatch(code)
    if found is None:
        raise RowProblem(column, received, "bad_number", "注册号或申请号格式不符", "this is no number of a trademark")
    return found[1] + found[2]


def _day(column: str, received: str) -> date | None:
    """A day of a row; RowProblem bad_date when it is no day or outside of what a mark can have."""
    try:
        found = text.parse_date(received)
    except text.BadDate:
        found = text.NO_END
    if found is not None and not EARLIEST <= found <= LATEST:
        raise RowProblem(
            column, received, "bad_date", "日期无法识别或不在合理范围", "not a date, or not one that a mark can have"
        )
    return found


def _span(written: str) -> tuple[str, str] | None:
    """Both days of `2012-11-21 至 2022-11-20`; None where there is only one, or none."""
    parts = _PERIOD_SIGN.split(written)
    return (parts[0], parts[1]) if len(parts) == 2 else None


def _period(start_column: str, start: str, end_column: str, end: str) -> tuple[date | None, date | None, bool]:
    """(first day, last day, has no end): of two fields, each of which may hold both as `2012-11-21 至 2022-11-20`."""
    start, end_by_start = _span(start) or (start, "")
    start_by_end, end = _span(end) or ("", end)
    if end_by_start and end.strip() and _day(end_column, end_by_start) != _day(end_column, end):
        raise RowProblem(
            end_column, f"{end_by_start} ≠ {end}", "dates_disagree", "两处终止日不一致", "two ends disagree"
        )
    start, end = start if start.strip() else start_by_end, end if end.strip() else end_by_start
    first = _day(start_column, start)
    try:
        if text.parse_date(end) == text.NO_END:
            return first, None, True
    except text.BadDate:
        pass  # said by _day
    last = _day(end_column, end)
    if first is not None and last is not None and last < first:
        raise RowProblem(
            end_column,
            f"{first} > {last}",
            "dates_disagree",
            "终止日早于起始日",
            "the period ends before it begins",
        )
    return first, last, False


def _state(received: str | None) -> str | None:
    """The state that a word says, None where it is not known."""
    if received is None:
        return None
    word = received.replace(" ", "")
    return next((state for words, state in _STATES if words.search(word)), None)


def _parties(elements: Sequence[Any]) -> Parties:
    """One side, in the order that the sequences give where all have one."""
    numbers = [element.get("sequence", "") for element in elements]
    if all(number.isascii() and number.isdigit() for number in numbers):
        elements = [one for _, one in sorted(zip(numbers, elements, strict=True), key=lambda pair: int(pair[0]))]
    names: list[str] = []
    first: dict[str, str] | None = None
    for element in elements:
        found = _PARTY(element)
        said = text.split_names(found["name_zh"]) or text.split_names(found["name_en"])
        if said and first is None:
            first = found
        names += said
    if first is None:
        return Parties([], None)
    written, address = text.split_post_code(first["address"])
    return Parties(
        names,
        text.clean_name(first["name_en"]),
        address,
        text.clean_place_name(first["province"]),
        text.clean_place_name(first["city"]),
        text.clean_place_name(first["county"]),
        text.post_code(first["post_code"]) or written,
    )


def _owners(root: Any) -> Parties:
    for tag in where.OWNERS:
        folder = root.find(tag)
        if folder is None:
            continue
        inner = [one for one in folder if isinstance(one.tag, str) and len(one)]
        owners = _parties(inner or [folder])
        if owners.names and owners.address is None:
            written, address = text.split_post_code(_OWNER_ADDRESS(root)["address"])
            owners = owners._replace(address=address, post_code=owners.post_code or written)
        if owners.names:
            return owners
    return Parties([], None)


def _services(root: Any) -> str | None:
    folder = root.find(where.SERVICES)
    if folder is None:
        return None
    parts = [text.clean(one) for one in folder.itertext()]
    return ";".join(part for part in parts if part is not None) or None


def _other_info(root: Any) -> str | None:
    """Leaves of OTHERINFO without a column, as a JSON object: what a described format holds beyond its description."""
    folder = root.find(where.OTHER)
    if folder is None:
        return None
    found: dict[str, str] = {}
    for element in folder.iterdescendants():
        if not isinstance(element.tag, str) or len(element) or len(found) >= _OTHER_LEAVES:
            continue
        path = "/".join(
            [*reversed([one.tag for one in element.iterancestors() if one is not folder][:-1]), element.tag]
        )
        value = text.clean(element.text)
        if value is not None and path not in where.OTHER_READ and not _OTHER_DROPPED.search(path):
            found.setdefault(path, value[:_OTHER_CHARACTERS])
    return json.dumps(found, ensure_ascii=False, sort_keys=True) if found else None


def _mark_rows(columns: Sequence[str], root: Any, identity: Identity) -> Document:
    """A document about a mark itself: one row, with those of its values that the package has a column for."""
    if all(root.find(sign) is None for sign in where.MARK_SIGNS):
        raise RowProblem(
            "", None, "unknown_document", "文献中没有商标基本信息", "the document says nothing of a mark itself"
        )
    found = _MARK(root)
    owners = _owners(root)
    types = list(dict.fromkeys(one for e in root.iterfind(where.MARK_TYPES) if (one := text.clean(e.text))))
    kinds = [kind for words, kind in _KINDS if any(words.search(one) for one in types)]
    state, notice = text.clean(found["state"]), text.clean(found["notice_status"])
    name = text.clean_title(found["name"])
    right_from, right_to, is_unlimited = _period("right_from", found["right_from"], "right_to", found["right_to"])
    values: dict[str, object] = {
        **identity._asdict(),
        "application_number": _number("application_number", found["application_number"]),
        "name": name,
        "mark_type": ";".join(types) or None,
        "mark_kind": kinds[0] if kinds else None,
        "is_territorial_extension": any(where.EXTENSION_WORD in one for one in types),
        "designations": text.clean(found["designations"]),
        "language": text.clean(found["language"]),
        "specified_colour": text.clean(found["specified_colour"]),
        "state_received": state,
        "state": _state(state),
        "notice_status_received": notice,
        "notice_state": _state(notice),
        "application_date": _day("application_date", found["application_date"]),
        "international_registration_date": _day(
            "international_registration_date", found["international_registration_date"]
        ),
        "recognition_date": _day("recognition_date", found["recognition_date"]),
        "recognition_number": text.clean(found["recognition_number"]),
        "registration_date": _day("registration_date", found["registration_date"]),
        "right_from": right_from,
        "right_to": right_to,
        "priority_date": _day("priority_date", found["priority_date"]),
        "owner_names": owners.names_json,
        "owner_count": len(owners.names),
        "first_owner_name": owners.first,
        "owner_name_en": owners.first_en,
        "address_status": "received" if _has_place(owners) else "missing",
        "owner_address_text": owners.address,
        "province": owners.province,
        "city": owners.city,
        "county": owners.county,
        "post_code": owners.post_code,
        "service_text": _services(root),
        "other_info": _other_info(root),
        "is_right_unlimited": is_unlimited,
        "is_masked": owners.is_masked or bool(name and not _MASK.sub("", name).strip()),
    }
    return Document(identity, [tuple(values[column] for column in columns)])


def _has_place(owners: Parties) -> bool:
    return any((owners.address, owners.province, owners.city, owners.county, owners.post_code))


def _transfer(element: Any) -> dict[str, object]:
    found = _TRANSFER(element)
    return {
        "gazette_issue": text.clean(found["gazette_issue"]),
        "gazette_page": text.clean(found["gazette_page"]),
        "announcement_date": _day("announcement_date", found["announcement_date"]),
        **_sides(element, transferor=where.TRANSFEROR, transferee=where.TRANSFEREE),
    }


def _licence(element: Any) -> dict[str, object]:
    found = _LICENCE(element)
    term = text.clean(found["term"])
    try:
        first, last, is_unlimited = _period("licence_from", term or "", "licence_to", "")
    except RowProblem as problem:
        if problem.rule != "bad_date":
            raise
        first, last, is_unlimited = None, None, False  # a free text such as `五年`: kept as received
    return {
        "record_number": text.clean_code(found["record_number"]),
        "gazette_issue": text.clean(found["gazette_issue"]),
        "gazette_page": text.clean(found["gazette_page"]),
        "notice_type": text.clean(found["notice_type"]),
        "licensed_goods": text.clean(found["licensed_goods"]),
        "term_received": term,
        "licence_from": first,
        "licence_to": last,
        "announcement_date": _day("announcement_date", found["announcement_date"]),
        "is_licence_unlimited": is_unlimited,
        **_sides(element, licensor=where.LICENSOR, licensee=where.LICENSEE),
    }


def _sides(element: Any, **tags: str) -> dict[str, object]:
    """The two sides of an event; RowProblem missing_party when neither has a name."""
    values: dict[str, object] = {"is_masked": False}
    sides = {side: _side(element, tag) for side, tag in tags.items()}
    if not any(parties.names for parties in sides.values()):
        raise RowProblem("", None, "missing_party", "双方名称均缺失", "neither party has a name")
    for side, parties in sides.items():
        values |= {
            f"{side}_names": parties.names_json,
            f"first_{side}_name": parties.first,
            f"{side}_name_en": parties.first_en,
            f"{side}_address_text": parties.address,
        }
        values["is_masked"] = values["is_masked"] or parties.is_masked
    return values


def _side(element: Any, tag: str) -> Parties:
    """A side may be one element with its name, several of them, or one that holds several parties."""
    found = element.findall(tag)
    inner = [one for side in found for one in side if isinstance(one.tag, str) and len(one)]
    return _parties(inner or found)


def _event_rows(
    columns: Sequence[str], path: str, event: Callable[[Any], dict[str, object]], root: Any, identity: Identity
) -> Document:
    """A document about a mark's transfers or licences: one row an event. Alike events of one document are one."""
    elements = root.findall(path)
    if not elements:
        raise RowProblem("", None, "unknown_document", f"文献中没有 {path}", f"the document holds no {path}")
    document = Document(identity, [])
    numbers = _sequence([element.get("sequence", "") for element in elements])
    seen: set[Values] = set()
    for ordinal, (element, number) in enumerate(zip(elements, numbers, strict=True), 1):
        try:
            values: dict[str, object] = {**identity._asdict(), "sequence_no": number, **event(element)}
        except RowProblem as problem:
            document.problems.append((ordinal, problem))
            continue
        content = tuple(value for column, value in values.items() if column != "sequence_no")
        if content in seen:
            document.duplicates += 1
            continue
        seen.add(content)
        document.rows.append(tuple(values[column] for column in columns))
    return document


def _sequence(received: Sequence[str]) -> Sequence[int]:
    """The numbers that the events carry, where they are numbers and all different; else their ordinals."""
    if all(number.isascii() and number.isdigit() and len(number) < 9 for number in received):
        numbers = [int(number) for number in received]
        if len(set(numbers)) == len(numbers):
            return numbers
    return range(1, len(received) + 1)


def _package(layout: str) -> _Package:
    columns = _schema(layout).names[3:-1]
    if layout == "trademark_transfers_xml":
        return _Package(layout, partial(_event_rows, columns, where.TRANSFERS, _transfer))
    if layout == "trademark_licences_xml":
        return _Package(layout, partial(_event_rows, columns, where.LICENCES, _licence))
    return _Package(layout, partial(_mark_rows, columns))


def reader(layout: str) -> Reader:
    """The reader of one package, by the name of its layout."""

    def read(path: Path, *, limits: Limits | None = None) -> Iterator[Parsed]:
        yield from _read(path, _package(layout), limits)

    return read
