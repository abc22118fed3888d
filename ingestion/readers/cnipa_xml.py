"""BIBS-ABSS documents of the bulk feed: a zip of documents (one folder and one XML each), or one bare XML file.

A document that is not fit is rejected alone; only what makes the archive itself unfit refuses the file. Nothing a
document points to is ever fetched, and none of its entities is ever resolved.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from lxml import etree

from ingestion import archives, numbers, text
from ingestion.readers import BATCH_ROWS, Limits, Parsed, Refusal
from ingestion.readers.rows import GRANT_KINDS, STATUS_AT, TITLE_AT, Batch, Owners, RowProblem, content, day, reject

_DOCUMENT_LIMIT = 16 << 20  # bytes; a true document has some ten thousand

_BUSINESS = "{http://www.sipo.gov.cn/XMLSchema/business}"
_BASE = "{http://www.sipo.gov.cn/XMLSchema/base}"
_ROOT = _BUSINESS + "PatentDocumentAndRelated"
_BIBLIOGRAPHIC = (_BUSINESS + "BibliographicData", _BUSINESS + "DesignBibliographicData")
_PUBLICATION = _BUSINESS + "PublicationReference"
_APPLICATION = _BUSINESS + "ApplicationReference"
_IPC_DETAILS = _BUSINESS + "ClassificationIPCRDetails"
_LOCARNO = _BUSINESS + "ClassificationLocarno"
_TITLES = (_BUSINESS + "InventionTitle", _BUSINESS + "DesignTitle")
_PARTIES = _BUSINESS + "Parties"
_APPLICANTS = _BUSINESS + "ApplicantDetails"
_ASSIGNEES = _BUSINESS + "AssigneeDetails"
_INVENTORS = (_BUSINESS + "InventorDetails", _BUSINESS + "DesignerDetails")
_INVENTOR = (_BUSINESS + "Inventor", _BUSINESS + "Designer")
_AGENTS = _BUSINESS + "AgentDetails"
_AGENCY_NAME = _BASE + "OrganizationName"
_PATENT_NUMBER = _BUSINESS + "PatentNumber"
_ORGANIZATION_CODE = _BUSINESS + "OrganizationCode"
_ADDRESS_BOOK = _BASE + "AddressBook"
_NAME = _BASE + "Name"
_ADDRESS = _BASE + "Address"
_TEXT = _BASE + "Text"
_DOC_NUMBER, _KIND, _DATE = _BASE + "DocNumber", _BASE + "Kind", _BASE + "Date"
_COUNTY, _CITY, _PROVINCE, _POST_CODE = _BASE + "County", _BASE + "City", _BASE + "Province", _BASE + "PostCode"
_IPC_PARTS = tuple(_BUSINESS + name for name in ("Section", "MainClass", "Subclass", "MainGroup", "Subgroup"))

#: CN + type, year, serial + CN + number (13) + kind + BIA, FUL or DBP + ZH + date + CN + check, which can hold `#`
_FILE_NAME = re.compile(r"CN\d{15}CN(\d{13})0?([ABCUYSD])[A-Z]{3}ZH\d{8}CN[^/]{0,8}\.XML", re.IGNORECASE | re.ASCII)

_QUOTED = rb"""(?:"[^"]*"|'[^']*')"""
_DOCTYPE = re.compile(
    rb"<!DOCTYPE\s+[\w:.-]+(?:\s+SYSTEM\s+" + _QUOTED + rb"|\s+PUBLIC\s+" + _QUOTED + rb"\s+" + _QUOTED + rb")?"
    rb"\s*(?:\[\s*\])?\s*>"
)
_ENTITY = re.compile(rb"&(?!(?:amp|lt|gt|quot|apos|#[0-9]+|#x[0-9A-Fa-f]+);)")
_LITERAL = re.compile(rb"<!\[CDATA\[.*?\]\]>|<!--.*?-->|<\?.*?\?>", re.DOTALL)
_ENCODING = re.compile(rb"""^\s*<\?xml[^>]*?\sencoding\s*=\s*["']([A-Za-z0-9._-]+)["']""")
_ENCODINGS = {"utf-8": "utf-8", "utf8": "utf-8", "gb18030": "gb18030", "gbk": "gb18030", "gb2312": "gb18030"}
_BOM = b"\xef\xbb\xbf"

