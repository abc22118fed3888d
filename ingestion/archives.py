"""Zips from outside, read within bounds. Headers are never trusted: what is counted is what comes out.

Only the central directory is taken from `zipfile`; the members are inflated here, each with a ceiling, so that no size
that a header claims decides how much memory or disk is used. A zip inside a zip is read, one level deep. The parts of
a split zip are read when they were joined end to end before (`ingestion.parts`); a part alone is refused.
"""

from __future__ import annotations

import re
import stat
import struct
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO

from ingestion.readers import Limits, Refusal

_CHUNK = 1 << 20
_LOCAL_HEADER = struct.Struct("<4s5H3L2H")
_LENGTHS = struct.Struct("<2H")  # of name and extra field, at 26 in the local header
_END_RECORD = struct.Struct("<4s4H2LH")
_LOCATOR = struct.Struct("<4sLQL")
_SPLIT_MARKER = b"PK\x07\x08"  # begins the first part of a split archive
_DESCRIPTORS = (0, 12, 16, 20, 24)  # bytes that may follow a member's data
_DIRECTORY_ENTRY = 512  # bytes of the directory that one member may take on the average
_ENCRYPTED = 0x1
_UTF8_NAME = 0x800
_SPLIT_NAME = re.compile(r"\.(?:z\d\d|zip\.\d{3}|zipx?\.part\d+)$", re.IGNORECASE)
_DRIVE = re.compile(r"^[A-Za-z]:")
_OTHER_ARCHIVE = re.compile(r"\.(?:rar|7z|tar|t?gz|bz2|xz|zst|cab|arj|lzh)$", re.IGNORECASE)

#: below these sizes a high ratio is just a small file of blanks
_RATIO_FLOOR = 1 << 20


@dataclass(frozen=True)
class Bounds:
    """Limits for use without a declaration; sizes in bytes."""

    max_file_bytes: int = 4 << 30
    max_members: int = 200_000
    max_member_bytes: int = 64 << 20
    max_total_bytes: int = 16 << 30
    max_ratio: int = 200


class MemberProblem(Exception):
    """One member cannot be read; the rest of the archive can."""

    def __init__(self, place: str, rule: str, reason_zh: str, reason_en: str):
        super().__init__(f"{place}: {reason_zh} {reason_en}")
        self.place = place
        self.rule = rule
        self.reason_zh = reason_zh
        self.reason_en = reason_en


@dataclass(frozen=True, slots=True)
class Member:
    """One file inside an archive. `place` is its path, with `外层.zip!` in front for one inside an inner zip."""

    place: str
    name: str
    source: IO[bytes]
    offset: int  # of the local header
    end: int  # where the next member begins
    packed: int
    method: int
    crc: int


