"""The free text of a legal status record, in all the shapes in which it goes about, and the record as XML."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from xml.sax.saxutils import escape

from ingestion.sandbox.targets import DESIGN, GRANTED, UTILITY
from ingestion.sandbox.topics import Class

Pair = tuple[str, str | date]

PLAIN, SPACED, LINES, CHINESE, TEMPLATE = "plain", "spaced", "lines", "chinese", "template"

_TYPE = {GRANTED: ("10", "发明专利"), UTILITY: ("20", "实用新型专利"), DESIGN: ("30", "外观设计专利")}


def main_class(classes: Sequence[Class], locarno: str, is_padded: bool) -> Pair:
    """The pair that begins most texts: the first class, with the blanks of the old print or without."""
    if not classes:
        return "主分类号", locarno
    subclass, group, subgroup, _ = classes[0]
    return "IPC(主分类)", f"{subclass}{group:4d}/{subgroup}" if is_padded else f"{subclass}{group}/{subgroup}"


def _said(value: str | date, form: str = "%Y%m%d") -> str:
    return value if isinstance(value, str) else format(value, form)


def compose(shape: str, name: str, heading: Pair, number: str, pairs: Sequence[Pair]) -> str:
    """One text. `heading` is the class, `number` the application's original number."""
    if shape == LINES:  # as an interface hands it on
        every = [heading, ("专利申请号", number), *pairs]
        return "\n".join(f"{label}: {_said(value, '%Y.%m.%d')}" for label, value in every)
    if shape == CHINESE:  # the effective day first, and a full stop
        days = [pair for pair in pairs if isinstance(pair[1], date)]
        every = [*days[-1:], *(pair for pair in pairs if pair not in days[-1:])]
        return "；".join(f"{label}：{_said(value)}" for label, value in every) + "。"
    if shape == TEMPLATE:
        return "\n".join([name, f"专利号:{number}", *(f"{label}:{_said(value)}" for label, value in pairs)])
    gap = "&nbsp;&nbsp;" if shape == SPACED else ""
    return f"{name}{heading[0]}:{heading[1]};" + "".join(f"{gap}{label}:{_said(value)};" for label, value in pairs)


_HEAD = (
    '\ufeff<?xml version="1.0" encoding="utf-8" standalone="no"?>\n'
    '<!DOCTYPE business:PRS SYSTEM "/DTDS/ExternalStandards/ipphdb-entities.dtd"[]>\n'
    '<business:PRS xmlns:base="http://www.sipo.gov.cn/XMLSchema/base"'
    ' xmlns:business="http://www.sipo.gov.cn/XMLSchema/business" xmlns:m="http://www.w3.org/1998/Math/MathML"'
    ' xmlns:tbl="http://oasis-open.org/specs/soextblx" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"'
    ' xsdVersion="V2.2.1" dateProduced="%s" status="%s" lang="zh" country="CN">\n'
    '  <business:PRSRecord PRSID="%s" status="%s">\n'
)
_STANDARD = 'dataFormat="standard" sequence="1"'
_ORIGINAL = 'dataFormat="original" sourceDB="national office" sequence="1"'
_APPLICATION = (
    '    <business:ApplicationReference applType="%s" %s>\n      <base:DocumentID>\n'
    "        <base:WIPOST3Code>CN</base:WIPOST3Code>\n        <base:DocNumber>%s</base:DocNumber>\n"
    "        <base:Date>%s</base:Date>\n      </base:DocumentID>\n    </business:ApplicationReference>\n"
)
_REST = (
    "    <business:IPRType>%s</business:IPRType>\n"
    "    <business:PRSPublicationDate>\n      <base:Date>%s</base:Date>\n    </business:PRSPublicationDate>\n"
    "    <business:PRSCode>%s</business:PRSCode>\n    <business:PRSValue>%s</business:PRSValue>\n"
    "    <business:PRSInformation>%s</business:PRSInformation>\n"
    "    <business:StatusIndicator>%s</business:StatusIndicator>\n"
    "  </business:PRSRecord>\n</business:PRS>\n"
)


def page(
    *,
    family: str,
    prs_id: str,
    status: str,
    produced: date,
    published: date,
    numbers: tuple[str, str],
    is_standard_first: bool,
    filed: date,
    code: str,
    value: str,
    text: str,
) -> bytes:
    """The XML of one record, with byte order mark, in UTF-8; `numbers` are the standard form and the original."""
    kind, right = _TYPE[family]
    day = f"{filed:%Y%m%d}"
    pairs = ((_STANDARD, numbers[0]), (_ORIGINAL, numbers[1]))
    first, second = pairs if is_standard_first else pairs[::-1]
    return (
        _HEAD % (f"{produced:%Y%m%d}", status, prs_id, status)
        + _APPLICATION % (kind, *first, day)
        + _APPLICATION % (kind, *second, day)
        + _REST % (right, f"{published:%Y%m%d}", code, escape(value), escape(text), "0")
    ).encode()
