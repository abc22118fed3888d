"""The landing area: content-addressed, never changed, cleared of what dead processes left."""

import hashlib
import io
import os
import socket
import time
from pathlib import Path

import pytest

from ingestion.landing import Landing, LandingChanged, LandingMissing, clean_name, copy_hashed, landing
from ingestion.transport import Mark


def _land(area: Landing, content: bytes, name: str) -> tuple[str, str]:
    with area.aside() as handle:
        _, sha256 = copy_hashed(io.BytesIO(content), handle)
        return area.keep(handle, "src", sha256, name), sha256


@pytest.fixture(params=["file", "memory"])
def area(request: pytest.FixtureRequest, tmp_path: Path) -> Landing:
    return Landing(
        f"file://{tmp_path}/着陆" if request.param == "file" else f"memory://landing-{os.getpid()}-{tmp_path.name}"
    )


def test_a_file_lies_under_the_hash_of_its_content(area: Landing) -> None:
    place, sha256 = _land(area, "一二三".encode(), "公开 1.zip")
    assert place == f"src/{sha256[:2]}/{sha256}/公开 1.zip"
    with area.local(place, sha256) as path:
        assert path.name == "公开 1.zip"
        assert path.read_bytes() == "一二三".encode()


def test_a_change_and_a_loss_are_found(tmp_path: Path) -> None:
    area = Landing(f"file://{tmp_path}")
    place, sha256 = _land(area, b"abc", "a.csv")
    path = tmp_path / place
    assert path.stat().st_mode & 0o222 == 0
    path.chmod(0o600)
    path.write_bytes(b"abd")
    with pytest.raises(LandingChanged, match="content changed"), area.local(place, sha256):
        pass
    path.unlink()
    with pytest.raises(LandingChanged, match="is gone"), area.local(place, sha256):
        pass


def test_the_same_bytes_under_another_name_stay_one_file(tmp_path: Path) -> None:
    area = Landing(f"file://{tmp_path}")
    first, sha256 = _land(area, b"abc", "a.csv")
    second, _ = _land(area, b"abc", "b.csv")
    assert second == first
    assert [path.name for path in (tmp_path / first).parent.iterdir()] == ["a.csv"]
    assert sha256 in first


def test_a_failed_fetch_leaves_nothing(tmp_path: Path) -> None:
    area = Landing(f"file://{tmp_path}")
    with pytest.raises(RuntimeError), area.aside() as handle:
        handle.write(b"half")
        raise RuntimeError
    assert not list((tmp_path / ".incoming").iterdir())


def test_only_what_the_dead_left_is_cleared(tmp_path: Path) -> None:
    area = Landing(f"file://{tmp_path}")
    aside = tmp_path / ".incoming"
    aside.mkdir()
    dead = aside / f"{socket.gethostname()}~{2**22 - 3}~x"
    living = aside / f"{socket.gethostname()}~{os.getpid()}~x"
    elsewhere = aside / "another-host~1~x"
    forgotten = aside / "another-host~1~y"
    for path in (dead, living, elsewhere, forgotten):
        path.touch()
    os.utime(forgotten, (0, 0))
    assert area.clear_aside() == 2
    assert sorted(aside.iterdir()) == sorted([living, elsewhere])


# --- downloads that go on ------------------------------------------------------------------------------------------

MARK = Mark(3, "0" * 64, '"tag"', 6)


def _noted(area: Landing, key: str, content: bytes = b"abc") -> Path:
    with area.partial(key) as partial:
        partial.handle.write(content)
        partial.save(MARK)
        return Path(partial.handle.name)


def test_a_noted_download_waits_for_the_next_process(area: Landing) -> None:
    path = _noted(area, "a")
    assert area.clear_aside() == 0
    with area.partial("a") as partial:
        assert (partial.load(), partial.handle.read()) == (MARK, b"abc")
        partial.save(None)
        assert partial.load() is None
    assert not list(path.parent.iterdir())


def test_a_download_without_a_note_and_a_spoilt_note_are_not_kept(area: Landing) -> None:
    path = _noted(area, "a")
    path.with_suffix(".json").write_text('{"size": 3')
    with area.partial("a") as partial:
        assert partial.load() is None
    path.with_suffix(".json").unlink()
    assert area.clear_aside() == 1
    assert not list(path.parent.iterdir())


def test_two_processes_never_write_into_one_download(area: Landing) -> None:
    with area.partial("a") as first:
        first.handle.write(b"abc")
        first.save(MARK)
        with area.partial("a") as second:
            assert second.handle.name != first.handle.name
            assert second.load() is None
            second.save(MARK)  # it has no note of its own
        assert area.clear_aside() == 0, "nor is it cleared under a living process"
        assert Path(first.handle.name).exists() and not Path(second.handle.name).exists()
        first.save(None)


def test_a_kept_download_leaves_no_note_and_no_lock(area: Landing) -> None:
    with area.partial("a") as partial:
        partial.handle.write(b"abc")
        sha256 = hashlib.sha256(b"abc").hexdigest()
        place = area.keep(partial.handle, "src", sha256, "a.zip")
    with area.local(place, sha256) as path:
        assert path.read_bytes() == b"abc"
    with area.partial("a") as partial:
        assert partial.handle.read() == b""


def test_a_process_that_died_between_read_only_and_moved_blocks_nobody(area: Landing) -> None:
    path = _noted(area, "a")
    path.chmod(0o440)
    with area.partial("a") as partial:
        partial.handle.write(b"x")
    assert area.clear_aside() in (0, 1)


def test_downloads_aside_are_bounded_in_age_and_size(area: Landing, monkeypatch: pytest.MonkeyPatch) -> None:
    old, middle, new = (_noted(area, key) for key in "abc")
    for path, age in ((old, 8 * 86400), (middle, 3600), (new, 0)):
        os.utime(path, (time.time() - age,) * 2)
    assert area.clear_aside() == 1 and not old.exists()
    monkeypatch.setattr("ingestion.landing._PARTIAL_BYTES", 5)
    assert area.clear_aside() == 1
    assert sorted(path.name for path in new.parent.iterdir()) == [new.name, new.with_suffix(".json").name]


@pytest.mark.parametrize(
    ("name", "clean"),
    [
        ("../../etc/passwd", "passwd"),
        ("a\\b\\c.zip", "c.zip"),
        (".hidden", "_hidden"),
        ("换\n行\x00.csv", "换_行_.csv"),
        ("", "file"),
        ("专" * 100 + ".zip", "专" * 65 + ".zip"),
    ],
)
def test_names_from_outside_are_harmless(name: str, clean: str) -> None:
    assert clean_name(name) == clean
    assert len(clean_name(name).encode()) <= 200


def test_a_missing_landing_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LANDING_URL", raising=False)
    with pytest.raises(LandingMissing, match=r"\. \.run/env"):
        landing()
