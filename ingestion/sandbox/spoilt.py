"""A feed under a fault that changes what it lists or gives. The feed itself knows nothing of it.

A changed file stays what its format promises: a zip is rebuilt, XML is cut between two records and stays well-formed;
what cannot be changed like that is left as it is.
"""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from functools import partial
from pathlib import PurePosixPath
from xml.parsers import expat

from ingestion.sandbox.faults import Fault
from ingestion.sandbox.feeds import BEGIN, Entry, Feed, at
from ingestion.sandbox.zips import zipped

_TEXT = (".csv", ".txt", ".trs", ".tsv")
_ANEW = timedelta(hours=1)  # between a file and the changed one that replaces it
_FEW = 3  # documents or lines of a correction
_DAY_AT_END = re.compile(r"(?<!\d)((?:19|20)\d\d)-?(\d\d)-?(\d\d)$")
_CHANGING = {"empty", "shrunk", "header-moved", "duplicated", "late", "corrected"}
_BOM = b"\xef\xbb\xbf"


class Spoilt:
    """Lists, finds and reads as a feed does, under one fault or none."""

    def __init__(self, feed: Feed, fault: Fault | None) -> None:
        self._feed = feed
        self._fault = fault if fault and fault.name in _CHANGING else None
        self._change = _CHANGES.get(fault.name) if fault else None

    def find(self, path: str) -> Entry | None:
        """The entry at a path, `` for the root; None when there is none now."""
        if self._fault is None or self._fault.name == "empty":  # an empty folder is there all the same
            return self._feed.find(path)
        parts = [part for part in path.split("/") if part]
        if not parts:
            return Entry("", BEGIN)
        listed = self.listing("/".join(parts[:-1]))
        return next((entry for entry in listed or () if entry.name == parts[-1]), None)

    def listing(self, path: str) -> list[Entry] | None:
        """Entries of a folder; None when there is no such folder now."""
        path = path.strip("/")
        entries = self._feed.listing(path)
        if entries is None or self._fault is None:
            return entries
        match self._fault.name:
            case "empty":
                return []
            case "shrunk" | "header-moved":
                return [self._anew(path, entry) for entry in entries]
            case "duplicated":
                copies = [self._copy(path, entry, "-dup", entry.modified) for entry in self._concerned(path, entries)]
                return [*entries, *copies]
            case "late":
                return self._late(path, entries)
            case "corrected":
                return self._corrected(path, entries)
        return entries

    def read(self, path: str, entry: Entry) -> bytes:
        """The bytes of a file as `listing` shows it."""
        if self._fault is None or entry.content is None:
            return self._feed.read(path, entry)
        if self._fault.name == "empty":
            return b""
        original = self._feed.find(path)
        if original is not None and original.modified == entry.modified:
            return self._feed.read(path, entry)  # unchanged, and perhaps kept in memory
        return entry.content()

    def _concerned(self, path: str, entries: list[Entry]) -> list[Entry]:
        """The files of a folder that the fault is about."""
        assert self._fault is not None
        return [
            entry
            for entry in entries
            if not entry.is_folder
            and (path or entry.name != "SYNTHETIC.txt")
            and self._fault.hits(f"{path}/{entry.name}".lstrip("/"))
        ]

    def _anew(self, path: str, entry: Entry) -> Entry:
        if entry.is_folder:
            return replace(entry, modified=entry.modified + _ANEW)
        if not self._concerned(path, [entry]):
            return entry
        return self._copy(path, entry, "", entry.modified + _ANEW)

    def _copy(self, path: str, entry: Entry, suffix: str, modified: object) -> Entry:
        name = PurePosixPath(entry.name)
        below = f"{path}/{entry.name}".lstrip("/")
        return replace(
            entry,
            name=f"{name.stem}{suffix}{name.suffix}",
            modified=modified,  # type: ignore[arg-type]
            content=partial(self._give, below, entry),
        )

    def _give(self, path: str, entry: Entry) -> bytes:
        content = self._feed.read(path, entry)
        return self._change(content, entry.name) if self._change else content

    def _late(self, path: str, entries: list[Entry]) -> list[Entry]:
        assert self._fault is not None
        days, today = self._fault.days, self._feed.clock()
        hidden = set()
        for entry in self._concerned(path, entries):
            day, newest, _ = self._dates(path, entry)
            if day and (day == newest if days is None else today < day + timedelta(days=days)):
                hidden.add(entry.name)
        shown = []
        for entry in entries:
            day = _day_of(entry.name)
            if entry.name in hidden:
                continue
            if entry.is_folder and day and days and today >= day + timedelta(days=days):
                entry = replace(entry, modified=max(entry.modified, at(day + timedelta(days=days))))
            shown.append(entry)
        return shown

    def _corrected(self, path: str, entries: list[Entry]) -> list[Entry]:
        assert self._fault is not None
        today = self._feed.clock()
        more = []
        for entry in self._concerned(path, entries):
            day, _, before = self._dates(path, entry)
            if day and (self._fault.match or day == before):
                more.append(self._copy(path, entry, "-R", at(today)))
        _, before = _two_newest([entry for entry in entries if entry.is_folder])
        stamped = [
            replace(entry, modified=max(entry.modified, at(today)))
            if entry.is_folder and (self._fault.match or _day_of(entry.name) == before)
            else entry
            for entry in entries
        ]
        return [*stamped, *more]

    def _dates(self, path: str, entry: Entry) -> tuple[date | None, date | None, date | None]:
        """Of a file: the date of its folder, else of its name, and the newest two beside it."""
        folder = PurePosixPath(path)
        if day := _day_of(folder.name):
            beside = self._feed.listing(str(folder.parent) if folder.parent.name else "") or []
            return day, *_two_newest([one for one in beside if one.is_folder])
        files = [one for one in self._feed.listing(path) or [] if not one.is_folder]
        return _day_of(entry.name), *_two_newest(files)


