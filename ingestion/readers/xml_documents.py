"""XML documents from outside: alone or in a zip, parsed only when they are harmless.

Nothing a document points to is ever fetched, and none of its entities is ever resolved.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from lxml import etree

from ingestion import archives
from ingestion.readers import Refusal
from ingestion.readers.rows import Batch, RowProblem, reject

#: bytes; a true document has some ten thousand
DOCUMENT_LIMIT = 16 << 20

BUSINESS = "{http://www.sipo.gov.cn/XMLSchema/business}"
BASE = "{http://www.sipo.gov.cn/XMLSchema/base}"

_QUOTED = rb"""(?:"[^"]*"|'[^']*')"""
_DOCTYPE = re.compile(
    rb"<!DOCTYPE\s+[\w:.-]+(?:\s+SYSTEM\s+" + _QUOTED + rb"|\s+PUBLIC\s+" + _QUOTED + rb"\s+" + _QUOTED + rb")?"
    rb"\s*(?:\[\s*\])?\s*>"
)
_ENTITY = re.compile(rb"&(?!(?:amp|lt|gt|quot|apos|#[0-9]+|#x[0-9A-Fa-f]+);)")
_LITERAL = re.compile(rb"<!\[CDATA\[.*?\]\]>|<!--.*?-->|<\?.*?\?>", re.DOTALL)
_ENCODING = re.compile(rb"""(?:\xef\xbb\xbf)?\s*<\?xml[^>]*?\sencoding\s*=\s*["']([A-Za-z0-9._-]+)["']""")
_ENCODINGS = {"utf-8": "utf-8", "utf8": "utf-8", "gb18030": "gb18030", "gbk": "gb18030", "gb2312": "gb18030"}


def _parser(**more: bool) -> Any:
    return etree.XMLParser(
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        dtd_validation=False,
        attribute_defaults=False,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
        **more,  # never collect_ids=False: libxml2 then goes and loads the DTD
    )


#: `COMPACT` drops the blanks between elements: half as many nodes, but also the blanks between the markup of a text
WHOLE, COMPACT = _parser(), _parser(remove_blank_text=True)


def is_archive(path: Path) -> bool:
    """Whether a file is a zip of documents, or one document alone; Refusal when it is empty or no document can be so
    large."""
    size = path.stat().st_size
    if size == 0:
        raise Refusal("empty_file", "文件为空", "the file is empty")
    if archives.is_zip(path):
        return True
    if size > DOCUMENT_LIMIT:
        raise Refusal(
            "too_large",
            f"文件大于 {DOCUMENT_LIMIT} 字节的上限",
            f"the file is larger than the limit of {DOCUMENT_LIMIT} bytes",
        )
    return False


def documents(archive: archives.Archive) -> list[archives.Member]:
    """The members of an archive that are documents by their names."""
    return [member for member in archive.members if member.name[-4:].lower() == ".xml"]


def members(archive: archives.Archive, batch: Batch) -> list[archives.Member]:
    """The documents of an archive; what cannot be opened in it becomes a reject of the batch. Refusal when there is
    nothing at all."""
    found = documents(archive)
    for problem in archive.problems:
        batch.rejects.append(reject(problem.place, "", None, problem.rule, problem.reason_zh, problem.reason_en))
    for member in archive.members:
        if archives.is_other_archive(member.name):
            reasons = ("压缩包内的该种压缩格式不支持", "an archive of this kind inside the zip is not read")
            batch.rejects.append(reject(member.place, "", None, "unsupported_archive", *reasons))
    if not found and not batch.rejects:
        raise Refusal("no_documents", "压缩包内没有 XML 文献", "the archive holds no XML document")
    return found


def root(document: bytes, parser: Any = WHOLE) -> Any:
    """Root element of a document that was found harmless; RowProblem with its rule otherwise."""
    if not document:
        raise RowProblem("", None, "empty_file", "文献为空", "the document is empty")
    if len(document) > DOCUMENT_LIMIT:
        raise RowProblem(
            "",
            str(len(document)),
            "too_large",
            f"文献大于 {DOCUMENT_LIMIT} 字节的上限",
            f"the document is larger than the limit of {DOCUMENT_LIMIT} bytes",
        )
    if document[:2] in (b"\xff\xfe", b"\xfe\xff"):
        raise _wrong_encoding("UTF-16")
    encoding = _encoding(document)
    _refuse_entities(document)
    try:
        return etree.fromstring(document, parser)
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
    at = document.find(b"<!DOCTYPE")
    # one sign is found many times faster than a word, and behind the document type hardly any document has it
    if document.find(b"!", at + 2) >= 0 and b"<!ENTITY" in document:
        raise _entity("<!ENTITY")
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
