"""One document as the feed delivers it: file name and XML, from text templates (a DOM would be ten times slower)."""

from __future__ import annotations

import re
from datetime import date
from functools import lru_cache
from xml.sax.saxutils import escape

from ingestion.sandbox.places import Place
from ingestion.sandbox.targets import DESIGN, GRANTED, PUBLISHED, UTILITY
from ingestion.sandbox.world import Document

_TYPE = {PUBLISHED: "10", GRANTED: "10", UTILITY: "20", DESIGN: "30"}
_CHECKS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"

_HEAD = (
    '\ufeff<?xml version="1.0" encoding="utf-8" standalone="no"?>\n'
    "<!DOCTYPE business:PatentDocumentAndRelated SYSTEM"
    ' "/DTDS/ExternalStandards/ipphdb-entities.dtd"[]>\n'
    '<business:PatentDocumentAndRelated xmlns:base="http://www.sipo.gov.cn/XMLSchema/base"'
    ' xmlns:business="http://www.sipo.gov.cn/XMLSchema/business" xmlns:m="http://www.w3.org/1998/Math/MathML"'
    ' xmlns:tbl="http://oasis-open.org/specs/soextblx" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"'
    ' xsi:schemaLocation="http://www.sipo.gov.cn/XMLSchema/business'
    ' /DTDS/PatentDocument/Elements/OtherElements.xsd" xsdVersion="V2.2.1" file="%s" dateProduced="%s"'
    ' status="%s" lang="zh" country="CN" docNumber="%s" kind="%s" datePublication="%s">\n'
)
_PUBLICATION = (
    "    <business:PublicationReference %s>\n      <base:DocumentID>\n"
    "        <base:WIPOST3Code>CN</base:WIPOST3Code>\n        <base:DocNumber>%s</base:DocNumber>\n"
    "        <base:Kind>%s</base:Kind>\n        <base:Date>%s</base:Date>\n"
    "      </base:DocumentID>\n    </business:PublicationReference>\n"
)
_STANDARD = 'dataFormat="standard" sequence="1"'
_ORIGINAL = 'dataFormat="original" sourceDB="national office" sequence="1"'
_GAZETTE = (
    "    <business:PublicAvailabilityDate>\n      <business:GazetteReference>\n"
    "        <business:GazetteNumber>%s</business:GazetteNumber>\n        <base:Date>%s</base:Date>\n"
    "      </business:GazetteReference>\n    </business:PublicAvailabilityDate>\n"
)
_APPLICATION = (
    '    <business:ApplicationReference applType="%s" %s>\n      <base:DocumentID>\n'
    "        <base:WIPOST3Code>CN</base:WIPOST3Code>\n        <base:DocNumber>%s</base:DocNumber>\n"
    "        <base:Date>%s</base:Date>\n      </base:DocumentID>\n    </business:ApplicationReference>\n"
)
_CLASS = (
    '      <business:ClassificationIPCR sequence="%d">\n'
    "        <business:IPCVersionDate>%s</business:IPCVersionDate>\n"
    "        <business:Section>%s</business:Section>\n        <business:MainClass>%s</business:MainClass>\n"
    "        <business:Subclass>%s</business:Subclass>\n        <business:MainGroup>%d</business:MainGroup>\n"
    "        <business:Subgroup>%s</business:Subgroup>\n        <business:GeneratingOffice>\n"
    "          <base:WIPOST3Code>CN</base:WIPOST3Code>\n        </business:GeneratingOffice>\n"
    "        <business:ClassificationDataSource>H</business:ClassificationDataSource>\n"
    "        <base:Text>%s%5d/%-6s(%s.%s)</base:Text>\n      </business:ClassificationIPCR>\n"
)
_MADE = 'dataFormat="original" sourceDB="national office" lang="zh" creator="03" processingType="original"'
_ADDRESS = (
    "            <base:Address>\n              <base:AddressLine>0</base:AddressLine>\n"
    "              <base:AddressMailCode>0</base:AddressMailCode>\n              <base:PostBox>0</base:PostBox>\n"
    "              <base:AddressRoom>0</base:AddressRoom>\n              <base:AddressFloor>0</base:AddressFloor>\n"
    "              <base:AddressBuilding>0</base:AddressBuilding>\n              <base:Street>0</base:Street>\n"
    "              <base:AddressCity>0</base:AddressCity>\n              <base:County>%s</base:County>\n"
    "              <base:City>%s</base:City>\n              <base:Province>%s</base:Province>\n"
    "              <base:PostCode>%s</base:PostCode>\n              <base:WIPOST3Code>%s</base:WIPOST3Code>\n"
    "              <base:Text>%s</base:Text>\n            </base:Address>\n"
)
_ORGANIZATION = (
    '          <business:OrganizationCode createDate="00000000" creator="00">0000000000</business:OrganizationCode>\n'
)
_INVENTOR = (
    '        <business:Inventor sequence="%d" dataFormat="original" sourceDB="national office" lang="zh"'
    ' publicationMark="0" creator="03" processingType="original">\n          <base:AddressBook lang="zh">\n'
    "            <base:Name>%s</base:Name>\n          </base:AddressBook>\n        </business:Inventor>\n"
)
_DESIGNER = (
    '      <business:Designer sequence="%d">\n        <base:AddressBook lang="zh">\n'
    "          <base:Name>%s</base:Name>\n        </base:AddressBook>\n      </business:Designer>\n"
)
_AGENT = (
    "      <business:AgentDetails>\n        <business:CustomerNumber>%05d</business:CustomerNumber>\n"
    '        <business:Agent sequence="1" lang="zh" dataFormat="original" sourceDB="national office" repType="agent"'
    ' processingType="original" creator="03">\n          <business:Agency>\n            <base:AddressBook lang="zh">\n'
    "              <base:OrganizationName>%s %05d</base:OrganizationName>\n            </base:AddressBook>\n"
    '          </business:Agency>\n          <base:AddressBook lang="zh">\n'
    "            <base:Name>%s</base:Name>\n          </base:AddressBook>\n        </business:Agent>\n"
    "      </business:AgentDetails>\n"
)
_BEFORE_ABSTRACT = (
    b'  <business:Abstract dataFormat="original" lang="zh" sourceDB="national office" processingType="original"'
    b' creator="03">\n    <base:Paragraphs num="0001">'
)
_AFTER_ABSTRACT = b"</base:Paragraphs>\n"
_FIGURE = (
    '    <business:AbstractFigure>\n      <base:Figure num="0001">\n        <base:Image he="%d.%02d" wi="661"'
    ' file="%s.TIF" imgContent="undefined" imgFormat="TIFF" />\n      </base:Figure>\n    </business:AbstractFigure>\n'
)
_SENTENCES = (
    "所述主体上设有支撑件，所述支撑件与驱动件转动连接。",
    "包括以下步骤：准备原料、混合、成型和检验。",
    "本例的部件均为虚构，不存在于世。",
    "所述控制单元分别与采集单元和执行单元连接。",
    "结构简单，使用方便，便于维护。",
    "所述壳体内侧设有密封圈，所述密封圈与端盖抵接。",
    "降低了能耗，提高了加工的一致性。",
    "所述第一组分与第二组分的重量比为1：3至1：5。",
)
_AGENCY_HEADS = "甲乙丙丁戊己庚辛壬癸"
_SURNAMES = "王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗"


