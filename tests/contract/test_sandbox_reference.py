"""The invented concordance: honest about being one, built like the true file, and readable."""

from __future__ import annotations

import json
import os
from datetime import date
from pathlib import Path

import pytest

from ingestion.declarations import declaration
from ingestion.readers import READERS
from ingestion.sandbox.reference_feed import ReferenceFeed, table
from ingestion.sandbox.world import World

TODAY = date(2026, 11, 22)


def _feed(seed: int = 1, today: date = TODAY) -> ReferenceFeed:
    return ReferenceFeed(World(seed), lambda: today)


def test_one_file_a_year_as_the_clock_shows_it() -> None:
    names = [path for path, _ in _feed().walk()]
    assert names == ["SYNTHETIC.txt", *(f"sei_ipc_2021_{year}0315.json" for year in range(2021, 2027))]
    assert [path for path, _ in _feed(today=date(2022, 3, 14)).walk()][-1] == "sei_ipc_2021_20210315.json"
    assert [path for path, _ in _feed(today=date(2021, 3, 14)).walk()] == ["SYNTHETIC.txt"]


def test_the_newest_file_is_never_late_before_the_next_is_due() -> None:
    late_after = declaration("reference").cadence.late_after_days
    assert (date(2027, 3, 15) - date(2026, 3, 15)).days < late_after


def test_every_file_says_that_it_is_synthetic() -> None:
    for year in range(2021, 2027):
        for industry in json.loads(table(World(1), year)):
            assert "合成" in industry["name"]


def test_another_seed_and_another_year_give_another_table() -> None:
    made = {table(World(seed), year) for seed in (1, 2, 3) for year in (2024, 2025, 2026)}
    assert len(made) == 9
    assert table(World(1), 2026) == table(World(1), 2026)


def test_the_reader_takes_every_row(tmp_path: Path) -> None:
    declared = declaration("reference")
    for path, entry in _feed().walk():
        match = declared.recognise(path)
        if path == "SYNTHETIC.txt":
            assert match is None
            continue
        assert match is not None and entry.content is not None
        file = tmp_path / path
        file.write_bytes(entry.content())
        (parsed,) = READERS[match.layout.name](file, limits=declared.limits)
        assert parsed.rejects == [] and parsed.duplicates == 0
        assert len(parsed.batch) == parsed.rows_read > 30


def _shapes(industries: list[dict[str, object]]) -> set[str]:
    """Where keys and types of values stand."""
    found: set[str] = set()

    def walk(value: object, place: str) -> None:
        found.add(f"{place}:{type(value).__name__}")
        if isinstance(value, dict):
            for key, below in value.items():
                walk(below, f"{place}.{key}")
        elif isinstance(value, list):
            for below in value:
                walk(below, f"{place}[]")

    walk(industries, "")
    return found


def test_the_structure_is_that_of_the_true_sample_and_nothing_else_is() -> None:
    root = os.environ.get("REAL_SAMPLES")
    if not root:
        pytest.skip("REAL_SAMPLES is not set: the true files are not in this repository")
    true = json.loads((Path(root) / "formats" / "sei_ipc_2021_sample.json").read_text())
    made = json.loads(table(World(1), 2026))
    assert _shapes(made) == _shapes(true)
    assert not {one["no"] for one in made} & {one["no"] for one in true}
    rules = [rule for one in made for rule in one["rules"]]
    # each quirk of the sample: exclusions, elided keywords, described ones, lists with 等, a subclass without a star
    assert any(rule["x"] for rule in rules)
    assert any(word.endswith("…") for rule in rules for word in rule["k"])
    assert any("等" in word and "、" in word for rule in rules for word in rule["k"])
    assert any(len(pattern) == 4 for rule in rules for pattern in rule["p"])