_PARSER = etree.XMLParser(
    resolve_entities=False,
    no_network=True,
    load_dtd=False,
    dtd_validation=False,
    attribute_defaults=False,
    huge_tree=False,
    remove_comments=True,
    remove_pis=True,
)


@dataclass
class _Found:
    """What one document says, as received, before it is judged."""

    publications: list[tuple[str | None, str | None, str | None]] = field(default_factory=list)
    standard: str | None = None
    original: str | None = None
    filing_date: str | None = None
    patent_number: str | None = None
    title: str | None = None
    classes: list[str] = field(default_factory=list)
    locarno: list[str] = field(default_factory=list)
    applicants: Any = None
    assignees: Any = None
    inventors: int | None = None
    agency: str | None = None


def read(path: Path, *, limits: Limits | None = None) -> Iterator[Parsed]:
    """Batches of one zip or of one bare document; see ingestion.readers."""
    bounds = limits or archives.Bounds()
    size = path.stat().st_size
    if size == 0:
        raise Refusal("empty_file", "文件为空", "the file is empty")
    if archives.is_zip(path):
        yield from _read_zip(path, bounds)
        return
    if size > _DOCUMENT_LIMIT:
        raise Refusal(
            "too_large",
            f"文件大于 {_DOCUMENT_LIMIT} 字节的上限",
            f"the file is larger than the limit of {_DOCUMENT_LIMIT} bytes",
        )
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
        documents = [member for member in archive.members if member.name[-4:].lower() == ".xml"]
        for problem in archive.problems:
            batch.rejects.append(reject(problem.place, "", None, problem.rule, problem.reason_zh, problem.reason_en))
        for member in archive.members:
            if archives.is_other_archive(member.name):
                reasons = ("压缩包内的该种压缩格式不支持", "an archive of this kind inside the zip is not read")
                batch.rejects.append(reject(member.place, "", None, "unsupported_archive", *reasons))
        if not documents and not batch.rejects:
            raise Refusal("no_documents", "压缩包内没有 XML 文献", "the archive holds no XML document")

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
    root = _root(document)
    if root.tag != _ROOT:
        raise RowProblem("", str(root.tag), "unknown_document", "不是专利著录文献", "this is no patent document")
    found = _Found()
    for child in root:
        if child.tag in _BIBLIOGRAPHIC:
            _collect(child, found)
            break
    else:
        raise RowProblem("", None, "unknown_document", "文献中没有著录项目", "the document has no bibliographic data")
    publication, published = _publication(root, found)
    if file_name:
        named = _named(file_name)
        if named is not None and named != publication.number:
            raise RowProblem(
                "publication_number",
                publication.number,
                "name_disagrees",
                f"文献内公开号与文件名（{named}）不一致",
                f"the document contradicts its file name ({named})",
            )
    filing_date = day("filing_date", found.filing_date)
    standard, original = found.standard, found.original
    if standard is None and original is None:
        original = found.patent_number
    values = content(
        publication,
        day("publication_date", published),
        numbers.parse_both(standard, original, filing_date),
        filing_date,
        text.clean_title(found.title),
        found.classes,
        found.locarno,
        _owners(found, publication.kind),
        text.agency_name(found.agency),
        found.inventors,
        text.clean_code(root.get("status")),
    )
    return publication.number, values