@lru_cache(maxsize=64)
def _agency(number: int) -> tuple[str, int]:
    # the width of the brackets is each agency's own habit, whatever the applicants' names have
    left, right = ("（", "）") if number % 3 else ("(", ")")
    form = ("专利代理事务所", "知识产权代理有限公司")[number % 2]
    return f"天津例{_AGENCY_HEADS[number % 10]}{form}{left}{('普通合伙', '特殊普通合伙')[number % 4 == 0]}{right}", (
        12_000 + number * 37
    )


def _person(luck: int, at: int) -> str:
    return _SURNAMES[(luck >> (at * 7)) % 20] + "某"


@lru_cache(maxsize=4096)
def _digits(day: date) -> str:
    return f"{day:%Y%m%d}"


def gazette_number(day: date) -> str:
    """Volume, week of the year, and the issue's place in the week."""
    return f"{day.year - 1984}-{day.isocalendar().week:02d}{2 if day.weekday() == 4 else 1:02d}"


def file_stem(found: Document) -> str:
    """Name of the document's directory and, with .XML, of its file."""
    code = found.luck >> 40
    check = "00#" if code % 25 == 0 else "00" + _CHECKS[code % 26]
    group = "DBP" if found.family == DESIGN else "BIA"
    return f"CN{found.application.standard}CN{found.number:0>13}0{found.letter}{group}ZH{found.day:%Y%m%d}CN{check}"


