"""Small patent feeds made for one test: the true layouts, invented content, exactly as many records as asked for."""

from __future__ import annotations

import struct
import zipfile
from datetime import date
from pathlib import Path

DONGLI = "天津市东丽区华明高新技术产业区华丰路6号"
ELSEWHERE = "广东省深圳市龙岗区布吉街道东丽观海山庄"


def application_number(serial: int, year: int = 2016) -> str:
    """`201610058726.X`: year, type 1, serial of seven, check digit."""
    digits = f"{year}1{serial:07d}"
    weights = (2, 3, 4, 5, 6, 7, 8, 9, 2, 3, 4, 5)
    rest = sum(int(digit) * weight for digit, weight in zip(digits, weights, strict=True)) % 11
    return f"{digits}.{'X' if rest == 10 else rest}"


def publication_number(serial: int) -> str:
    return f"CN1{serial:08d}A"


def bibs_row(
    serial: int, day: str, *, title: str | None = None, address: str = DONGLI, post_code: str = "300300"
) -> str:
    """One line of the header-less ten-column CSV."""
    cells = (
        f"CN{application_number(serial)}",
        "20160104",
        publication_number(serial),
        day,
        "H02P5/00;H02P5/46;",
        f"天津例{serial}科技有限公司",
        "某某",
        title or f"一种虚构装置{serial}号",
        address,
        post_code,
    )
    return ",".join(f'"{cell.replace(chr(34), chr(34) * 2)}"' if set(cell) & set(',"\n') else cell for cell in cells)


def bibs_csv(root: Path, day: str, serials: range, *, kind: str = "10-A", address: str = DONGLI) -> Path:
    """A file of the flat feed, one line a serial."""
    path = root / "cnipa_bibs_2017" / f"CN-BIBS-ABSS-{kind}_{day}.csv"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{bibs_row(serial, day, address=address)}\n" for serial in serials), encoding="utf-8")
    return path


_DOCUMENT = """\ufeff<?xml version="1.0" encoding="utf-8" standalone="no"?>
<!DOCTYPE business:PatentDocumentAndRelated SYSTEM "/DTDS/ExternalStandards/ipphdb-entities.dtd"[]>
<business:PatentDocumentAndRelated xmlns:base="http://www.sipo.gov.cn/XMLSchema/base" \
xmlns:business="http://www.sipo.gov.cn/XMLSchema/business" xsdVersion="V2.2.1" file="{name}" dateProduced="{day}" \
status="C" lang="zh" country="CN" docNumber="{number}" kind="A" datePublication="{day}">
<business:BibliographicData lang="zh" country="CN">
<business:PublicationReference dataFormat="standard"><base:DocumentID><base:WIPOST3Code>CN</base:WIPOST3Code>\
<base:DocNumber>{number}</base:DocNumber><base:Kind>A</base:Kind><base:Date>{day}</base:Date></base:DocumentID>\
</business:PublicationReference>
<business:ApplicationReference applType="10" dataFormat="original"><base:DocumentID>\
<base:WIPOST3Code>CN</base:WIPOST3Code><base:DocNumber>{application}</base:DocNumber><base:Date>20160104</base:Date>\
</base:DocumentID></business:ApplicationReference>
<business:InventionTitle lang="zh" dataFormat="original">{title}</business:InventionTitle>
<business:Parties><business:ApplicantDetails><business:Applicant sequence="1"><base:AddressBook lang="zh">\
<base:Name>天津例{serial}科技有限公司</base:Name><base:Address><base:Street>0</base:Street>\
<base:County>东丽区</base:County><base:City>市辖区</base:City><base:Province>天津市</base:Province>\
<base:PostCode>300300</base:PostCode><base:Text>{address}</base:Text></base:Address></base:AddressBook>\
</business:Applicant></business:ApplicantDetails></business:Parties>
</business:BibliographicData></business:PatentDocumentAndRelated>
"""


def document(serial: int, day: str, *, title: str | None = None) -> tuple[str, bytes]:
    """File name and bytes of one BIBS-ABSS document (publication of an invention)."""
    number = f"1{serial:08d}"
    name = f"CN10201600{serial:07d}CN{int(number):013d}0ABIAZH{day}CN00L.XML"
    text = _DOCUMENT.format(
        name=name,
        day=day,
        number=number,
        serial=serial,
        application=application_number(serial),
        title=title or f"一种虚构装置{serial}号",
        address=DONGLI,
    )
    return name, text.encode("utf-8")


def dated_folder(root: Path, day: str, package: str = "CN-PA-BIBS-ABSS-10-A_发明专利申请公布") -> Path:
    folder = root / "CN" / package / "data" / day
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def bibs_zip(
    root: Path, day: str, serials: range, *, name: str = "part1.zip", stored: bool = False, stamp: int = 2016
) -> Path:
    """A zip of the bulk feed, one folder and one document a serial; `stored` and `stamp` only change the packing."""
    path = dated_folder(root, day) / name
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED if stored else zipfile.ZIP_DEFLATED) as archive:
        for serial in serials:
            member, content = document(serial, day)
            info = zipfile.ZipInfo(f"{member[:-4]}/{member}", (stamp, 1, 1, 0, 0, 0))
            info.compress_type = archive.compression
            archive.writestr(info, content)
    return path


def split_zip(whole: bytes, *cuts: int) -> list[bytes]:
    """A zip as `zip -s` splits it, cut at these places: offsets count within parts, the last one has the directory."""
    end = whole.rindex(b"PK\x05\x06")
    count, size, start = struct.unpack_from("<HLL", whole, end + 10)
    directory = bytearray(whole[start : start + size])
    edges = [0, *cuts]

    def within(offset: int) -> tuple[int, int]:
        part = max(number for number, edge in enumerate(edges) if edge <= offset)
        return part, offset - edges[part]

    at = 0
    for _ in range(count):
        lengths = struct.unpack_from("<3H", directory, at + 28)
        (offset,) = struct.unpack_from("<L", directory, at + 42)
        part, offset = within(offset + 4)  # behind the marker of a split archive
        struct.pack_into("<H", directory, at + 34, part)
        struct.pack_into("<L", directory, at + 42, offset)
        at += 46 + sum(lengths)
    part, offset = within(start + 4)
    last = len(cuts)
    tail = struct.pack("<4s4H2LH", b"PK\x05\x06", last, part, count, count, size, offset, 0)
    joined = b"PK\x07\x08" + whole[:start] + bytes(directory) + tail
    return [joined[edge:following] for edge, following in zip(edges, [*cuts, len(joined)], strict=True)]


def day_of(text: str) -> date:
    return date(int(text[:4]), int(text[4:6]), int(text[6:]))
