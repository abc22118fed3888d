"""BIBS-ABSS documents of the bulk feed: a zip of documents (one folder and one XML each), or one bare XML file.

A document that is not fit is rejected alone; only what makes the archive itself unfit refuses the file. Nothing a
document points to is ever fetched, and none of its entities is ever resolved.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from lxml import etree

from ingestion import archives, numbers, text
from ingestion.readers import BATCH_ROWS, Limits, Parsed, Refusal, xml_documents
from ingestion.readers.rows import GRANT_KINDS, STATUS_AT, TITLE_AT, Batch, Owners, RowProblem, content, day, reject

_BUSINESS = "{http://www.sipo.gov.cn/XMLSchema/business}"
_BASE = "{http://www.sipo.gov.cn/XMLSchema/base}"
_ROOT = _BUSINESS + "PatentDocumentAndRelated"
_PATENT, _DESIGN = _BUSINESS + "BibliographicData", _BUSINESS + "DesignBibliographicData"
_TEXT = _BASE + "Text"
_IPC_PARTS = tuple(_BUSINESS + name for name in ("Section", "MainClass", "Subclass", "MainGroup", "Subgroup"))

# Where each field stands, below the bibliographic data; `b:` is the business namespace, no prefix stands for none.
# One compiled expression fetches all of them as one text: many times cheaper than an object for each element.
_PUBLICATION_1 = "b:PublicationReference[1]/base:DocumentID/base:"
_PUBLICATION_2 = "b:PublicationReference[2]/base:DocumentID/base:"
_ORIGINAL = "b:ApplicationReference[@dataFormat='original'][1]/base:DocumentID/base:"
_STANDARD = "b:ApplicationReference[not(@dataFormat='original')][1]/base:DocumentID/base:"
_COMMON = {
    "number_1": _PUBLICATION_1 + "DocNumber",
    "kind_1": _PUBLICATION_1 + "Kind",
    "date_1": _PUBLICATION_1 + "Date",
    "number_2": _PUBLICATION_2 + "DocNumber",
    "kind_2": _PUBLICATION_2 + "Kind",
    "original": _ORIGINAL + "DocNumber",
    "original_filed": _ORIGINAL + "Date",
    "standard": _STANDARD + "DocNumber",
    "standard_filed": _STANDARD + "Date",
    "patent_number": "b:PatentNumber",
}
_AGENCY = "b:AgentDetails/b:Agent[1]/b:Agency/base:AddressBook/base:OrganizationName"
_PATENT_FIELDS = _COMMON | {
    "title": "b:InventionTitle",
    "symbols": "count(b:ClassificationIPCRDetails/b:ClassificationIPCR)",
    "inventors": "count(b:Parties/b:InventorDetails/b:Inventor)",
    "agency": f"b:Parties/{_AGENCY}",
    "locarno": "''",
}
_DESIGN_FIELDS = _COMMON | {
    "title": "b:DesignTitle",
    "symbols": "'0'",
    "inventors": "count(b:DesignerDetails/b:Designer)",
    "agency": _AGENCY,
    "locarno": "b:ClassificationLocarno/b:MainClassification",
}
# below the AddressBook of a party
_PARTY_FIELDS = {
    "county": "base:Address/base:County",
    "city": "base:Address/base:City",
    "province": "base:Address/base:Province",
    "post_code": "base:Address/base:PostCode",
    "address": "base:Address/base:Text",
    "organization_code": "../b:OrganizationCode",
}
# in a patent the parties stand under Parties, in a design directly under the bibliographic data
_APPLICANT, _ASSIGNEE = "b:ApplicantDetails/b:Applicant", "b:AssigneeDetails/b:Assignee"

#: CN + type, year, serial + CN + number (13) + kind + BIA, FUL or DBP + ZH + date + CN + check, which can hold `#`
_FILE_NAME = re.compile(r"CN\d{15}CN(\d{13})0?([ABCUYSD])[A-Z]{3}ZH\d{8}CN[^/]{0,8}\.XML", re.IGNORECASE | re.ASCII)


_SPACES = {"b": _BUSINESS[1:-1], "base": _BASE[1:-1]}
_SEPARATOR = "\ufdd0"  # no character: no text has a reason to hold it


class _Fields:
    """Compiled access to several fields at once; call it with an element → their texts, `` where there is none."""

    def __init__(self, fields: dict[str, str]):
        joined = f",'{_SEPARATOR}',".join(fields.values())
        self._expression = etree.XPath(f"concat({joined})", namespaces=_SPACES, smart_strings=False)
        self._size = len(fields)

    def __call__(self, element: Any) -> list[str]:
        texts: list[str] = self._expression(element).split(_SEPARATOR)
        if len(texts) != self._size:
            raise RowProblem("", None, "xml_malformed", "文献含非法字符", "the document holds an illegal character")
        return texts


class _Parties:
    """Compiled access to applicants or assignees: the names of all, the address of the first."""

    def __init__(self, path: str):
        self._names = etree.XPath(f"{path}/base:AddressBook/base:Name", namespaces=_SPACES, smart_strings=False)
        self._first = _Fields(_PARTY_FIELDS)

    def __call__(self, element: Any) -> Owners:
        found = self._names(element)
        names = [name for one in found if (name := text.clean_name(one.text)) is not None]
        if not names:
            return _NO_OWNERS
        county, city, province, post_code, address, organization_code = self._first(found[0].getparent())
        written, place = text.split_post_code(address)
        return Owners(
            names,
            len(names),
            place,
            text.clean_place_name(province),
            text.clean_place_name(city),
            text.clean_place_name(county),
            text.post_code(post_code) or written,
            text.clean_code(organization_code),
        )


@dataclass(frozen=True)
class _Shape:
    """How to read one of the two kinds of bibliographic data."""

    fields: _Fields
    applicants: _Parties
    assignees: _Parties


_NO_OWNERS = Owners([], 0, None, None, None, None, None, None)
_SHAPES = {
    _PATENT: _Shape(_Fields(_PATENT_FIELDS), _Parties(f"b:Parties/{_APPLICANT}"), _Parties(f"b:Parties/{_ASSIGNEE}")),
    _DESIGN: _Shape(_Fields(_DESIGN_FIELDS), _Parties(_APPLICANT), _Parties(_ASSIGNEE)),
}
_IPC_TEXTS = etree.XPath(
    "b:ClassificationIPCRDetails/b:ClassificationIPCR/base:Text/text()", namespaces=_SPACES, smart_strings=False
)
_IPC_SYMBOLS = etree.XPath("b:ClassificationIPCRDetails/b:ClassificationIPCR", namespaces=_SPACES, smart_strings=False)


def read(path: Path, *, limits: Limits | None = None) -> Iterator[Parsed]:
    """Batches of one zip or of one bare document; see ingestion.readers."""
    bounds = limits or archives.Bounds()
    if xml_documents.is_archive(path):
        yield from _read_zip(path, bounds)
        return
    batch = Batch()
    batch.rows_read = 1
    try:
        batch.add(1, path.name, parse(path.read_bytes(), path.name)[1], path.name)
    except RowProblem as problem:
        # the document is the file
        raise Refusal(
            problem.rule, problem.reason_zh, problem.reason_en, place=path.name, value=problem.value
        ) from None
    yield batch.take()


def _read_zip(path: Path, limits: Limits) -> Iterator[Parsed]:
    batch = Batch()
    with archives.Archive(path, limits) as archive:
        documents = xml_documents.members(archive, batch)
        repeated = _repeated(archive, documents)
        held: dict[str, list[tuple[int, str, tuple[object, ...], str]]] = {}
        for row_no, member in enumerate(documents, 1):
            batch.rows_read += 1
            file_name = PurePosixPath(member.name).name
            try:
                number, values = parse(archive.read(member), file_name)
            except RowProblem as row_problem:
                batch.rejects.append(row_problem.reject(member.place, None))
            except archives.MemberProblem as problem:
                batch.rejects.append(
                    reject(problem.place, "", None, problem.rule, problem.reason_zh, problem.reason_en)
                )
            else:
                batch.counts[f"application_number_{values[STATUS_AT]}"] += 1
                if number in repeated:
                    held.setdefault(number, []).append((row_no, member.place, values, file_name))
                else:
                    batch.add(row_no, member.place, values, file_name)
            if len(batch.rows) >= BATCH_ROWS or len(batch.rejects) >= BATCH_ROWS:
                yield batch.take()
    for number, rows in held.items():
        _settle(batch, number, rows)
        if len(batch.rows) >= BATCH_ROWS or len(batch.rejects) >= BATCH_ROWS:
            yield batch.take()
    if batch.rows or batch.rejects or batch.rows_read:
        yield batch.take()


def _repeated(archive: archives.Archive, documents: list[archives.Member]) -> set[str]:
    """Publication numbers that more than one document of the archive has.

    File names tell (a document that contradicts its own name is rejected later); a document with another name is read
    once more for it.
    """
    counts: Counter[str] = Counter()
    for member in documents:
        number = _named(PurePosixPath(member.name).name)
        if number is None:
            try:
                number = parse(archive.read(member), "")[0]
            except (RowProblem, archives.MemberProblem):
                continue  # rejected in its turn
        counts[number] += 1
    return {number for number, count in counts.items() if count > 1}


def _settle(batch: Batch, number: str, rows: list[tuple[int, str, tuple[object, ...], str]]) -> None:
    """One publication number in several documents: alike → one is kept; otherwise none. A correction (status R) stands
    beside what it corrects."""
    by_status: dict[object, list[tuple[int, str, tuple[object, ...], str]]] = {}
    for row in rows:
        by_status.setdefault(row[2][-1], []).append(row)
    places = "、".join(place for _, place, _, _ in rows[:4])
    for group in by_status.values():
        if len({values for _, _, values, _ in group}) == 1:
            batch.add(*group[0])
            batch.duplicates += len(group) - 1
            continue
        differs = len({values[TITLE_AT] for _, _, values, _ in group}) > 1
        for _, place, values, _ in group:
            if differs:
                reason_zh = f"公开号 {number} 在本包多个文献中出现而名称不同（{places}），全部隔离"
                reason_en = f"{number} stands in several documents with different names ({places}): all quarantined"
                title = values[TITLE_AT]
                batch.rejects.append(
                    reject(place, "title", None if title is None else str(title), "conflict", reason_zh, reason_en)
                )
            else:
                reason_zh = f"公开号 {number} 在本包多个文献中出现而内容不同（{places}），全部隔离"
                reason_en = f"{number} stands in several documents that differ ({places}): all quarantined"
                batch.rejects.append(reject(place, "", number, "conflict_fields", reason_zh, reason_en))


def _named(file_name: str) -> str | None:
    """Publication number that a document's file name states."""
    found = _FILE_NAME.fullmatch(file_name)
    return f"CN{found[1].lstrip('0')}{found[2].upper()}" if found else None


