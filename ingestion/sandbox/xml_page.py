"""One document as the feed delivers it: file name and XML, from text templates (a DOM would be ten times slower)."""

from __future__ import annotations

from functools import lru_cache
from xml.sax.saxutils import escape

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
_ABSTRACT = (
    '  <business:Abstract dataFormat="original" lang="zh" sourceDB="national office" processingType="original"'
    ' creator="03">\n    <base:Paragraphs num="0001">%s</base:Paragraphs>\n%s  </business:Abstract>\n'
)
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


def gazette_number(found: Document) -> str:
    week = found.day.isocalendar().week
    return f"{found.day.year - 1984}-{week:02d}{2 if found.day.weekday() == 4 else 1:02d}"


def file_stem(found: Document) -> str:
    """Name of the document's directory and, with .XML, of its file."""
    code = found.luck >> 40
    check = "00#" if code % 25 == 0 else "00" + _CHECKS[code % 26]
    group = "DBP" if found.family == DESIGN else "BIA"
    return f"CN{found.application.standard}CN{found.number:0>13}0{found.letter}{group}ZH{found.day:%Y%m%d}CN{check}"


def _or_zero(text: str) -> str:
    return text or "0"


def _address(found: Document) -> str:
    place = found.place
    return _ADDRESS % (
        _or_zero(place.county),
        _or_zero(place.city),
        _or_zero(place.province),
        _or_zero(place.post_code),
        place.state,
        escape(f"{place.post_code} {place.text}" if place.post_code else place.text),
    )


def _parties(tag: str, names: list[str], found: Document) -> str:
    # only the first of them has an address
    kind = ' appType="applicant"' if tag == "Applicant" else ""
    parts = []
    for at, name in enumerate(names, 1):
        parts.append(
            f'        <business:{tag} sequence="{at}"{kind} {_MADE}>\n          <base:AddressBook lang="zh">\n'
            f"            <base:Name>{escape(name)}</base:Name>\n"
            f"{_address(found) if at == 1 else ''}          </base:AddressBook>\n{_ORGANIZATION}"
            f"        </business:{tag}>\n"
        )
    return "".join(parts)


def _agent(found: Document) -> str:
    if not found.agency:
        return ""
    name, code = _agency(found.agency)
    return _AGENT % (code, name, code, _person(found.luck, 9))


def page(found: Document) -> bytes:
    """The XML of a document, with byte order mark, in UTF-8."""
    day, kind = f"{found.day:%Y%m%d}", found.letter
    filed = f"{found.filed:%Y%m%d}"
    applied = _TYPE[found.family]
    publications = [_PUBLICATION % (form, found.number, kind, day) for form in (_STANDARD, _ORIGINAL)]
    applications = [
        _APPLICATION % (applied, form, number, filed)
        for form, number in ((_STANDARD, found.application.standard), (_ORIGINAL, found.application.original))
    ]
    if not found.publication_standard_first:
        publications.reverse()
    if not found.standard_first:
        applications.reverse()
    tag = "DesignBibliographicData" if found.family == DESIGN else "BibliographicData"
    parts = [
        _HEAD % (file_stem(found) + ".XML", f"{found.produced:%Y%m%d}", found.status, found.number, kind, day),
        f"  <business:{tag}>\n",
        *publications,
        _GAZETTE % (gazette_number(found), day),
        *applications,
    ]
    if found.family == DESIGN:
        parts += _design_body(found)
    else:
        parts += _body(found)
    parts.append("</business:PatentDocumentAndRelated>\n")
    return "".join(parts).encode()


def _body(found: Document) -> list[str]:
    parts = ['    <business:ClassificationIPCRDetails creator="03" processingType="original">\n']
    for at, (subclass, group, subgroup, version) in enumerate(found.classes, 1):
        parts.append(
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
        )
    # the title may hold elements of the base namespace
    parts.append(
        "    </business:ClassificationIPCRDetails>\n"
        '    <business:InventionTitle lang="zh" dataFormat="original" sourceDB="national office"'
        f' processingType="original" creator="03">{found.title}</business:InventionTitle>\n'
        '    <business:Parties>\n      <business:ApplicantDetails representative="1">\n'
    )
    parts.append(_parties("Applicant", found.owner_names, found))
    parts.append("      </business:ApplicantDetails>\n      <business:InventorDetails>\n")
    parts += [_INVENTOR % (at, _person(found.luck, at)) for at in range(1, found.inventors + 1)]
    parts.append("      </business:InventorDetails>\n")
    if found.family != PUBLISHED:
        parts.append("      <business:AssigneeDetails>\n")
        parts.append(_parties("Assignee", found.assignee_names, found))
        parts.append("      </business:AssigneeDetails>\n")
    parts.append(_agent(found))
    parts.append("    </business:Parties>\n  </business:BibliographicData>\n")
    what = "本实用新型" if found.family == UTILITY else "本发明"
    plain = found.title.replace("<base:Sub>", "").replace("</base:Sub>", "")
    plain = plain.replace("<base:Sup>", "").replace("</base:Sup>", "")
    bits = found.luck
    sentences = "".join(_SENTENCES[(bits >> (3 * at)) % 8] for at in range(4))
    figure = ""
    if bits % 10:
        figure = _FIGURE % (200 + bits % 300, bits % 97, found.application.original.split(".")[0])
    parts.append(_ABSTRACT % (f"{what}涉及{plain}。{sentences}", figure))
    return parts


def _design_body(found: Document) -> list[str]:
    edition = max(8, min(15, (found.day.year - 1967) // 4 + 1))
    # two spaces less than elsewhere: the parties stand one level higher here
    parts = [
        f"    <business:PatentNumber>ZL{found.application.original}</business:PatentNumber>\n"
        f'    <business:ClassificationLocarno editionStatementVersion="{edition}">\n'
        f"      <business:MainClassification>{found.locarno}</business:MainClassification>\n"
        "    </business:ClassificationLocarno>\n"
        f'    <business:DesignTitle lang="zh" dataFormat="original">{escape(found.title)}</business:DesignTitle>\n'
        "    <business:ApplicantDetails>\n",
        _parties("Applicant", found.owner_names, found),
        "    </business:ApplicantDetails>\n    <business:DesignerDetails>\n",
    ]
    parts += [_DESIGNER % (at, _person(found.luck, at)) for at in range(1, min(found.inventors, 3) + 1)]
    parts.append("    </business:DesignerDetails>\n")
    parts.append(_agent(found))
    goods = found.title.split("（")[0].split("(")[0]
    parts.append(
        "  </business:DesignBibliographicData>\n"
        '  <business:DesignBriefExplanation lang="zh">\n'
        f'    <base:Paragraphs num="0001">1．本外观设计产品的名称：{escape(goods)}。2．用途：虚构的例子。'
        "3．设计要点：在于形状。</base:Paragraphs>\n  </business:DesignBriefExplanation>\n"
    )
    return parts


def stamp(found: Document) -> tuple[int, int, int, int, int, int]:
    """The file's time inside a zip: the afternoon before it came out."""
    day = found.produced
    return (day.year, day.month, day.day, 16, 30, 0)