def _or_zero(text: str) -> str:
    return text or "0"


@lru_cache(maxsize=8192)
def _address(place: Place) -> bytes:
    text = f"{place.post_code} {place.text}" if place.post_code else place.text
    return (
        _ADDRESS
        % (
            _or_zero(place.county),
            _or_zero(place.city),
            _or_zero(place.province),
            _or_zero(place.post_code),
            place.state,
            escape(text),
        )
    ).encode()


@lru_cache(maxsize=8)
def _party_frame(tag: str) -> tuple[bytes, bytes, bytes, bytes]:
    kind = ' appType="applicant"' if tag == "Applicant" else ""
    return (
        f'        <business:{tag} sequence="'.encode(),
        f'"{kind} {_MADE}>\n          <base:AddressBook lang="zh">\n            <base:Name>'.encode(),
        b"</base:Name>\n",
        f"          </base:AddressBook>\n{_ORGANIZATION}        </business:{tag}>\n".encode(),
    )


def _parties(tag: str, names: list[str], address: bytes) -> bytes:
    # only the first of them has an address
    begin, book, named, end = _party_frame(tag)
    parts: list[bytes] = []
    for at, name in enumerate(names, 1):
        parts += (begin, b"%d" % at, book, escape(name).encode(), named, address if at == 1 else b"", end)
    return b"".join(parts)


@lru_cache(maxsize=2048)
def _agent_of(number: int, person: str) -> bytes:
    name, code = _agency(number)
    return (_AGENT % (code, name, code, person)).encode()


def _agent(found: Document) -> bytes:
    return _agent_of(found.agency, _person(found.luck, 9)) if found.agency else b""


@lru_cache(maxsize=512)
def _inventor(form: str, at: int, person: str) -> bytes:
    return (form % (at, person)).encode()


@lru_cache(maxsize=8192)
def _class(at: int, subclass: str, group: int, subgroup: str, version: str) -> bytes:
    return (
        _CLASS
        % (
            at,
            version,
            subclass[0],
            subclass[1:3],
            subclass[3],
            group,
            subgroup,
            subclass,
            group,
            subgroup,
            version[:4],
            version[4:6],
        )
    ).encode()


@lru_cache(maxsize=4096)
def _sentences(bits: int) -> bytes:
    return "".join(_SENTENCES[(bits >> (3 * at)) % 8] for at in range(4)).encode()


@lru_cache(maxsize=64)
def _gazette(day: date) -> bytes:
    return (_GAZETTE % (gazette_number(day), f"{day:%Y%m%d}")).encode()


def page(found: Document, stem: str = "") -> bytes:
    """The XML of a document, with byte order mark, in UTF-8; `stem` saves making its file name again.

    The pieces are joined as bytes: one long text with a few Chinese characters would be widened and encoded as a whole.
    """
    day, kind = _digits(found.day), found.letter
    filed = _digits(found.filed)
    applied = _TYPE[found.family]
    number = found.number
    standard, original = found.application.standard, found.application.original
    forms = (_STANDARD, _ORIGINAL) if found.publication_standard_first else (_ORIGINAL, _STANDARD)
    pairs = ((_STANDARD, standard), (_ORIGINAL, original))
    (form1, number1), (form2, number2) = pairs if found.standard_first else pairs[::-1]
    tag = b"DesignBibliographicData" if found.family == DESIGN else b"BibliographicData"
    parts = [
        (
            _HEAD % ((stem or file_stem(found)) + ".XML", _digits(found.produced), found.status, number, kind, day)
        ).encode(),
        b"  <business:%b>\n" % tag,
        ((_PUBLICATION + _PUBLICATION) % (forms[0], number, kind, day, forms[1], number, kind, day)).encode(),
        _gazette(found.day),
        ((_APPLICATION + _APPLICATION) % (applied, form1, number1, filed, applied, form2, number2, filed)).encode(),
    ]
    if found.family == DESIGN:
        _design_body(found, parts)
    else:
        _body(found, parts)
    parts.append(b"</business:PatentDocumentAndRelated>\n")
    return b"".join(parts)