class Archive:
    """An open zip. `members` are its files in archive order, those of inner zips in their place; `folders` are the
    places of its folder entries; `problems` are members that cannot be read, each with its reason. Raises Refusal when
    the archive as a whole is not fit to be read."""

    def __init__(self, path: Path, limits: Limits):
        self._limits = limits
        self._stack = ExitStack()
        self._total = 0
        self._packed_total = max(path.stat().st_size, 1)
        self.members: list[Member] = []
        self.folders: list[str] = []
        self.problems: list[MemberProblem] = []
        self._count = 0
        try:
            self._open(path)
        except BaseException:
            self._stack.close()
            raise

    def __enter__(self) -> Archive:
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self._stack.close()

    def read(self, member: Member) -> bytes:
        """Content of one member. MemberProblem when it is damaged, Refusal when it breaks a bound."""
        # deflate adds at most a few bytes a block to what cannot be packed: more than that cannot fit below the ceiling
        if member.packed > self._limits.max_member_bytes * 1.01 + 1024:
            raise _too_large(member.place, self._limits.max_member_bytes)
        source = member.source
        source.seek(member.offset)
        # header, name and extra field are at most this much; `end` keeps a lying header from reaching further
        record = source.read(min(member.end - member.offset, member.packed + _LOCAL_HEADER.size + 2 * 0xFFFF))
        start = _data_start(record, member)
        packed = record[start : start + member.packed]
        if member.method == zipfile.ZIP_DEFLATED:
            ceiling = self._limits.max_member_bytes
            inflater = zlib.decompressobj(-15)
            try:
                content = inflater.decompress(packed, ceiling + 1)
            except zlib.error:
                raise _damaged(member.place) from None
            if len(content) > ceiling:
                raise _too_large(member.place, ceiling)
            if not inflater.eof:
                raise _damaged(member.place)
        else:
            content = packed
            if len(content) > self._limits.max_member_bytes:
                raise _too_large(member.place, self._limits.max_member_bytes)
        self._account(member, len(content))
        if zlib.crc32(content) != member.crc:
            raise _damaged(member.place)
        return content

    def _account(self, member: Member, size: int) -> None:
        self._total += size
        if self._total > self._limits.max_total_bytes:
            raise Refusal(
                "too_large",
                f"压缩包解压后超过 {self._limits.max_total_bytes} 字节的上限",
                f"the archive expands beyond the limit of {self._limits.max_total_bytes} bytes",
                place=member.place,
            )
        if size > _RATIO_FLOOR and size > self._limits.max_ratio * max(member.packed, 1):
            raise _bomb(member.place, f"{size // max(member.packed, 1)}:1")
        if self._total > 64 * _RATIO_FLOOR and self._total > self._limits.max_ratio * self._packed_total:
            raise _bomb(member.place, f"{self._total // self._packed_total}:1")

    def _open(self, path: Path) -> None:
        if path.stat().st_size == 0:
            raise Refusal("empty_file", "文件为空", "the file is empty")
        if path.stat().st_size > self._limits.max_file_bytes:
            raise Refusal(
                "too_large",
                f"文件大于 {self._limits.max_file_bytes} 字节的上限",
                f"the file is larger than the limit of {self._limits.max_file_bytes} bytes",
            )
        if _SPLIT_NAME.search(path.name):
            raise _split()
        handle = self._stack.enter_context(path.open("rb"))
        for member in self._directory(handle, place=""):
            if not _is_zip_name(member.name):
                self.members.append(member)
                continue
            try:
                self._open_inner(member)
            except MemberProblem as problem:
                self.problems.append(problem)

    def _open_inner(self, member: Member) -> None:
        """List the members of a zip inside the zip. A damaged one is a missing shard: the others go on."""
        copy: IO[bytes] = tempfile.SpooledTemporaryFile(max_size=8 << 20)  # noqa: SIM115 - the stack closes it
        self._stack.callback(copy.close)
        self._spool(member, copy)
        copy.seek(0)
        try:
            inner = list(self._directory(copy, place=f"{member.place}!"))
        except Refusal as refusal:
            if refusal.rule in ("truncated", "split_archive", "encrypted", "not_a_zip", "unsupported_compression"):
                raise MemberProblem(member.place, refusal.rule, refusal.reason_zh, refusal.reason_en) from None
            raise
        for nested in inner:
            if _is_zip_name(nested.name):
                raise Refusal(
                    "nested_too_deep",
                    "压缩包嵌套超过一层",
                    "archives are nested deeper than one level",
                    place=nested.place,
                )
            self.members.append(nested)

    def _spool(self, member: Member, copy: IO[bytes]) -> None:
        """Unpack an inner zip to a temporary file, counting every byte that comes out."""
        inflater = zlib.decompressobj(-15) if member.method == zipfile.ZIP_DEFLATED else None
        left, size, crc = member.packed, 0, 0
        member.source.seek(member.offset)
        member.source.seek(member.offset + _data_start(member.source.read(_LOCAL_HEADER.size), member))
        while left > 0 and (packed := member.source.read(min(_CHUNK, left))):
            left -= len(packed)
            while packed:
                try:
                    chunk = inflater.decompress(packed, _CHUNK) if inflater else packed
                except zlib.error:
                    raise _damaged(member.place) from None
                packed = inflater.unconsumed_tail if inflater else b""
                size += len(chunk)
                crc = zlib.crc32(chunk, crc)
                if size > self._limits.max_total_bytes:
                    raise _too_large(member.place, self._limits.max_total_bytes)
                if size > _RATIO_FLOOR and size > self._limits.max_ratio * max(member.packed, 1):
                    raise _bomb(member.place, f"{size // max(member.packed, 1)}:1")
                copy.write(chunk)
        self._account(member, size)
        if (inflater and not inflater.eof) or crc != member.crc:
            raise _damaged(member.place)

    def _directory(self, handle: IO[bytes], place: str) -> Iterator[Member]:
        """Checked members of one zip, folders left out; Refusal with its rule for everything that is not harmless."""
        size = handle.seek(0, 2)
        end = _check_end(handle, size, place)
        if end.directory_size > self._limits.max_members * _DIRECTORY_ENTRY:
            raise _too_many(self._limits.max_members, place)  # before a directory of that size is read
        try:
            infos = zipfile.ZipFile(handle).infolist()
        except (zipfile.BadZipFile, NotImplementedError, struct.error, ValueError, EOFError, UnicodeError) as error:
            raise Refusal(
                "truncated",
                "压缩包目录损坏或文件不完整",
                "the archive's directory is damaged or the file is incomplete",
                place=place.rstrip("!") or "文件",
                value=str(error),
            ) from None
        self._count += len(infos)
        if self._count > self._limits.max_members:
            raise _too_many(self._limits.max_members, place)
        checked = [(info, _safe_name(info, place)) for info in infos]
        if end.last_disk > 0:
            _unsplit(handle, infos, end, place.rstrip("!") or "文件")
        if any(info.header_offset < 0 for info in infos):
            raise _truncated(place.rstrip("!") or "文件")  # the beginning is lost
        handle.seek(0)
        first = min((info.header_offset for info in infos), default=0)
        if first > 0 and handle.read(4) == b"PK\x03\x04":
            # the outer zip is cut off, and what was found is the end of an inner one
            raise _truncated(place.rstrip("!") or "文件")
        # a member ends at the latest where the next one begins, in the order of their offsets
        offsets = sorted({info.header_offset for info in infos})
        if len(offsets) < len(infos):
            raise _bomb(place.rstrip("!") or "文件", "overlapping members 成员重叠")
        ends = dict(zip(offsets, [*offsets[1:], size], strict=False))
        for info, name in checked:
            limit = ends[info.header_offset]
            if info.header_offset + _LOCAL_HEADER.size + info.compress_size > limit:
                raise _bomb(place + name, "overlapping members 成员重叠") if limit < size else _truncated(place + name)
            if name.endswith("/"):
                self.folders.append((place + name).rstrip("/"))
            else:
                yield Member(
                    place + name,
                    name,
                    handle,
                    info.header_offset,
                    limit,
                    info.compress_size,
                    info.compress_type,
                    info.CRC,
                )