def _root(document: bytes) -> Any:
    """Root element of a document that was found harmless; RowProblem with its rule otherwise."""
    if not document:
        raise RowProblem("", None, "empty_file", "文献为空", "the document is empty")
    if len(document) > _DOCUMENT_LIMIT:
        raise RowProblem(
            "",
            str(len(document)),
            "too_large",
            f"文献大于 {_DOCUMENT_LIMIT} 字节的上限",
            f"the document is larger than the limit of {_DOCUMENT_LIMIT} bytes",
        )
    if document[:2] in (b"\xff\xfe", b"\xfe\xff"):
        raise _wrong_encoding("UTF-16")
    if document[:3] == _BOM:
        document = document[3:]
    encoding = _encoding(document)
    _refuse_entities(document)
    try:
        return etree.fromstring(document, _PARSER)
    except etree.XMLSyntaxError as error:
        _explain_bytes(document, encoding)
        raise RowProblem(
            "", str(error), "xml_malformed", "XML 不完整或格式错误", "the XML is not well-formed"
        ) from None


def _encoding(document: bytes) -> str:
    """The encoding that a document declares; only those in which no other character can hide `<` or `&`."""
    declared = _ENCODING.match(document)
    if not declared:
        return "utf-8"
    name = declared[1].decode()
    if (encoding := _ENCODINGS.get(name.lower())) is None:
        raise _wrong_encoding(name)
    return encoding


def _explain_bytes(document: bytes, encoding: str) -> None:
    """Whether its bytes are the reason for which a document could not be parsed."""
    if b"\x00" in document:
        raise RowProblem("", None, "nul_byte", "含 NUL 字节，文献已损坏", "holds a NUL byte: the document is damaged")
    try:
        document.decode(encoding)
    except UnicodeDecodeError as error:
        raise _wrong_encoding(document[max(error.start - 8, 0) : error.start + 8].hex(" ")) from None


def _refuse_entities(document: bytes) -> None:
    if b"<!ENTITY" in document:
        raise _entity("<!ENTITY")
    at = document.find(b"<!DOCTYPE")
    if at >= 0 and not _DOCTYPE.match(document, at):
        raise _entity(document[at : at + 120].decode("utf-8", "replace"))
    if b"&" in document:
        plain = _LITERAL.sub(b"", document) if b"<!" in document or b"<?" in document else document
        if found := _ENTITY.search(plain):
            raise _entity(plain[found.start() : found.start() + 40].decode("utf-8", "replace"))


def _entity(value: str) -> RowProblem:
    return RowProblem(
        "",
        value,
        "xml_entity",
        "XML 含实体声明、内部子集或实体引用，出于安全不予解析",
        "the XML declares or uses an entity, or has an internal subset: it is not parsed, for safety",
    )


def _wrong_encoding(value: str | None) -> RowProblem:
    return RowProblem(
        "", value, "wrong_encoding", "编码与声明不符或不支持", "the encoding is not the declared one or not supported"
    )


def _collect(parent: Any, found: _Found) -> None:
    """Walk over the children once; lxml makes an object of each element it hands out, so none is asked for twice."""
    for element in parent:
        tag = element.tag
        if tag == _PUBLICATION:
            found.publications.append(_document_id(element))
        elif tag == _APPLICATION:
            number, _, filed = _document_id(element)
            if element.get("dataFormat") == "original":
                found.original = found.original or number
            else:
                found.standard = found.standard or number
            found.filing_date = found.filing_date or filed
        elif tag == _IPC_DETAILS:
            for symbol in element:
                for code in _ipc(symbol):
                    if code not in found.classes:
                        found.classes.append(code)
        elif tag in _TITLES:
            if found.title is None:
                found.title = "".join(element.itertext()) if len(element) else element.text
        elif tag == _PARTIES:
            _collect(element, found)
        elif tag == _APPLICANTS:
            found.applicants = element
        elif tag == _ASSIGNEES:
            found.assignees = element
        elif tag in _INVENTORS:
            found.inventors = (found.inventors or 0) + sum(child.tag in _INVENTOR for child in element)
        elif tag == _AGENTS:
            found.agency = _agency(element)
        elif tag == _LOCARNO:
            for value in element.itertext():
                found.locarno += [code for code in text.locarno_codes(value) if code not in found.locarno]
        elif tag == _PATENT_NUMBER:
            found.patent_number = element.text


def _agency(agents: Any) -> str | None:
    name: str | None = next((element.text for element in agents.iter(_AGENCY_NAME)), None)
    return name


