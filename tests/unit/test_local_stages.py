"""The steps of a start: order, side by side, stamps, failure."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from deploy.local.report import Reporter
from deploy.local.stages import Stage, Stages, fingerprint


@pytest.fixture
def stages(tmp_path: Path) -> Stages:
    return Stages(tmp_path, Reporter(quiet=True))


def test_a_stage_waits_for_those_it_needs_and_runs_beside_the_others(stages: Stages) -> None:
    order: list[str] = []
    both = threading.Barrier(2, timeout=5)  # breaks unless left and right are under way at once

    def side(name: str) -> None:
        both.wait()
        order.append(name)

    stages.run(
        [
            Stage("last", "last", lambda: order.append("last"), after=("left", "right")),
            Stage("left", "left", lambda: side("left"), after=("first",)),
            Stage("right", "right", lambda: side("right"), after=("first",)),
            Stage("first", "first", lambda: order.append("first")),
        ]
    )
    assert order[0] == "first"
    assert set(order[1:3]) == {"left", "right"}
    assert order[3] == "last"


def test_a_finished_stage_is_passed_over_until_its_input_changes(stages: Stages) -> None:
    runs: list[str] = []

    def plan(stamp: str) -> list[Stage]:
        return [Stage("one", "one", lambda: runs.append(stamp), stamp=stamp)]

    for stamp in ("a", "a", "b", "b", "a"):
        stages.run(plan(stamp))
    assert runs == ["a", "b", "a"]


def test_a_failed_stage_leaves_no_stamp_and_stops_what_comes_after(tmp_path: Path) -> None:
    told: list[str] = []
    stages = Stages(tmp_path, Reporter(quiet=True), lambda: told.append("failed"))
    ran: list[str] = []

    def fail() -> None:
        raise RuntimeError("broken")

    (tmp_path / "bad").write_text("old")
    plan = [
        Stage("bad", "bad", fail, stamp="new"),
        Stage("after", "after", lambda: ran.append("after"), after=("bad",)),
    ]
    with pytest.raises(RuntimeError, match="broken"):
        stages.run(plan)
    assert ran == []
    assert told == ["failed"]
    assert not (tmp_path / "bad").exists()


def test_fingerprint_sees_content_names_and_words_but_no_by_products(tmp_path: Path) -> None:
    folder = tmp_path / "tree"
    (folder / "target").mkdir(parents=True)
    (folder / "a.sql").write_text("select 1")
    first = fingerprint([folder], "x")
    (folder / "target" / "manifest.json").write_text("{}")
    (folder / "__pycache__").mkdir()
    (folder / "__pycache__" / "a.pyc").write_text("")
    assert fingerprint([folder], "x") == first
    assert fingerprint([folder], "y") != first
    (folder / "a.sql").write_text("select 2")
    second = fingerprint([folder], "x")
    assert second != first
    (folder / "a.sql").rename(folder / "b.sql")
    assert fingerprint([folder], "x") != second