_BEFORE_TITLE = (
    b"    </business:ClassificationIPCRDetails>\n"
    b'    <business:InventionTitle lang="zh" dataFormat="original" sourceDB="national office"'
    b' processingType="original" creator="03">'
)
_AFTER_TITLE = (
    b'</business:InventionTitle>\n    <business:Parties>\n      <business:ApplicantDetails representative="1">\n'
)


def _body(found: Document, parts: list[bytes]) -> None:
    parts.append(b'    <business:ClassificationIPCRDetails creator="03" processingType="original">\n')
    parts += [_class(at, *entry) for at, entry in enumerate(found.classes, 1)]
    # the title may hold elements of the base namespace
    title = found.title.encode()
    address = _address(found.place)
    parts += (_BEFORE_TITLE, title, _AFTER_TITLE, _parties("Applicant", found.owner_names, address))
    parts.append(b"      </business:ApplicantDetails>\n      <business:InventorDetails>\n")
    parts += [_inventor(_INVENTOR, at, _person(found.luck, at)) for at in range(1, found.inventors + 1)]
    parts.append(b"      </business:InventorDetails>\n")
    if found.family != PUBLISHED:
        parts += (
            b"      <business:AssigneeDetails>\n",
            _parties("Assignee", found.assignee_names, address),
            b"      </business:AssigneeDetails>\n",
        )
    parts += (_agent(found), b"    </business:Parties>\n  </business:BibliographicData>\n")
    bits = found.luck
    plain = title
    if b"<" in title:
        plain = re.sub(rb"</?[\w:]+>", b"", title)
    what = "本实用新型涉及" if found.family == UTILITY else "本发明涉及"
    figure = b""
    if bits % 10:
        number = found.application.original.split(".")[0]
        figure = (_FIGURE % (200 + bits % 300, bits % 97, number)).encode()
    parts += (_BEFORE_ABSTRACT, what.encode(), plain, "。".encode(), _sentences(bits % 4096), _AFTER_ABSTRACT, figure)
    parts.append(b"  </business:Abstract>\n")


def _design_body(found: Document, parts: list[bytes]) -> None:
    edition = max(8, min(15, (found.day.year - 1967) // 4 + 1))
    parts += (
        (
            f"    <business:PatentNumber>ZL{found.application.original}</business:PatentNumber>\n"
            f'    <business:ClassificationLocarno editionStatementVersion="{edition}">\n'
            f"      <business:MainClassification>{found.locarno}</business:MainClassification>\n"
            "    </business:ClassificationLocarno>\n"
            '    <business:DesignTitle lang="zh" dataFormat="original">'
        ).encode(),
        escape(found.title).encode(),
        b"</business:DesignTitle>\n    <business:ApplicantDetails>\n",
        _parties("Applicant", found.owner_names, _address(found.place)),
        b"    </business:ApplicantDetails>\n    <business:DesignerDetails>\n",
    )
    parts += [_inventor(_DESIGNER, at, _person(found.luck, at)) for at in range(1, min(found.inventors, 3) + 1)]
    parts += (b"    </business:DesignerDetails>\n", _agent(found))
    goods = found.title.split("（")[0].split("(")[0]
    parts.append(
        (
            "  </business:DesignBibliographicData>\n"
            '  <business:DesignBriefExplanation lang="zh">\n'
            f'    <base:Paragraphs num="0001">1．本外观设计产品的名称：{escape(goods)}。2．用途：虚构的例子。'
            "3．设计要点：在于形状。</base:Paragraphs>\n  </business:DesignBriefExplanation>\n"
        ).encode()
    )


def stamp(found: Document) -> tuple[int, int, int, int, int, int]:
    """The file's time inside a zip: the afternoon before it came out."""
    day = found.produced
    return (day.year, day.month, day.day, 16, 30, 0)