def parse(document: bytes, file_name: str) -> tuple[str, tuple[object, ...]]:
    """(publication number, content columns) of one document; RowProblem when it is not fit.

    file_name: the document's own name, compared with its content; `` to skip that.
    """
    root = xml_documents.root(document)
    if root.tag != _ROOT:
        raise RowProblem("", str(root.tag), "unknown_document", "不是专利著录文献", "this is no patent document")
    for bibliographic in root:
        if (shape := _SHAPES.get(bibliographic.tag)) is not None:
            break
    else:
        raise RowProblem("", None, "unknown_document", "文献中没有著录项目", "the document has no bibliographic data")
    (
        number_1, kind_1, date_1, number_2, kind_2,
        original, original_filed, standard, standard_filed, patent_number,
        title, symbols, inventors, agency, locarno,
    ) = shape.fields(bibliographic)  # fmt: skip
    attribute = root.get
    publication = _publication(
        ((number_1, kind_1), (number_2, kind_2), (attribute("docNumber"), attribute("kind"))), file_name
    )
    filing_date = day("filing_date", original_filed or standard_filed)
    if not (original or standard):
        original = patent_number
    values = content(
        publication,
        day("publication_date", date_1 or attribute("datePublication")),
        numbers.parse_both(standard or None, original or None, filing_date),
        filing_date,
        text.clean_title(title),
        [] if symbols == "0" else _ipc_codes(bibliographic, int(symbols)),
        text.locarno_codes(locarno),
        _owners(bibliographic, shape, publication.kind),
        text.agency_name(agency),
        int(inventors),
        text.clean_code(attribute("status")),
    )
    return publication.number, values


