"""TRS text: records of `<key>=value` lines after `<REC>`, UTF-8 or GB18030, as the retrieval system exports them.

Keys are full-width words, values may be wrapped over several lines and hold markup, keys without a value are left out.
Nothing closes a record but the next one, so a cut shows only in what is missing: a record without all that every record
has is not loaded, nor is a last one that ends within a line or without the closing key of the others.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from pathlib import Path

from ingestion import numbers, text
from ingestion.archives import Bounds
from ingestion.readers import Limits, Parsed, Refusal, Reject
from ingestion.readers.delimited import Columns, Record, ends_with_a_line, lines_of
from ingestion.readers.delimited import read as read_flat
from ingestion.readers.rows import (
    EARLIEST_ABROAD,
    Owners,
    Related,
    as_json,
    content,
    day,
    priorities,
    reject,
)

_RECORD_LIMIT = 4 << 20  # characters of one record
_LAST_KEY = "国省代码"
_KEY_START, _ENCODING_SHOWS = "<公开", 1 << 20

#: key as written, brackets half width → column. The last three are known from descriptions only.
_KEYS = {
    "公开(公告)号": "publication_number",
    "公开(公告)日": "publication_date",
    "申请号": "application_number",
    "申请日": "filing_date",
    "名称": "title",
    "主分类号": "main_class",
    "分类号": "classes",
    "申请(专利权)人": "owner_names",
    "发明(设计)人": "inventor_names",
    "地址": "address_text",
    "专利代理机构": "agency_name",
    "代理人": "agent_person_names",
    "国际申请": "pct_application",
    "国际公布": "pct_publication",
    "进入国家日期": "national_entry_date",
    _LAST_KEY: "place_code",
    "优先权": "priorities",
    "同族专利项": "family",
    "专利号": "patent_number",
}
_NAMES = tuple(_KEYS.values())
_AT = {name: index for index, name in enumerate(_NAMES)}
#: a record without one of these was cut or belongs to another layout
_REQUIRED = ("公开(公告)日", "申请号", "申请日", "名称", "申请(专利权)人")

# a key is a Chinese word (or one of the system's own); what looks like it in a wrapped text is markup
_LINE = re.compile(r"\s*<((?:TRS)?[\u4e00-\u9fffA-Z][\u4e00-\u9fff()（）A-Za-z]{0,29})>=(.*)", re.DOTALL)
_BRACKETS = str.maketrans("（）", "()")
_WORD_END, _WORD_START = re.compile(r"[A-Za-z0-9.,]$"), re.compile(r"^[A-Za-z0-9(]")

_PCT = re.compile(r"PCT/[A-Z]{2}\d{2,4}/\d{3,6}", re.IGNORECASE)
_WO = re.compile(r"WO\s?\d{2,4}/\d{3,6}(?:\s?[A-Z]\d?(?![A-Z]))?", re.IGNORECASE)
_DAY = re.compile(r"\d{4}[.\-/]\d{1,2}[.\-/]\d{1,2}|(?<!\d)(?:19|20)\d{6}(?!\d)")
_CODES_OF_FIELDS = re.compile(r"\[3[0-3]\]")


def read(path: Path, *, limits: Limits | None = None) -> Iterator[Parsed]:
    """Batches of one file; see ingestion.readers."""
    return read_flat(path, _columns(_encoding(path)), limits or Bounds())


def _encoding(path: Path) -> str:
    """The encoding in which the first keys can be read; the strict decoder says where a line is of another one."""
    with path.open("rb") as handle:
        start = handle.read(_ENCODING_SHOWS)
    if _KEY_START.encode() not in start and _KEY_START.encode("gb18030") in start:
        return "gb18030"
    return "utf-8"


def _records(path: Path, columns: Columns) -> Iterator[Record]:
    """Every record from `<REC>` to the next one."""
    record: _Record | None = None
    others_close = False
    for number, line in lines_of(path, columns.encoding):
        if line.strip() == "<REC>":
            if record is not None:
                yield record.place, record.cells()
                others_close = others_close or record.is_closed
            record = _Record(number)
        elif record is not None:
            record.add(number, line)
        elif line.strip():
            raise Refusal(
                "no_records",
                "文件不以 <REC> 开头，不是 TRS 文本",
                "the file does not begin with <REC>: no TRS text",
                place=f"第{number}行",
                value=line,
            )
    if record is not None:
        record.is_cut = not record.is_closed and (others_close or not ends_with_a_line(path))
        yield record.place, record.cells()


class _Record:
    """One record while its lines come in; what is wrong with it is told at its end."""

    def __init__(self, number: int) -> None:
        self.place = f"第{number}行"
        self.is_cut = False
        self._values: dict[str, str] = {}
        self._key: str | None = None
        self._size = 0
        self._problem: tuple[str, str | None, str, str, str] | None = None

    @property
    def is_closed(self) -> bool:
        return _LAST_KEY in self._values

    def add(self, number: int, line: str) -> None:
        """One line: a key with its value, or what goes on of the value before."""
        self._size += len(line)
        if self._size > _RECORD_LIMIT:
            self._values, self._key = {}, None
            self._problem = (
                "", None, "record_too_long",
                f"一条记录超过 {_RECORD_LIMIT} 字符", f"a record is longer than {_RECORD_LIMIT} characters",
            )  # fmt: skip
            return
        found = _LINE.fullmatch(line)
        if found is None:
            if self._key is not None:
                before, more = self._values[self._key], line.strip()
                between = " " if _WORD_END.search(before) and _WORD_START.search(more) else ""
                self._values[self._key] = before + between + more
            return
        key = found[1].translate(_BRACKETS)
        self._key = key if key in _KEYS else None
        if self._key is None:
            return
        if key in self._values:
            # two records that ran into each other: neither is believed
            self._problem = self._problem or (
                _KEYS[key], None if _is_person(key) else found[2], "repeated_field",
                f"一条记录内“{key}”出现两次", f"{key} stands twice in one record",
            )  # fmt: skip
            return
        if _KEYS[key] == "publication_number":
            self.place = f"第{number}行"
        self._values[key] = found[2].strip()

    def cells(self) -> list[str] | Reject:
        """A value for each of _NAMES, `` where there is none."""
        if self._problem is None and self.is_cut:
            self._problem = (
                "", None, "truncated",
                f"最后一条记录缺少“{_LAST_KEY}”，且其他记录都有或文件止于行中：文件被截断",
                f"the last record lacks {_LAST_KEY}, which others have, or ends within a line: the file was cut",
            )  # fmt: skip
        if "专利号" in self._values:
            self._values.setdefault("申请号", self._values["专利号"])
        if self._problem is None and "公开(公告)号" in self._values:
            for key in _REQUIRED:
                if text.clean(self._values.get(key)) is None:
                    self._problem = (
                        _KEYS[key], None, "incomplete_record",
                        f"记录缺少“{key}”", f"the record lacks {key}",
                    )  # fmt: skip
                    break
        if self._problem is not None:
            return reject(self.place, *self._problem, self._shown())
        return [self._values.get(key, "") for key in _KEYS]

    def _shown(self) -> str:
        return "\n".join(
            f"<{key}>=" + (f"[{len(text.split_names(value))}人]" if _is_person(key) else value)
            for key, value in self._values.items()
        )


def _is_person(key: str) -> bool:
    return _AT[_KEYS[key]] in _PERSONAL


_PERSONAL = (_AT["inventor_names"], _AT["agent_person_names"])


def _build(cells: list[str]) -> tuple[object, ...]:
    said = dict(zip(_NAMES, cells, strict=True))
    publication = numbers.parse_publication(said["publication_number"])
    assert publication is not None  # rows without it never come here
    filing_date = day("filing_date", said["filing_date"])
    is_design = publication.patent_type == "design"
    classes = f"{said['main_class']};{said['classes']}"
    owners = text.split_names(said["owner_names"])
    post_code, address = text.split_post_code(said["address_text"])
    inventors, agents = said["inventor_names"], said["agent_person_names"]
    return content(
        publication,
        day("publication_date", said["publication_date"]),
        numbers.parse_application(said["application_number"], filing_date),
        filing_date,
        text.clean_title(said["title"]),
        [] if is_design else text.ipc_codes(classes),
        text.locarno_codes(classes) if is_design else [],
        Owners(owners, len(owners), address, _province(said["place_code"]), None, None, post_code, None),
        text.agency_name(said["agency_name"]),
        len(text.split_names(inventors)) if inventors else None,
        None,
        Related(
            len(text.split_names(agents)) if agents else None,
            *priorities(_priorities(said["priorities"])),
            as_json(text.split_names(said["family"])) if said["family"] else None,
            _number(_PCT, said["pct_application"]),
            _number(_WO, said["pct_publication"]),
            day("national_entry_date", said["national_entry_date"]),
        ),
    )


def _province(code: str) -> str | None:
    """`天津;12` → 天津; `日本;JP` is no province."""
    name, _, number = (text.clean(code) or "").partition(";")
    return text.clean_place_name(name) if number.strip().isdecimal() else None


def _number(shape: re.Pattern[str], written: str) -> str | None:
    """The number in `PCT/JP98/01007 1998.03.11` or `WO99/46424 日 1999.09.16`; what has another shape, as it is."""
    cleaned = text.clean(written)
    if cleaned is None:
        return None
    found = shape.search(cleaned)
    return text.clean_code(found[0]) if found else cleaned


def _priorities(written: str) -> list[tuple[str, date | None]]:
    """`1997.03.12 JP 57854/97;…` → (`JP 57854/97`, day) of each."""
    claims: list[tuple[str, date | None]] = []
    for claim in text.split_names(_CODES_OF_FIELDS.sub(" ", written)):
        found = _DAY.search(claim)
        number = text.clean(claim if found is None else claim[: found.start()] + " " + claim[found.end() :])
        if number is not None:
            claims.append((number, day("first_priority_date", found[0], EARLIEST_ABROAD) if found else None))
    return claims


def _columns(encoding: str) -> Columns:
    return Columns(
        encoding=encoding,
        names=_NAMES,
        header=None,
        publication_number=_AT["publication_number"],
        title=_AT["title"],
        personal=_PERSONAL,
        application_number=_AT["application_number"],
        row_number=None,
        shown_of_broken=0,
        build=_build,
        records=_records,
    )
