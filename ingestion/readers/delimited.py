"""What the flat layouts share: strict decoding, records that cannot swallow their neighbours, and the rule for one
publication number on several rows. Two are CSV; the third (TRS text) brings its own way of finding records.

A file is read twice: first to learn which numbers stand on several rows (one digest a row is kept), then to give out
rows. So no row is ever given out that a later one contradicts, and memory does not grow with the length of rows.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path

from ingestion import numbers, text
from ingestion.readers import BATCH_ROWS, Limits, Parsed, Refusal, Reject
from ingestion.readers.rows import STATUS_AT, Batch, RowProblem, reject

_LINE_LIMIT = 1 << 20  # bytes
_JOINED_LINES = 5  # a quoted field may hold line breaks, but not swallow the file
_UTF16 = (b"\xff\xfe", b"\xfe\xff")

# what differs between two copies of one row: blanks, the `??` of a lost EN SPACE, trailing separators
_ROW_NOISE = re.compile(r"[\s\u200b\ufeff]+|\?\?")
_ROW_TRAILING = re.compile(r"[;；]+(?=\x00|$)")


@dataclass(frozen=True)
class Columns:
    """A flat layout: its columns in order and how one row becomes content columns (see rows.content)."""

    encoding: str
    names: tuple[str, ...]
    header: tuple[str, ...] | None
    publication_number: int
    title: int
    personal: tuple[int, ...]
    application_number: int
    row_number: int | None
    shown_of_broken: int  # leading columns that can be shown of a row with a wrong number of columns
    build: Callable[[list[str]], tuple[object, ...]]
    records: Callable[[Path, Columns], Iterator[Record]] | None = None  # else the rows of a CSV
    whole_end: re.Pattern[str] | None = None  # how the last cell of a file ends that does not end with a line


#: place and cells of one row, or why it has none
Record = tuple[str, list[str] | Reject]


@dataclass
class _Key:
    """What is known of one publication number after the first pass."""

    digest: bytes
    title: str | None
    conflict: str | None = None
    seen: bool = False
    is_repeated: bool = False
    rows: list[tuple[int, str, list[str]]] = field(default_factory=list)


def read(path: Path, columns: Columns, limits: Limits) -> Iterator[Parsed]:
    """Batches of one flat file; Refusal when the file as a whole is not this layout."""
    check_file(path, limits)
    keys = _first_pass(path, columns)
    batch = Batch()
    _count_keys(batch, keys)
    for row_no, (place, cells) in enumerate(_records(path, columns), 1):
        batch.rows_read += 1
        if isinstance(cells, Reject):
            batch.rejects.append(cells)
        else:
            _one_row(batch, row_no, place, cells, columns, keys, path.name)
        if len(batch.rows) >= BATCH_ROWS or len(batch.rejects) >= BATCH_ROWS:
            yield batch.take()
    for key, entry in keys.items():
        if entry.conflict:
            _reject_conflict(batch, key, entry, columns)
            if len(batch.rejects) >= BATCH_ROWS:
                yield batch.take()
    if batch.rows or batch.rejects or batch.rows_read:
        yield batch.take()


def _one_row(
    batch: Batch, row_no: int, place: str, cells: list[str], columns: Columns, keys: dict[str, _Key], file_name: str
) -> None:
    publication = numbers.parse_publication(cells[columns.publication_number])
    if publication is None:
        problem = _no_key(cells[columns.publication_number])
        batch.rejects.append(problem.reject(place, _row_text(cells, columns)))
        return
    entry = keys[publication.number]
    if entry.conflict or entry.seen:
        _count_number(batch, cells, columns)
        if entry.conflict:
            entry.rows.append((row_no, place, cells))
        else:
            batch.duplicates += 1
        return
    entry.seen = True
    try:
        values = columns.build(cells)
    except RowProblem as problem:
        _count_number(batch, cells, columns)
        batch.rejects.append(problem.reject(place, _row_text(cells, columns)))
        return
    batch.counts[f"application_number_{values[STATUS_AT]}"] += 1
    batch.add(row_no, place, values, file_name)


def _count_number(batch: Batch, cells: list[str], columns: Columns) -> None:
    status = numbers.parse_application(cells[columns.application_number]).status
    batch.counts[f"application_number_{status}"] += 1


def _first_pass(path: Path, columns: Columns) -> dict[str, _Key]:
    keys: dict[str, _Key] = {}
    rows = good = 0
    broken: Reject | None = None
    for _, cells in _records(path, columns):
        rows += 1
        if isinstance(cells, Reject):
            broken = broken or cells
            continue
        good += 1
        publication = numbers.parse_publication(cells[columns.publication_number])
        if publication is None:
            continue
        digest = _digest(cells, columns)
        entry = keys.get(publication.number)
        if entry is None:
            # the title is needed only to tell the two kinds of conflict apart
            keys[publication.number] = _Key(digest, text.clean_title(cells[columns.title]))
            continue
        entry.is_repeated = True
        if entry.digest != digest:
            if text.clean_title(cells[columns.title]) != entry.title:
                entry.conflict = "conflict"
            elif entry.conflict is None:
                entry.conflict = "conflict_fields"
    if rows == 0:
        raise Refusal("no_rows", "文件中没有数据行", "the file holds no rows")
    if good == 0 and broken is not None:
        raise Refusal(
            broken.rule,
            f"没有一行符合约定的格式：{broken.reason_zh}",
            f"not one row is of this layout: {broken.reason_en}",
            place=broken.place,
            value=broken.value,
        )
    return keys


def _digest(cells: list[str], columns: Columns) -> bytes:
    row = "\x00".join(cell for index, cell in enumerate(cells) if index != columns.row_number)
    return blake2b(_ROW_TRAILING.sub("", _ROW_NOISE.sub("", row)).encode(), digest_size=16).digest()


def _count_keys(batch: Batch, keys: dict[str, _Key]) -> None:
    batch.counts["keys"] += len(keys)
    for entry in keys.values():
        if entry.is_repeated:
            batch.counts["keys_repeated"] += 1
            batch.counts[f"keys_{entry.conflict or 'alike'}"] += 1


def _reject_conflict(batch: Batch, key: str, entry: _Key, columns: Columns) -> None:
    first = entry.rows[0][2]
    differing = [
        name
        for index, name in enumerate(columns.names)
        if index != columns.row_number and any(cells[index] != first[index] for _, _, cells in entry.rows)
    ]
    places = "、".join(place for _, place, _ in entry.rows[:8])
    for _, place, cells in entry.rows:
        if entry.conflict == "conflict":
            reason_zh = f"公开号 {key} 在本文件多行出现而名称不同（{places}），全部隔离，不取最后一行"
            reason_en = f"{key} stands on several rows with different names ({places}): all are quarantined"
            batch.rejects.append(
                reject(
                    place, "title", cells[columns.title], "conflict", reason_zh, reason_en, _row_text(cells, columns)
                )
            )
        else:
            fields = ", ".join(differing)
            reason_zh = f"公开号 {key} 在本文件多行出现，名称相同而其他字段不同：{fields}（{places}），全部隔离"
            reason_en = f"{key} stands on several rows that differ in {fields} ({places}): all are quarantined"
            batch.rejects.append(
                reject(place, fields, key, "conflict_fields", reason_zh, reason_en, _row_text(cells, columns))
            )
    entry.rows = []


def check_file(path: Path, limits: Limits) -> None:
    size = path.stat().st_size
    if size == 0:
        raise Refusal("empty_file", "文件为空", "the file is empty")
    if size > limits.max_file_bytes:
        raise Refusal(
            "too_large",
            f"文件大于 {limits.max_file_bytes} 字节的上限",
            f"the file is larger than the limit of {limits.max_file_bytes} bytes",
        )


def ends_with_a_line(path: Path) -> bool:
    """Whether the file's last line is ended: if not, the file may have been cut within it."""
    with path.open("rb") as handle:
        handle.seek(-1, 2)
        return handle.read(1) == b"\n"