def _ipc_codes(bibliographic: Any, symbols: int) -> list[str]:
    """Normal forms in order: from the texts of the symbols; where one cannot be read, from its parts."""
    codes: list[str] = []
    for written in _IPC_TEXTS(bibliographic):
        codes += text.ipc_codes(written)
    if len(codes) != symbols:
        codes = []
        for symbol in _IPC_SYMBOLS(bibliographic):
            parts = {element.tag: text.clean(element.text) or "" for element in symbol.iterchildren(*_IPC_PARTS, _TEXT)}
            section, main, subclass, group, subgroup = (parts.get(name, "") for name in _IPC_PARTS)
            codes += text.ipc_codes(parts.get(_TEXT)) or text.ipc_codes(f"{section}{main}{subclass}{group}/{subgroup}")
    return list(dict.fromkeys(codes))


def _publication(said: tuple[tuple[str | None, str | None], ...], file_name: str) -> numbers.PublicationNumber:
    """The one publication number that both references, the root and the file's name agree on."""
    publication: numbers.PublicationNumber | None = None
    last: tuple[str | None, str | None] | None = None
    for pair in said:
        number, kind = pair
        if not number or not kind or pair == last:
            continue
        last = pair
        current = numbers.parse_publication(number.strip() + kind.strip().lstrip("0"))
        if current is None:
            raise RowProblem(
                "publication_number",
                f"{number} {kind}",
                "bad_number",
                "公开（公告）号格式不符",
                "this is no publication number",
            )
        if publication is not None and current != publication:
            raise RowProblem(
                "publication_number",
                f"{publication.number} ≠ {current.number}",
                "number_disagrees",
                "文献内各处公开号不一致",
                "the document states different publication numbers",
            )
        publication = current
    if publication is None:
        raise RowProblem(
            "publication_number", None, "missing_key", "缺少公开（公告）号", "the publication number is missing"
        )
    named = _named(file_name) if file_name else None
    if named is not None and named != publication.number:
        raise RowProblem(
            "publication_number",
            publication.number,
            "name_disagrees",
            f"文献内公开号与文件名（{named}）不一致",
            f"the document contradicts its file name ({named})",
        )
    return publication


def _owners(bibliographic: Any, shape: _Shape, kind: str) -> Owners:
    """Assignees of a grant, where it names any, else the applicants. Only the first party has an address."""
    if kind not in GRANT_KINDS:
        return shape.applicants(bibliographic)
    assignees = shape.assignees(bibliographic)
    if assignees.names and (assignees.address is not None or assignees.province is not None):
        return assignees
    applicants = shape.applicants(bibliographic)
    if not assignees.names:
        return applicants
    if list(assignees.names[:1]) == list(applicants.names[:1]):
        return applicants._replace(names=assignees.names, total=assignees.total)
    return assignees
