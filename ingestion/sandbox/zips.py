"""Zip files with the same bytes every time: fixed times, fixed order, no machine's traces."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable

_LEVEL = 1
# a document is smaller than 16 kB: clearing larger tables for each would take longer than packing
_WINDOW, _MEMORY = -14, 7
_Time = tuple[int, int, int, int, int, int]
_MOST_MEMBERS = 65_000  # beyond it the format changes


def _dos_time(stamp: _Time) -> tuple[int, int]:
    year, month, day, hour, minute, second = stamp
    return hour << 11 | minute << 5 | second // 2, (max(year, 1980) - 1980) << 9 | month << 5 | day


def zipped(members: Iterable[tuple[str, bytes, _Time]]) -> bytes:
    """A zip of (name, content, time), deflated at the fastest level, in the order given."""
    body = bytearray()
    directory: list[bytes] = []
    central_size = 0
    for name, content, stamp in members:
        raw_name = name.encode()
        flags = 0 if raw_name.isascii() else 0x800
        packer = zlib.compressobj(_LEVEL, zlib.DEFLATED, _WINDOW, _MEMORY)
        packed = packer.compress(content) + packer.flush()
        time, day = _dos_time(stamp)
        fixed = struct.pack(
            "<HHHHHIII", 20, flags, 8, time, day, zlib.crc32(content), len(packed), len(content)
        ) + struct.pack("<H", len(raw_name))
        offset = len(body)
        body += b"PK\x03\x04" + fixed + b"\0\0" + raw_name + packed
        record = b"PK\x01\x02" + b"\x14\0" + fixed + struct.pack("<HHHHII", 0, 0, 0, 0, 0, offset) + raw_name
        directory.append(record)
        central_size += len(record)
        if len(directory) > _MOST_MEMBERS:
            raise ValueError(f"more than {_MOST_MEMBERS} members in one zip")
    start = len(body)
    body += b"".join(directory)
    count = len(directory)
    body += struct.pack("<4sHHHHIIH", b"PK\x05\x06", 0, 0, count, count, central_size, start, 0)
    return bytes(body)