def _records(path: Path, columns: Columns) -> Iterator[Record]:
    records = (columns.records or _rows)(path, columns)
    if columns.whole_end is None or ends_with_a_line(path):
        return records
    return _but_for_a_cut_end(records, columns)


def _but_for_a_cut_end(records: Iterator[Record], columns: Columns) -> Iterator[Record]:
    assert columns.whole_end is not None
    last = next(records, None)
    for following in records:
        assert last is not None
        yield last
        last = following
    if last is None:
        return
    place, cells = last
    if not isinstance(cells, Reject) and not columns.whole_end.search(cells[-1]):
        reason_zh, reason_en = "文件在最后一行中间被截断", "the file was cut within its last line"
        row_text = _row_text(cells, columns)
        yield place, reject(place, columns.names[-1], cells[-1], "truncated", reason_zh, reason_en, row_text)
    else:
        yield last


def _rows(path: Path, columns: Columns) -> Iterator[Record]:
    """Every row of a CSV; a Reject when it has not the layout's number of columns."""
    lines = lines_of(path, columns.encoding)
    width = len(columns.names)
    if columns.header is not None:
        _check_header(next(lines, None), columns)
    pending: list[tuple[int, str]] = []
    while True:
        if pending:
            number, line = pending.pop(0)
        else:
            following = next(lines, None)
            if following is None:
                return
            number, line = following
        if not line.strip():
            continue
        cells = _cells(line, width)
        if cells is None and line.count('"') % 2:
            joined = line
            for ahead in range(1, _JOINED_LINES):
                while len(pending) < ahead and (following := next(lines, None)) is not None:
                    pending.append(following)
                if len(pending) < ahead:
                    break
                joined += "\n" + pending[ahead - 1][1]
                cells = _cells(joined, width)
                if cells is not None:
                    line, pending = joined, pending[ahead:]
                    break
        place = f"第{number}行"
        yield place, _broken(place, line, columns) if cells is None else cells


