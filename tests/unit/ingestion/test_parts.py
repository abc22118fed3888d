"""Parts of split archives: told by their names, and never joined while one is missing."""

from __future__ import annotations

from pathlib import Path

import pytest

from ingestion.parts import gather, is_part, joined
from ingestion.transport import RemoteFile

Listed = dict[str, tuple[RemoteFile, str]]


def listed(*names: str, folder: str = "CN/x/data/20210105", version: str = "1") -> Listed:
    files = [RemoteFile(f"{folder}/{name}", 10, f"{name}:{version}") for name in names]
    return {file.path: (file, file.name) for file in files}


def names(result: Listed) -> dict[str, list[str]]:
    return {Path(path).name: [part.name for part in file.parts] for path, (file, _) in result.items()}


@pytest.mark.parametrize(
    ("there", "whole", "missing"),
    [
        (["a.zip", "b.zip"], {"a.zip": [], "b.zip": []}, []),
        (["a.z01", "a.z02", "a.zip"], {"a.zip": ["a.z01", "a.z02", "a.zip"]}, []),
        (["a.zip", "a.z02", "a.z01", "b.zip"], {"a.zip": ["a.z01", "a.z02", "a.zip"], "b.zip": []}, []),
        (["a.z01", "a.z03", "a.zip"], {}, ["a.z02"]),
        (["a.z01", "a.z02"], {}, ["a.zip"]),
        (["a.z03"], {}, ["a.z01", "a.z02", "a.zip"]),
        (["a.zip.001", "a.zip.002"], {"a.zip": ["a.zip.001", "a.zip.002"]}, []),
        (["a.zip.000", "a.zip.001"], {"a.zip": ["a.zip.000", "a.zip.001"]}, []),
        (["a.zip.001", "a.zip.003"], {}, ["a.zip.002"]),
        (["a.zip.001", "a.zip"], {"a.zip": [], "a.zip.001": ["a.zip.001"]}, []),
        (["a.Z01", "a.ZIP"], {"a.zip": ["a.Z01", "a.ZIP"]}, []),
        (["a#.z01", "a#.zip"], {"a#.zip": ["a#.z01", "a#.zip"]}, []),
    ],
)
def test_split_zips_are_joined_where_all_parts_are_there(
    there: list[str], whole: dict[str, list[str]], missing: list[str]
) -> None:
    result, incomplete = gather(listed(*there))
    assert names(result) == whole
    assert [name for one in incomplete for name in one.missing] == missing
    assert all(name in one.zh and name in one.en for one in incomplete for name in one.missing)


def test_parts_in_different_folders_are_different_sets() -> None:
    two = listed("a.z01", "a.zip") | listed("a.z01", folder="CN/y/data/20210105")
    result, incomplete = gather(two)
    assert list(result) == ["CN/x/data/20210105/a.zip"]
    assert [(one.path, one.missing) for one in incomplete] == [("CN/y/data/20210105/a.zip", ("a.zip",))]


def test_the_joined_file_is_another_version_when_one_of_its_parts_is() -> None:
    first = gather(listed("a.z01", "a.zip"))[0]["CN/x/data/20210105/a.zip"][0]
    again = gather(listed("a.zip", "a.z01"))[0]["CN/x/data/20210105/a.zip"][0]
    other = gather(listed("a.z01", "a.zip", version="2"))[0]["CN/x/data/20210105/a.zip"][0]
    more = gather(listed("a.z01", "a.z02", "a.zip"))[0]["CN/x/data/20210105/a.zip"][0]
    assert (first.version, first.size) == (again.version, 20)
    assert len({first.version, other.version, more.version}) == 3


def test_is_part() -> None:
    assert [name for name in ("a.z01", "a.zip.001", "a.zip", "a.z1", "z01.csv", "a.Z10") if is_part(name)] == [
        "a.z01", "a.zip.001", "a.Z10",
    ]  # fmt: skip


def test_local_files_are_read_end_to_end(tmp_path: Path) -> None:
    for name, content in (("1", b"ab"), ("2", b""), ("3", b"c" * 3_000_000)):
        (tmp_path / name).write_bytes(content)
    with joined(sorted(tmp_path.iterdir())) as handle:
        assert handle.read() == b"ab" + b"c" * 3_000_000 and handle.read(1) == b""
