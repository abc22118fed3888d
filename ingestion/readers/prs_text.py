"""Legal status as plain text, in the four shapes in which it is passed on; UTF-8 or GB18030, told by the bytes.

A line `申请号：…` says whose announcements follow, until the next one. An announcement is

* `#法律状态公告日：20120926;` with `法律状态：…` and `描述信息：…`, on lines of their own or all on one line;
* `type=… date=… content="…"`, whose content may run over several lines;
* `20201211|专利申请权、专利权的转移|登记生效日：…`;
* the template of the gazette: a title, then `专利号:`, `登记号:` … each on its line, or with `\\n` written out.

An announcement that names no patent is rejected: nothing else tells what it is about.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from ingestion import archives, legal_events
from ingestion.readers import BATCH_ROWS, Limits, Parsed, Refusal
from ingestion.readers.delimited import check_file, is_utf8, lines_of
from ingestion.readers.legal_rows import Events, Record
from ingestion.readers.rows import RowProblem

_LONGEST = 1 << 16  # characters of one announcement; a true one has some hundred

_NBSP = re.compile(r"&(?:amp;)?nbsp;?", re.IGNORECASE)
_STATUS = re.compile(r"#?\s*法律状态公告日\s*[:：]")
_API = re.compile(r"type\s*=")
_COLUMNS = re.compile(r"(?:\d{8}|\d{4}([-./])\d{1,2}\1\d{1,2}|\d{4}年\d{1,2}月\d{1,2}日)\s*[|｜]")
_HEADER = re.compile(r"(?:专利申请号|申请号|专利号)\s*[:：]\s*(.*)")

_DAY = re.compile(r"法律状态公告日\s*[:：]\s*([^;；\n]*)")
_NAME = re.compile(r"法律状态\s*[:：]\s*(.*?)[\s;；]*(?=(?:描述信息|法律状态信息)\s*[:：]|\Z)", re.DOTALL)
_INFORMATION = re.compile(r"(?:描述信息|法律状态信息)\s*[:：]\s*(.*)", re.DOTALL)
_API_LINE = re.compile(r"type\s*=\s*(.*?)\s+date\s*=\s*(\S+)\s+content\s*=\s*(.*)", re.DOTALL)
_GAZETTE_DAY = ("法律状态公告日", "公告日", "公告日期")


@dataclass
class _Block:
    """The lines of one announcement; `shape` is empty for lines of no announcement."""

    line: int
    shape: str
    number: str | None  # of the header above it
    parts: list[str] = field(default_factory=list)
    size: int = 0

    def add(self, part: str) -> None:
        self.size += len(part)
        if self.size <= _LONGEST:
            self.parts.append(part)

    @property
    def text(self) -> str:
        return "\n".join(self.parts)

    @property
    def is_quoted(self) -> bool:
        """Whether the content of `content="…"` still runs on."""
        return self.shape == "api" and self.size <= _LONGEST and self.text.count('"') % 2 == 1

    @property
    def has_number(self) -> bool:
        return any(_HEADER.match(part) for part in self.parts)


def read(path: Path, *, limits: Limits | None = None) -> Iterator[Parsed]:
    """Batches of one text file; see ingestion.readers."""
    check_file(path, limits or archives.Bounds())
    events = Events("prs_text")
    batch = events.batch
    found = False
    for block in _blocks(path):
        place = f"第{block.line}行"
        try:
            events.add(_record(block), place, path.name)
        except RowProblem as problem:
            batch.rows_read += 1
            batch.rejects.append(problem.reject(place, legal_events.scrubbed(block.text)))
        found = found or block.shape != ""
        if len(batch.rows) >= BATCH_ROWS or len(batch.rejects) >= BATCH_ROWS:
            yield batch.take()
    if not found:
        raise Refusal(
            "no_rows", "文件中没有任何法律状态公告", "the file holds no announcement of legal status in any known shape"
        )
    yield batch.take()


def _blocks(path: Path) -> Iterator[_Block]:
    block: _Block | None = None
    number: str | None = None
    for at, line in lines_of(path, _encoding(path)):
        if block is not None and block.is_quoted:
            block.add(line)
            continue
        pieces = _pieces(line)
        if not pieces:  # a blank line ends a paragraph
            if block is not None:
                yield block
                block = None
            continue
        for piece in pieces:
            shape = _shape(piece)
            header = _HEADER.fullmatch(piece)
            if header and not (block is not None and block.shape == "template" and not block.has_number):
                if block is not None:
                    yield block
                block, number = None, header[1]
            elif shape == "template" and block is not None and block.shape == "status":
                block.add(piece)
            elif shape or block is None:
                if block is not None:
                    yield block
                block = _Block(at, shape, number)
                block.add(piece)
            else:
                block.add(piece)
    if block is not None:
        yield block


def _pieces(line: str) -> list[str]:
    """A line where it was flattened: one part an announcement, one part a field of the gazette's template."""
    line = _NBSP.sub(" ", line).strip()
    if _API.match(line):
        return [line]
    starts = [found.start() for found in _STATUS.finditer(line)]
    parts = [line[start:end] for start, end in zip([0, *starts], [*starts, None], strict=True)]
    return [piece for part in parts for piece in map(str.strip, part.split("\\n")) if piece]