def _day_of(name: str) -> date | None:
    found = _DAY_AT_END.search(PurePosixPath(name).stem)
    try:
        return date(int(found[1]), int(found[2]), int(found[3])) if found else None
    except ValueError:
        return None


def _two_newest(entries: list[Entry]) -> tuple[date | None, date | None]:
    days = sorted({day for entry in entries if (day := _day_of(entry.name))}, reverse=True)
    return (days[0] if days else None), (days[1] if len(days) > 1 else None)


# --- changed contents ------------------------------------------------------------------------------------------------

_Change = Callable[[bytes, str], bytes]
_Member = tuple[str, bytes, tuple[int, int, int, int, int, int]]


def _members(content: bytes) -> list[_Member] | None:
    """The files of a zip; None when it cannot be read (some of a feed's zips cannot)."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            return [(one.filename, archive.read(one), one.date_time) for one in archive.infolist() if not one.is_dir()]
    except (zipfile.BadZipFile, OSError, ValueError):
        return None


def _in_zip(content: bytes, change: Callable[[list[_Member]], list[_Member]]) -> bytes:
    members = _members(content)
    return content if not members else zipped(change(members))


def halved(content: bytes, name: str) -> bytes:
    """Half of the members of a zip, of the records of an XML or TRS file, of the lines of a text."""
    kind = PurePosixPath(name).suffix.lower()
    if kind == ".zip":
        return _in_zip(content, _half_of_members)
    if kind == ".xml":
        return _half_of_xml(content)
    if kind not in _TEXT:
        return content
    if content.count(b"<REC>") > 1:
        head, *records = content.split(b"<REC>")
        return b"<REC>".join([head, *records[: len(records) // 2]])
    lines = content.splitlines(keepends=True)
    return b"".join(lines[: max(1, len(lines) // 2)])


def _half_of_members(members: list[_Member]) -> list[_Member]:
    if len(members) > 1:
        return members[: len(members) // 2]
    [(name, content, stamp)] = members
    return [(name, halved(content, name), stamp)]


def _half_of_xml(content: bytes) -> bytes:
    """Without the second half of the root's children; as it is when there are not two, or it is no XML."""
    starts: list[int] = []
    end = depth = 0
    parser = expat.ParserCreate()

    def begin(name: str, attributes: object) -> None:
        nonlocal depth
        depth += 1
        if depth == 2:
            starts.append(parser.CurrentByteIndex)

    def close(name: str) -> None:
        nonlocal depth, end
        depth -= 1
        if depth == 0:
            end = parser.CurrentByteIndex

    parser.StartElementHandler, parser.EndElementHandler = begin, close
    try:
        parser.Parse(content, True)
    except expat.ExpatError:
        return content
    return content[: starts[len(starts) // 2]] + content[end:] if len(starts) > 1 else content


def with_chatter(content: bytes, name: str) -> bytes:
    """A text with two lines of chatter before its first one."""
    kind = PurePosixPath(name).suffix.lower()
    if kind == ".zip":
        return _in_zip(content, lambda members: [(n, with_chatter(c, n), stamp) for n, c, stamp in members])
    if kind not in _TEXT:
        return content
    bom, body = (_BOM, content[len(_BOM) :]) if content.startswith(_BOM) else (b"", content)
    chatter = "数据导出说明：本文件由系统自动生成，合成数据\n制表单位：例局信息中心\n"
    if b"\r\n" in body[:65536]:
        chatter = chatter.replace("\n", "\r\n")
    return bom + chatter.encode(_encoding(content)) + body


def corrected(content: bytes, name: str) -> bytes:
    """A few of the records once more, marked as corrections where the format can say so, and with another text."""
    kind = PurePosixPath(name).suffix.lower()
    if kind == ".zip":
        return _in_zip(content, lambda members: [(n, corrected(c, n), stamp) for n, c, stamp in members[:_FEW]])
    encoding = _encoding(content)
    if kind == ".xml":
        text = content.decode(encoding, "surrogateescape")
        head, body = text[:4096], text[4096:]
        head = re.sub(r'(?<=\sstatus=)"[A-Z]"', '"R"', head, count=1)
        text = re.sub(r"(>[^<>]*[\u4e00-\u9fff]{4,}[^<>]*)(?=<)", r"\1（更正）", head + body, count=1)
        return text.encode(encoding, "surrogateescape")
    if kind in _TEXT:
        lines = content.decode(encoding, "surrogateescape").splitlines(keepends=True)
        changed = [re.sub(r"[\u4e00-\u9fff]{4,}", r"\g<0>（更正）", line, count=1) for line in lines[1 : _FEW + 1]]
        return "".join([*lines[:1], *changed]).encode(encoding, "surrogateescape")
    return content


def _encoding(content: bytes) -> str:
    try:
        content.decode("utf-8")
    except UnicodeDecodeError:
        return "gb18030"
    return "utf-8"


_CHANGES: dict[str, _Change] = {"shrunk": halved, "header-moved": with_chatter, "corrected": corrected}