def _document_id(reference: Any) -> tuple[str | None, str | None, str | None]:
    """(number, kind, date) of a reference."""
    number = kind = published = None
    for identity in reference:
        for part in identity:
            tag = part.tag
            if tag == _DOC_NUMBER:
                number = part.text
            elif tag == _DATE:
                published = part.text
            elif tag == _KIND:
                kind = part.text
    return number, kind, published


def _ipc(symbol: Any) -> list[str]:
    """Normal form of one ClassificationIPCR: from its text, else from its parts."""
    for element in reversed(symbol):  # the text comes last
        if element.tag == _TEXT:
            if codes := text.ipc_codes(element.text):
                return codes
            break
    parts = {element.tag: text.clean(element.text) or "" for element in symbol.iterchildren(*_IPC_PARTS)}
    if len(parts) < len(_IPC_PARTS):
        return []
    section, main, subclass, group, subgroup = (parts[name] for name in _IPC_PARTS)
    return text.ipc_codes(f"{section}{main}{subclass}{group}/{subgroup}")


def _publication(root: Any, found: _Found) -> tuple[numbers.PublicationNumber, str | None]:
    """The one publication number that the root and both references agree on, and the day of publication."""
    said = [*found.publications, (root.get("docNumber"), root.get("kind"), root.get("datePublication"))]
    agreed: str | None = None
    published: str | None = None
    last: tuple[str, str] | None = None
    publication: numbers.PublicationNumber | None = None
    for number, kind, date_text in said:
        published = published or date_text
        if not number or not kind or (number, kind) == last:
            continue
        last = (number, kind)
        current = numbers.parse_publication(number.strip() + kind.strip().lstrip("0"))
        if current is None:
            raise RowProblem(
                "publication_number",
                f"{number} {kind}",
                "bad_number",
                "公开（公告）号格式不符",
                "this is no publication number",
            )
        if agreed is not None and current.number != agreed:
            raise RowProblem(
                "publication_number",
                f"{agreed} ≠ {current.number}",
                "number_disagrees",
                "文献内各处公开号不一致",
                "the document states different publication numbers",
            )
        agreed, publication = current.number, current
    if publication is None:
        raise RowProblem(
            "publication_number", None, "missing_key", "缺少公开（公告）号", "the publication number is missing"
        )
    return publication, published


def _owners(found: _Found, kind: str) -> Owners:
    """Assignees of a grant, where it names any, else the applicants. Only the first party has an address."""
    applicants = _parties(found.applicants)
    if kind not in GRANT_KINDS or found.assignees is None:
        return applicants
    assignees = _parties(found.assignees)
    if not assignees.names:
        return applicants
    if assignees.address is None and assignees.province is None and assignees.names[:1] == applicants.names[:1]:
        return applicants._replace(names=assignees.names, total=assignees.total)
    return assignees


def _parties(details: Any) -> Owners:
    names: list[str] = []
    address = province = city = county = post_code = organization_code = None
    for party in () if details is None else details:
        is_first = not names
        for part in party:
            tag = part.tag
            if tag == _ADDRESS_BOOK:
                for element in part:
                    inner = element.tag
                    if inner == _NAME:
                        if (name := text.clean_name(element.text)) is not None:
                            names.append(name)
                    elif inner == _ADDRESS and is_first:
                        for line in element.iterchildren(_COUNTY, _CITY, _PROVINCE, _POST_CODE, _TEXT):
                            field_tag, value = line.tag, line.text
                            if field_tag == _TEXT:
                                written, address = text.split_post_code(value)
                                post_code = post_code or written
                            elif field_tag == _COUNTY:
                                county = text.clean_place_name(value)
                            elif field_tag == _CITY:
                                city = text.clean_place_name(value)
                            elif field_tag == _PROVINCE:
                                province = text.clean_place_name(value)
                            else:
                                post_code = text.post_code(value) or post_code
            elif tag == _ORGANIZATION_CODE and is_first is True and names:
                organization_code = text.clean_code(part.text)
    return Owners(names, len(names), address, province, city, county, post_code, organization_code)