def _shape(piece: str) -> str:
    if _STATUS.match(piece):
        return "status"
    if _API.match(piece):
        return "api"
    if _COLUMNS.match(piece):
        return "columns"
    is_title = ":" not in piece and "：" not in piece and legal_events.kind_of(piece) is not None
    return "template" if is_title else ""


def _record(block: _Block) -> Record:
    """The record of a block; RowProblem when it is none or names no patent."""
    if block.size > _LONGEST:
        raise RowProblem(
            "", str(block.size), "too_long", f"一条公告超过 {_LONGEST} 字", f"more than {_LONGEST} characters"
        )
    if not block.shape:
        raise RowProblem(
            "", block.parts[0], "unknown_line", "不是任何一种法律状态公告的写法", "this is no announcement"
        )
    announced, name, information = _SHAPES[block.shape](block)
    info = legal_events.read(information)
    number = info.number or block.number
    if not number:
        raise RowProblem(
            "application_number", None, "missing_key", "公告没有写明申请号", "the announcement names no patent"
        )
    if block.shape == "template":
        announced = info.first(_GAZETTE_DAY)
    return Record(None, None, number, info.filed, None, None, announced, None, name, information, None, None)


_Said = tuple[str | None, str | None, str | None]


def _status(block: _Block) -> _Said:
    day, name, information = (pattern.search(block.text) for pattern in (_DAY, _NAME, _INFORMATION))
    return (day[1] if day else None, name[1] if name else None, information[1] if information else None)


def _api(block: _Block) -> _Said:
    found = _API_LINE.match(block.text)
    if not found or block.is_quoted:
        raise RowProblem(
            "", block.parts[0], "broken_line", "不是完整的 type=… date=… content=…", "no whole type=… date=… content=…"
        )
    content = found[3].strip()
    return found[2], found[1], None if content == "null" else content.strip('"')


def _columns(block: _Block) -> _Said:
    cells = block.text.replace("｜", "|").split("|", 2)
    if not cells[1].strip():
        raise RowProblem(
            "prs_name", None, "missing_name", "缺少法律状态名称", "the name of the announcement is missing"
        )
    return cells[0], cells[1], cells[2] if len(cells) > 2 else None


def _template(block: _Block) -> _Said:
    return None, block.parts[0], "\n".join(block.parts[1:])


_SHAPES = {"status": _status, "api": _api, "columns": _columns, "template": _template}


def _encoding(path: Path) -> str:
    """UTF-8 when all bytes are well-formed UTF-8, else GB18030, which reads almost any bytes."""
    with path.open("rb") as handle:
        for raw in handle:
            if not is_utf8(raw):
                return "gb18030"
    return "utf-8"