def _cells(line: str, width: int) -> list[str] | None:
    if '"' not in line:
        cells = line.split(",")
    else:
        try:
            cells = next(csv.reader([line], strict=True), [])
        except csv.Error:
            return None
    return cells if len(cells) == width else None


def lines_of(path: Path, encoding: str) -> Iterator[tuple[int, str]]:
    """(line number, decoded line without its end); Refusal at the first byte that is not this encoding."""
    looks_utf8, has_han = True, False
    with path.open("rb") as handle:
        number = 0
        while raw := handle.readline(_LINE_LIMIT + 1):
            number += 1
            place = f"第{number}行"
            if number == 1:
                if raw.startswith(_UTF16):
                    raise _wrong_encoding(encoding, place, "UTF-16")
                if raw.startswith(b"PK\x03\x04"):
                    raise Refusal("not_text", "不是文本文件而是压缩包", "this is an archive, not a text file")
            if b"\x00" in raw:
                raise Refusal(
                    "nul_byte", "含 NUL 字节，文件已损坏", "holds a NUL byte: the file is damaged", place=place
                )
            if len(raw) > _LINE_LIMIT:
                raise Refusal(
                    "line_too_long",
                    f"一行超过 {_LINE_LIMIT} 字节，不是表格文本",
                    f"a line is longer than {_LINE_LIMIT} bytes: no table",
                    place=place,
                )
            try:
                line = raw.decode(encoding)
            except UnicodeDecodeError as error:
                raise _wrong_encoding(
                    encoding, place, raw[max(error.start - 8, 0) : error.start + 8].hex(" ")
                ) from None
            if encoding != "utf-8" and looks_utf8 and not raw.isascii():
                has_han = True
                looks_utf8 = is_utf8(raw)
            if number == 1:
                line = line.removeprefix("\ufeff")
            yield number, line.rstrip("\r\n")
    if encoding != "utf-8" and looks_utf8 and has_han:
        # GB18030 reads almost any bytes: that all of them are well-formed UTF-8 is no accident
        raise _wrong_encoding(encoding, "文件", "UTF-8")


def is_utf8(raw: bytes) -> bool:
    try:
        raw.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _wrong_encoding(encoding: str, place: str, value: str) -> Refusal:
    name = encoding.upper()
    return Refusal(
        "wrong_encoding", f"编码不是约定的 {name}", f"the encoding is not {name} as agreed", place=place, value=value
    )


def _check_header(first: tuple[int, str] | None, columns: Columns) -> None:
    assert columns.header is not None
    cells = [] if first is None else [(text.clean(cell) or "") for cell in first[1].split(",")]
    if [cell.strip('"').lower() for cell in cells] != [name.lower() for name in columns.header]:
        raise Refusal(
            "unexpected_header",
            f"表头与约定不符，应为：{','.join(columns.header)}",
            f"the header is not the one agreed: {','.join(columns.header)}",
            place="第1行",
            value=None if first is None else first[1],
        )


def _no_key(value: str) -> RowProblem:
    if text.clean(value) is None:
        return RowProblem(
            "publication_number", value, "missing_key", "缺少公开（公告）号", "the publication number is missing"
        )
    return RowProblem(
        "publication_number", value, "bad_number", "公开（公告）号格式不符", "this is no publication number"
    )


def _broken(place: str, line: str, columns: Columns) -> Reject:
    width = len(columns.names)
    shown = line.split(",")
    return reject(
        place,
        "",
        str(len(shown)),
        "bad_column_count",
        f"应为 {width} 列，按逗号分出 {len(shown)} 列，或引号不成对",
        f"{width} columns expected, {len(shown)} found between commas, or a quote is not closed",
        ",".join(shown[: columns.shown_of_broken]) + ",…",
    )


def _row_text(cells: list[str], columns: Columns) -> str:
    return ",".join(
        f"[{len(text.split_names(cell))}人]" if index in columns.personal else cell for index, cell in enumerate(cells)
    )
