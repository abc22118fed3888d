"""BIBS-ABSS documents of the bulk feed: a zip of documents (one folder and one XML each), or one bare XML file.

A document that is not fit is rejected alone; only what makes the archive itself unfit refuses the file. Nothing a
document points to is ever fetched, and none of its entities is ever resolved.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

from ingestion import archives, numbers, text
from ingestion.readers import BATCH_ROWS, Limits, Parsed, Refusal, xml_documents
from ingestion.readers.rows import (
    DOCUMENT_STATUS_AT,
    EARLIEST_ABROAD,
    GRANT_KINDS,
    STATUS_AT,
    TITLE_AT,
    Batch,
    Owners,
    Related,
    RowProblem,
    content,
    day,
    priorities,
    reject,
)

_BUSINESS = "{http://www.sipo.gov.cn/XMLSchema/business}"
_BASE = "{http://www.sipo.gov.cn/XMLSchema/base}"
_ROOT = _BUSINESS + "PatentDocumentAndRelated"
_BIBLIOGRAPHIC = frozenset({_BUSINESS + "BibliographicData", _BUSINESS + "DesignBibliographicData"})
_DOCUMENT_ID, _NUMBER, _KIND, _DATE, _OFFICE, _TEXT = (
    _BASE + name for name in ("DocumentID", "DocNumber", "Kind", "Date", "WIPOST3Code", "Text")
)
_BOOK, _NAME, _ORGANIZATION_NAME, _ADDRESS = (
    _BASE + name for name in ("AddressBook", "Name", "OrganizationName", "Address")
)
_COUNTY, _CITY, _PROVINCE, _POST_CODE = (_BASE + name for name in ("County", "City", "Province", "PostCode"))
_ORGANIZATION_CODE, _AGENT, _AGENCY, _SYMBOL, _LOCARNO, _PRIORITY = (
    _BUSINESS + name
    for name in (
        "OrganizationCode", "Agent", "Agency", "ClassificationIPCR", "MainClassification", "Priority",
    )
)  # fmt: skip
_TITLES = (_BUSINESS + "InventionTitle", _BUSINESS + "DesignTitle")
_IPC_PARTS = tuple(_BUSINESS + name for name in ("Section", "MainClass", "Subclass", "MainGroup", "Subgroup"))

#: CN + type, year, serial + CN + number (13) + kind + BIA, FUL or DBP + ZH + date + CN + check, which can hold `#`
_FILE_NAME = re.compile(r"CN\d{15}CN(\d{13})0?([ABCUYSD])[A-Z]{3}ZH\d{8}CN[^/]{0,8}\.XML", re.IGNORECASE | re.ASCII)


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
            file_name = _file_name(member.name)
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
        number = _named(_file_name(member.name))
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
        by_status.setdefault(row[2][DOCUMENT_STATUS_AT], []).append(row)
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


def _file_name(member: str) -> str:
    return member.rpartition("/")[2]


def _named(file_name: str) -> str | None:
    """Publication number that a document's file name states."""
    found = _FILE_NAME.fullmatch(file_name)
    return f"CN{found[1].lstrip('0')}{found[2].upper()}" if found else None


def parse(document: bytes, file_name: str) -> tuple[str, tuple[object, ...]]:
    """(publication number, content columns) of one document; RowProblem when it is not fit.

    file_name: the document's own name, compared with its content; `` to skip that.
    """
    root = xml_documents.root(document, xml_documents.COMPACT)
    if root.tag != _ROOT:
        raise RowProblem("", str(root.tag), "unknown_document", "不是专利著录文献", "this is no patent document")
    for bibliographic in root:
        if bibliographic.tag in _BIBLIOGRAPHIC:
            break
    else:
        raise RowProblem("", None, "unknown_document", "文献中没有著录项目", "the document has no bibliographic data")
    said = _Said()
    _gather(said, bibliographic)
    attribute = root.get
    publication = _publication(
        [*((parts.get(_NUMBER), parts.get(_KIND)) for parts in said.publications),
         (attribute("docNumber"), attribute("kind"))],
        file_name,
    )  # fmt: skip
    first, original, standard = said.publications[0] if said.publications else _NOTHING, said.original, said.standard
    filing_date = day("filing_date", original.get(_DATE) or standard.get(_DATE))
    original_number, standard_number = original.get(_NUMBER) or None, standard.get(_NUMBER) or None
    if original_number is None and standard_number is None:
        original_number = said.patent_number
    values = content(
        publication,
        day("publication_date", first.get(_DATE) or attribute("datePublication")),
        numbers.parse_both(standard_number, original_number, filing_date),
        filing_date,
        text.clean_title(_marked_title(document) if said.has_markup else said.title),
        said.ipc_codes,
        said.locarno_codes,
        _owners(said, publication.kind),
        text.agency_name(said.agency),
        said.inventor_count,
        text.clean_code(attribute("status")),
        _related(said),
    )
    return publication.number, values


