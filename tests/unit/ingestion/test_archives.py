"""Zips from outside: every harm has its own rule, and nothing a header says is believed."""

from __future__ import annotations

import io
import os
import shutil
import stat
import struct
import subprocess
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from ingestion.archives import Archive, Bounds, MemberProblem, is_zip
from ingestion.readers import Refusal
from tests.feeds import split_zip

MB = 1 << 20


def packed(members: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def flagged(name: str, **fields: int) -> bytes:
    """A zip of one member whose directory entry has these fields."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        info = zipfile.ZipInfo(name)
        for field, value in fields.items():
            setattr(info, field, value)
        archive.writestr(info, b"x" * 10)
    return buffer.getvalue()


def read_all(path: Path, bounds: Bounds | None = None) -> dict[str, bytes]:
    with Archive(path, bounds or Bounds()) as archive:
        return {member.place: archive.read(member) for member in archive.members}


@pytest.fixture
def written(tmp_path: Path) -> Callable[..., Path]:
    def write(content: bytes, name: str = "a.zip") -> Path:
        path = tmp_path / name
        path.write_bytes(content)
        return path

    return write


def refusal(path: Path, bounds: Bounds | None = None) -> Refusal:
    with pytest.raises(Refusal) as caught:
        read_all(path, bounds)
    assert caught.value.reason_zh and caught.value.reason_en and caught.value.place
    return caught.value


def test_members_in_order_with_hash_and_chinese_in_names(written: Callable[..., Path]) -> None:
    members = {"例目录/CN1#.XML": b"one", "b/二.XML": b"two" * 1000, "c.XML": b""}
    assert list(read_all(written(packed(members))).items()) == list(members.items())


def test_names_in_gb18030_without_a_mark(written: Callable[..., Path]) -> None:
    content = packed({"xx.XML": b"one"}).replace(b"xx.XML", "例".encode("gb18030") + b".XML")
    assert read_all(written(content)) == {"例.XML": b"one"}


def test_stored_members(written: Callable[..., Path]) -> None:
    assert read_all(written(packed({"a.XML": b"stored"}, zipfile.ZIP_STORED))) == {"a.XML": b"stored"}


def test_zip_in_zip_is_read_one_level_deep(written: Callable[..., Path]) -> None:
    path = written(packed({"内.zip": packed({"a.XML": b"inner"}), "b.XML": b"outer"}))
    assert read_all(path) == {"内.zip!a.XML": b"inner", "b.XML": b"outer"}


def test_nested_deeper_than_one_level(written: Callable[..., Path]) -> None:
    path = written(packed({"1.zip": packed({"2.zip": packed({"a.XML": b"x"})})}))
    assert refusal(path).rule == "nested_too_deep"


def test_zip_bomb_by_ratio(written: Callable[..., Path]) -> None:
    assert refusal(written(packed({"a.XML": b"\0" * (20 * MB)}))).rule == "zip_bomb"


def test_zip_bomb_by_size_of_one_member(written: Callable[..., Path]) -> None:
    path = written(packed({"a.XML": os.urandom(2 * MB)}))
    assert refusal(path, Bounds(max_member_bytes=MB)).rule == "zip_bomb"


def test_zip_bomb_with_a_lying_header(written: Callable[..., Path]) -> None:
    content = bytearray(packed({"a.XML": b"\0" * (20 * MB)}))
    directory = content.rfind(b"PK\x01\x02")
    struct.pack_into("<L", content, directory + 24, 10)  # "ten bytes when unpacked"
    struct.pack_into("<L", content, 22, 10)
    assert refusal(written(bytes(content))).rule == "zip_bomb"


def test_zip_bomb_inside_an_inner_zip(written: Callable[..., Path]) -> None:
    inner = packed({"a.XML": b"\0" * (20 * MB)})
    assert refusal(written(packed({"1.zip": inner}))).rule == "zip_bomb"


def test_zip_bomb_that_is_an_inner_zip(written: Callable[..., Path]) -> None:
    assert refusal(written(packed({"1.zip": b"\0" * (20 * MB)}))).rule == "zip_bomb"


def test_zip_bomb_of_overlapping_members(written: Callable[..., Path]) -> None:
    content = bytearray(packed({"a.XML": b"x" * 50, "b.XML": b"y" * 50}, zipfile.ZIP_STORED))
    second = content.rfind(b"PK\x01\x02")
    struct.pack_into("<L", content, second + 42, 0)  # both begin at the same place
    assert refusal(written(bytes(content))).rule == "zip_bomb"


def test_all_members_together_too_large(written: Callable[..., Path]) -> None:
    path = written(packed({f"{i}.XML": os.urandom(1000) for i in range(20)}))
    assert refusal(path, Bounds(max_total_bytes=10_000)).rule == "too_large"


def test_file_too_large(written: Callable[..., Path]) -> None:
    assert refusal(written(packed({"a.XML": b"x"})), Bounds(max_file_bytes=10)).rule == "too_large"


def test_too_many_members(written: Callable[..., Path]) -> None:
    path = written(packed({f"{i}.XML": b"" for i in range(11)}))
    assert refusal(path, Bounds(max_members=10)).rule == "too_many_members"


@pytest.mark.parametrize(
    "name", ["../a.XML", "a/../../b.XML", "/etc/a.XML", "C:/a.XML", "c:a.XML", "..\\a.XML", "\\\\host\\a.XML", "a/.."]
)
def test_path_traversal(written: Callable[..., Path], name: str) -> None:
    caught = refusal(written(packed({"good.XML": b"x", name: b"x"})))
    assert caught.rule == "path_traversal"
    assert caught.value == name.replace("\\", "/")


def test_nul_in_a_name_is_path_traversal(written: Callable[..., Path]) -> None:
    content = packed({"aXb.XML": b"x"}).replace(b"aXb.XML", b"a\0b.XML")
    assert refusal(written(content)).rule == "path_traversal"


def test_two_dots_inside_a_name_are_harmless(written: Callable[..., Path]) -> None:
    assert read_all(written(packed({"a..b/c...XML": b"x"}))) == {"a..b/c...XML": b"x"}


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFIFO, stat.S_IFCHR])
def test_links_and_special_files(written: Callable[..., Path], kind: int) -> None:
    assert refusal(written(flagged("a.XML", external_attr=(kind | 0o777) << 16))).rule == "link"


def test_encrypted(written: Callable[..., Path]) -> None:
    content = bytearray(packed({"a.XML": b"x"}))
    content[content.rfind(b"PK\x01\x02") + 8] |= 1
    assert refusal(written(bytes(content))).rule == "encrypted"


def test_unsupported_compression(written: Callable[..., Path]) -> None:
    assert refusal(written(packed({"a.XML": b"x" * 100}, zipfile.ZIP_LZMA))).rule == "unsupported_compression"


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.999])
def test_truncated(written: Callable[..., Path], share: float) -> None:
    content = packed({f"{i}.XML": os.urandom(500) for i in range(20)})
    assert refusal(written(content[: int(len(content) * share)])).rule == "truncated"


def test_truncated_right_behind_an_inner_zip(written: Callable[..., Path]) -> None:
    inner = packed({"a.XML": b"inner"})
    content = packed({"1.zip": inner, "2.XML": os.urandom(500)}, zipfile.ZIP_STORED)
    end = content.index(inner) + len(inner)
    assert refusal(written(content[:end])).rule == "truncated"
    assert refusal(written(content[: end + 40])).rule == "truncated"


def test_bytes_behind_the_end_do_no_harm(written: Callable[..., Path]) -> None:
    assert read_all(written(packed({"a.XML": b"x"}) + b"\0" * 100)) == {"a.XML": b"x"}


@pytest.mark.parametrize("name", ["a.z01", "a.z12", "a.zip.001"])
def test_split_archive_by_its_name(written: Callable[..., Path], name: str) -> None:
    path = written(os.urandom(100), name)
    assert is_zip(path)
    assert refusal(path).rule == "split_archive"


def in_parts() -> tuple[dict[str, bytes], list[bytes]]:
    """Ten members of 3,000 bytes each in four parts of unlike sizes, the last but one in two members' midst."""
    members = {f"CN{number}/CN{number}例#.XML": os.urandom(3000) for number in range(10)}
    return members, split_zip(packed(members), 7_000, 14_500, 28_123)


def test_split_zip_is_read_when_its_parts_are_joined(written: Callable[..., Path]) -> None:
    members, pieces = in_parts()
    assert read_all(written(b"".join(pieces))) == members


def test_split_zip_with_sizes_behind_the_data(written: Callable[..., Path]) -> None:
    class Pipe(io.BytesIO):
        def seekable(self) -> bool:
            return False

        def seek(self, *_: int) -> int:
            raise OSError("a pipe")

        def tell(self) -> int:
            raise OSError("a pipe")

    pipe, members = Pipe(), {f"{number}.XML": os.urandom(3000) for number in range(10)}
    with zipfile.ZipFile(pipe, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    pieces = split_zip(pipe.getvalue(), 7_000, 9_000, 9_100, 25_000)
    assert read_all(written(b"".join(pieces))) == members


def test_split_zip_as_the_zip_program_makes_it(tmp_path: Path) -> None:
    if (program := shutil.which("zip")) is None:
        pytest.skip("no zip program here")
    for number in range(30):
        (tmp_path / f"{number}.XML").write_bytes(os.urandom(5000))
    command = [program, "-q", "-s", "64k", "whole.zip", *(f"{number}.XML" for number in range(30))]
    subprocess.run(command, cwd=tmp_path, check=True)
    pieces = [*sorted(tmp_path.glob("whole.z0*")), tmp_path / "whole.zip"]
    assert len(pieces) > 2
    joined = tmp_path / "joined.zip"
    joined.write_bytes(b"".join(piece.read_bytes() for piece in pieces))
    assert read_all(joined) == {f"{number}.XML": (tmp_path / f"{number}.XML").read_bytes() for number in range(30)}


def test_split_zip_without_one_of_its_parts_or_in_another_order_is_refused(written: Callable[..., Path]) -> None:
    _, pieces = in_parts()
    for left_out in range(len(pieces)):
        some = [piece for number, piece in enumerate(pieces) if number != left_out]
        assert refusal(written(b"".join(some))).rule == "split_archive", left_out
    swapped = [pieces[1], pieces[0], *pieces[2:]]
    assert refusal(written(b"".join(swapped))).rule == "split_archive"
    swapped = [pieces[0], pieces[2], pieces[1], pieces[3]]
    assert refusal(written(b"".join(swapped))).rule == "split_archive"


def test_split_archive_first_part(written: Callable[..., Path]) -> None:
    assert refusal(written(b"PK\x07\x08" + packed({"a.XML": b"x"})[:50])).rule == "split_archive"


def test_split_archive_last_part(written: Callable[..., Path]) -> None:
    content = bytearray(packed({"a.XML": b"x"}))
    struct.pack_into("<2H", content, content.rfind(b"PK\x05\x06") + 4, 2, 2)
    assert refusal(written(bytes(content))).rule == "split_archive"


def test_empty_file(written: Callable[..., Path]) -> None:
    assert refusal(written(b"")).rule == "empty_file"


def test_not_a_zip(written: Callable[..., Path]) -> None:
    assert refusal(written(b"<html>login</html>")).rule == "not_a_zip"


def test_damaged_member_alone_cannot_be_read(written: Callable[..., Path]) -> None:
    content = bytearray(packed({"a.XML": b"x" * 100, "b.XML": b"y" * 100}, zipfile.ZIP_STORED))
    content[content.index(b"x" * 100) + 5] = 0x41
    with Archive(written(bytes(content)), Bounds()) as archive:
        first, second = archive.members
        with pytest.raises(MemberProblem) as caught:
            archive.read(first)
        assert (caught.value.rule, caught.value.place) == ("damaged_member", "a.XML")
        assert archive.read(second) == b"y" * 100


@pytest.mark.parametrize(
    ("inner", "rule"),
    [
        (packed({"a.XML": os.urandom(900)})[:500], "truncated"),
        (b"no zip", "not_a_zip"),
        (b"PK\x07\x08....", "split_archive"),
    ],
)
def test_unreadable_inner_zip_is_a_missing_shard(written: Callable[..., Path], inner: bytes, rule: str) -> None:
    with Archive(written(packed({"bad.zip": inner, "good.zip": packed({"a.XML": b"x"})})), Bounds()) as archive:
        assert [member.place for member in archive.members] == ["good.zip!a.XML"]
        assert [(problem.place, problem.rule) for problem in archive.problems] == [("bad.zip", rule)]


def test_memory_stays_below_the_member_limit(written: Callable[..., Path]) -> None:
    """A bomb of 256 MB is stopped at the ceiling, not after it."""
    import tracemalloc
    import zlib

    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    blank = b"\0" * MB
    raw = b"".join(packer.compress(blank) for _ in range(256)) + packer.flush()
    content = bytearray(packed({"a.XML": b"x" * 100}, zipfile.ZIP_STORED))
    start = content.index(b"x" * 100)
    content[start : start + 100] = raw
    directory = content.rfind(b"PK\x01\x02")
    struct.pack_into("<H", content, directory + 10, zipfile.ZIP_DEFLATED)
    struct.pack_into("<L", content, directory + 20, len(raw))
    struct.pack_into("<L", content, content.rfind(b"PK\x05\x06") + 16, directory)
    path = written(bytes(content))
    tracemalloc.start()
    try:
        assert refusal(path, Bounds(max_member_bytes=4 * MB)).rule == "zip_bomb"
        assert tracemalloc.get_traced_memory()[1] < 16 * MB
    finally:
        tracemalloc.stop()