def is_zip(path: Path) -> bool:
    """Whether a file is to be read as a zip: by its first bytes, or by its name when they say nothing."""
    with path.open("rb") as handle:
        start = handle.read(4)
    return start[:2] == b"PK" or _is_zip_name(path.name) or bool(_SPLIT_NAME.search(path.name))


def is_other_archive(name: str) -> bool:
    """Whether a member's name is that of an archive of a kind that is not read."""
    return bool(_OTHER_ARCHIVE.search(name))


def _is_zip_name(name: str) -> bool:
    return name[-4:].lower() == ".zip" or bool(_SPLIT_NAME.search(name))


@dataclass(frozen=True, slots=True)
class _End:
    """What the end record says: size of the directory, where its part begins, and the number of the last part."""

    directory_size: int
    directory_base: int = 0
    last_disk: int = 0


def _check_end(handle: IO[bytes], size: int, place: str) -> _End:
    """Find the end record; tell a truncated zip from a part of a split one and from a file that is no zip at all."""
    where = place.rstrip("!") or "文件"
    handle.seek(0)
    start = handle.read(4)
    tail_size = min(size, _END_RECORD.size + 0xFFFF)
    handle.seek(size - tail_size)
    tail = handle.read(tail_size)
    at = tail.rfind(b"PK\x05\x06")
    if at < 0 or len(tail) - at < _END_RECORD.size:
        if start == _SPLIT_MARKER:
            raise _split(where)
        if start[:2] == b"PK":
            raise _truncated(where)
        raise Refusal("not_a_zip", "不是 ZIP 压缩包", "the file is no zip archive", place=where)
    _, disk, directory_disk, on_disk, in_all, directory_size, offset, _ = _END_RECORD.unpack_from(tail, at)
    if disk not in (0, 0xFFFF):
        base = size - tail_size + at - directory_size - offset
        if start != _SPLIT_MARKER or base <= 0 or 0xFFFFFFFF in (directory_size, offset):
            raise _split(where)  # the first part is not there, or the directory reaches back before it
        return _End(int(directory_size), base, int(disk))
    if start == _SPLIT_MARKER or directory_disk not in (0, 0xFFFF) or on_disk != in_all:
        raise _split(where)
    if directory_size == 0xFFFFFFFF:  # zip64: the true size stands in a record of its own, before its locator
        locator = tail[at - _LOCATOR.size : at] if at >= _LOCATOR.size else b""
        if locator[:4] != b"PK\x06\x07":
            raise _truncated(where)
        handle.seek(min(_LOCATOR.unpack(locator)[2], size))
        record = handle.read(56)
        if len(record) < 56:
            raise _truncated(where)
        directory_size = int.from_bytes(record[40:48], "little")
    return _End(int(directory_size))