class _Said:
    """What one document says, section by section, before anything of it is judged."""

    __slots__ = (
        "agency", "agent_count", "applicants", "assignees", "has_markup", "inventor_count", "ipc_codes",
        "locarno_codes", "national_entry", "original", "patent_number", "pct_application", "pct_publication",
        "priorities", "publications", "standard", "title",
    )  # fmt: skip

    def __init__(self) -> None:
        self.publications: list[_Parts] = []
        self.original = self.standard = _NOTHING
        self.patent_number: str | None = None
        self.title: str | None = None
        self.has_markup = False
        self.ipc_codes: list[str] = []
        self.locarno_codes: list[str] = []
        self.applicants: Any = None
        self.assignees: Any = None
        self.priorities: Any = None
        self.inventor_count = self.agent_count = 0
        self.agency: str | None = None
        self.pct_application: str | None = None
        self.pct_publication: str | None = None
        self.national_entry: str | None = None


_Parts = dict[str, str | None]
_NOTHING: _Parts = {}


def _gather(said: _Said, parent: Any) -> None:
    """Each section once, in the order of the document: its tag tells who reads it, others are passed over."""
    for section in parent:
        reads = _SECTIONS.get(section.tag)
        if reads is not None:
            reads(said, section)


def _document_id(element: Any) -> _Parts:
    for child in element:
        if child.tag == _DOCUMENT_ID:
            return {part.tag: part.text for part in child}
    return _NOTHING


def _publication_reference(said: _Said, section: Any) -> None:
    said.publications.append(_document_id(section))


def _application_reference(said: _Said, section: Any) -> None:
    # either of the two numberings may come first
    if section.get("dataFormat") == "original":
        said.original = said.original or _document_id(section)
    else:
        said.standard = said.standard or _document_id(section)


def _patent_number(said: _Said, section: Any) -> None:
    said.patent_number = section.text


def _title(said: _Said, section: Any) -> None:
    if said.title is None:
        said.title = section.text
        said.has_markup = len(section) > 0


def _marked_title(document: bytes) -> str:
    """All text of a title, that of its markup included: `Al<base:Sup>3+</base:Sup>` → `Al3+`."""
    root = xml_documents.root(document)
    return "".join(next(root.iter(*_TITLES)).itertext())


def _ipc(said: _Said, section: Any) -> None:
    """Normal forms in order: from the text of each symbol; where that cannot be read, from its parts."""
    codes = said.ipc_codes
    for symbol in section:
        if symbol.tag != _SYMBOL:
            continue
        last = symbol[-1] if len(symbol) else None
        if last is not None and last.tag == _TEXT and (code := text.ipc_code(last.text)) is not None:
            if code not in codes:
                codes.append(code)
        else:
            parts = {part.tag: text.clean(part.text) or "" for part in symbol}
            of_parts = "{}{}{}{}/{}".format(*(parts.get(name, "") for name in _IPC_PARTS))
            found = text.ipc_codes(parts.get(_TEXT)) or text.ipc_codes(of_parts)
            codes += [code for code in found if code not in codes]


def _locarno(said: _Said, section: Any) -> None:
    for main in section.iterchildren(_LOCARNO):
        said.locarno_codes += text.locarno_codes(main.text)


def _applicants(said: _Said, section: Any) -> None:
    said.applicants = section


def _assignees(said: _Said, section: Any) -> None:
    said.assignees = section


def _inventors(said: _Said, section: Any) -> None:
    said.inventor_count += len(section)


def _agents(said: _Said, section: Any) -> None:
    for agent in section:
        if agent.tag != _AGENT:
            continue
        said.agent_count += 1
        if said.agent_count == 1:
            for name in agent.iterdescendants(_ORGANIZATION_NAME):
                said.agency = name.text
                break


def _priorities(said: _Said, section: Any) -> None:
    said.priorities = section


def _pct_application(said: _Said, section: Any) -> None:
    said.pct_application = _document_id(section).get(_NUMBER)