def _unsplit(handle: IO[bytes], infos: list[zipfile.ZipInfo], end: _End, where: str) -> None:
    """Turn offsets within parts into offsets within the parts joined end to end; Refusal when a part is missing.

    No part says where it begins. But members follow one another without a gap, so the first member of a part begins
    where the one before it ends; every place found so must hold the header of its member.
    """
    bases = {0: 0}
    after = len(_SPLIT_MARKER)
    for info in sorted(infos, key=lambda one: (one.volume, one.header_offset)):
        offset = info.header_offset - end.directory_base  # zipfile has added it, as if there were one part
        at = after if info.volume not in bases else bases[info.volume] + offset
        for descriptor in (0,) if info.volume in bases else _DESCRIPTORS:
            handle.seek(max(at + descriptor, 0))
            header = handle.read(_LOCAL_HEADER.size)
            name_length, extra_length = (
                _LENGTHS.unpack_from(header, 26) if len(header) == _LOCAL_HEADER.size else (0, 0)
            )
            if header[:4] == b"PK\x03\x04" and handle.read(name_length) == _raw_name(info):
                at += descriptor
                break
        else:
            raise _split(where)
        bases.setdefault(info.volume, at - offset)
        info.header_offset = at
        after = at + _LOCAL_HEADER.size + name_length + extra_length + info.compress_size
    if (
        any(volume > end.last_disk for volume in bases)
        or bases.get(end.last_disk, end.directory_base) > end.directory_base
    ):
        raise _split(where)


def _raw_name(info: zipfile.ZipInfo) -> bytes:
    return info.orig_filename.encode("utf-8" if info.flag_bits & _UTF8_NAME else "cp437")


def _safe_name(info: zipfile.ZipInfo, place: str) -> str:
    """The member's name with `/` between folders; Refusal for names, kinds and packings that are not harmless."""
    name = info.orig_filename
    if not info.flag_bits & _UTF8_NAME and not name.isascii():
        try:  # names written on Chinese systems carry no mark of their encoding
            name = name.encode("cp437").decode("gb18030")
        except UnicodeError:
            name = info.orig_filename
    name = name.replace("\\", "/")
    where = place + name.replace("\x00", "␀")
    parts = name.split("/")
    if "\x00" in name or name.startswith("/") or _DRIVE.match(name) or ".." in parts or not name:
        raise Refusal(
            "path_traversal",
            "压缩包内文件路径指向包外（绝对路径或含 ..）",
            "a member's path leads outside of the archive (absolute, or with ..)",
            place=where,
            value=where,
        )
    mode = info.external_attr >> 16
    if mode and stat.S_IFMT(mode) not in (0, stat.S_IFREG, stat.S_IFDIR):
        raise Refusal(
            "link", "压缩包内含链接或特殊文件", "the archive holds a link or a special file", place=where, value=where
        )
    if info.flag_bits & _ENCRYPTED:
        raise Refusal("encrypted", "压缩包已加密", "the archive is encrypted", place=where)
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise Refusal(
            "unsupported_compression",
            f"不支持的压缩方法 {info.compress_type}",
            f"compression method {info.compress_type} is not supported",
            place=where,
        )
    return name


def _data_start(record: bytes, member: Member) -> int:
    """Offset of a member's packed bytes behind its local header."""
    if len(record) < _LOCAL_HEADER.size or record[:4] != b"PK\x03\x04":
        raise _damaged(member.place)
    name_length, extra_length = _LENGTHS.unpack_from(record, 26)
    start = _LOCAL_HEADER.size + int(name_length) + int(extra_length)
    if member.offset + start + member.packed > member.end:
        raise _damaged(member.place)
    return start


def _too_many(limit: int, place: str) -> Refusal:
    return Refusal(
        "too_many_members",
        f"压缩包内文件超过 {limit} 个",
        f"the archive holds more than {limit} files",
        place=place.rstrip("!") or "文件",
    )


def _bomb(place: str, value: str) -> Refusal:
    return Refusal(
        "zip_bomb",
        "解压倍数超过上限，疑为压缩炸弹",
        "expands beyond the permitted ratio, looks like a zip bomb",
        place=place,
        value=value,
    )


def _too_large(place: str, limit: int) -> Refusal:
    return Refusal(
        "zip_bomb",
        f"成员解压后超过 {limit} 字节的上限",
        f"a member expands beyond the limit of {limit} bytes",
        place=place,
        value=f"> {limit}",
    )


def _truncated(place: str) -> Refusal:
    return Refusal("truncated", "压缩包不完整（传输中断或被截断）", "the archive is truncated", place=place)


def _split(place: str = "文件") -> Refusal:
    return Refusal(
        "split_archive",
        "分卷压缩包缺少其余分卷，请提供合并后的完整包",
        "part of a split archive without its other parts: deliver it as one file",
        place=place,
    )


def _damaged(place: str) -> MemberProblem:
    return MemberProblem(
        place, "damaged_member", "压缩包内该文件损坏（校验和不符）", "this member is damaged (checksum)"
    )