def _pct_publication(said: _Said, section: Any) -> None:
    said.pct_publication = _document_id(section).get(_NUMBER)


def _national_entry(said: _Said, section: Any) -> None:
    said.national_entry = next((part.text for part in section.iter(_DATE)), section.text)


#: who reads which section. In a patent the parties stand under Parties, in a design directly under the bibliographic
#: data. The design's own tags and the last four are known from descriptions only: correct them here.
_SECTIONS: dict[str, Callable[[_Said, Any], None]] = {
    _BUSINESS + name: reads
    for name, reads in {
        "PublicationReference": _publication_reference,
        "ApplicationReference": _application_reference,
        "ClassificationIPCRDetails": _ipc,
        "InventionTitle": _title,
        "Parties": _gather,
        "ApplicantDetails": _applicants,
        "InventorDetails": _inventors,
        "AssigneeDetails": _assignees,
        "AgentDetails": _agents,
        "PatentNumber": _patent_number,
        "ClassificationLocarno": _locarno,
        "DesignTitle": _title,
        "DesignerDetails": _inventors,
        "PriorityDetails": _priorities,
        "InternationalFilingData": _pct_application,
        "InternationalPublishingData": _pct_publication,
        "NationalPhaseEntryDate": _national_entry,
    }.items()
}


def _publication(said: list[tuple[str | None, str | None]], file_name: str) -> numbers.PublicationNumber:
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


def _owners(said: _Said, kind: str) -> Owners:
    """Assignees of a grant, where it names any, else the applicants. Only the first party has an address."""
    if kind not in GRANT_KINDS or said.assignees is None:
        return _party(said.applicants)
    assignees = _party(said.assignees)
    if assignees.names and (assignees.address is not None or assignees.province is not None):
        return assignees
    applicants = _party(said.applicants)
    if not assignees.names:
        return applicants
    if list(assignees.names[:1]) == list(applicants.names[:1]):
        return applicants._replace(names=assignees.names, total=assignees.total)
    return assignees


_NO_OWNERS = Owners([], 0, None, None, None, None, None, None)


def _party(section: Any) -> Owners:
    """The names of all applicants or assignees, and the address of the first."""
    names: list[str] = []
    place: _Parts | None = None
    code: str | None = None
    for party in () if section is None else section:
        for child in party:
            tag = child.tag
            if tag == _BOOK:
                for part in child:
                    tag = part.tag
                    if tag == _NAME:
                        if (name := text.clean_name(part.text)) is not None:
                            names.append(name)
                    elif tag == _ADDRESS and place is None:
                        place = {one.tag: value for one in part if (value := one.text) not in text.MISSING}
            elif tag == _ORGANIZATION_CODE and code is None:
                code = child.text
        # the address and the code of a later party are not those of the first
        place = _NOTHING if place is None else place
        code = code or ""
    if not names or place is None:
        return _NO_OWNERS
    written, address = text.split_post_code(place.get(_TEXT))
    return Owners(
        names,
        len(names),
        address,
        text.clean_place_name(place.get(_PROVINCE)),
        text.clean_place_name(place.get(_CITY)),
        text.clean_place_name(place.get(_COUNTY)),
        text.post_code(place.get(_POST_CODE)) or written,
        text.clean_code(code),
    )


def _related(said: _Said) -> Related:
    """Agents, priorities and PCT data. Each priority stands twice, like the numbers of the document itself."""
    if said.priorities is None and said.pct_application is None and said.pct_publication is None:
        return Related(said.agent_count, national_entry_date=day("national_entry_date", said.national_entry))
    claims: dict[str, list[tuple[str, date | None]]] = {"original": [], "standard": []}
    for claim in () if said.priorities is None else said.priorities.iterchildren(_PRIORITY):
        parts = _document_id(claim) or {part.tag: part.text for part in claim}
        number = text.clean(f"{parts.get(_OFFICE) or ''} {parts.get(_NUMBER) or ''}")
        if number is not None:
            form = "original" if claim.get("dataFormat") == "original" else "standard"
            claims[form].append((number, day("first_priority_date", parts.get(_DATE), EARLIEST_ABROAD)))
    return Related(
        said.agent_count,
        *priorities(claims["original"] or claims["standard"]),
        None,
        text.clean_code(said.pct_application),
        text.clean_code(said.pct_publication),
        day("national_entry_date", said.national_entry),
    )
