"""The concordance as JSON: every quirk of the format, and every way in which a file is refused."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from ingestion.archives import Bounds
from ingestion.declarations import declaration
from ingestion.readers import READERS, Parsed, Refusal

GOOD: dict[str, Any] = {"no": "1.5", "name": "例业", "page": 1, "rules": [{"p": ["G06F40*"], "x": [], "k": []}]}


def _read(path: Path, **limits: int) -> Parsed:
    """All steps of the reader as one."""
    batches = list(READERS["sei_json"](path, limits=Bounds(**limits)))
    assert all(one.batch.schema.equals(declaration("reference").table_of("sei_json").schema) for one in batches)
    (parsed,) = batches
    assert parsed.rows_read == len(parsed.batch) + parsed.duplicates + len(parsed.rejects)
    return parsed


def _file(folder: Path, content: Any) -> Path:
    path = folder / "sei_ipc_2021_20260301.json"
    path.write_bytes(content if isinstance(content, bytes) else json.dumps(content, ensure_ascii=False).encode())
    return path


def _industry(**changes: Any) -> dict[str, Any]:
    return {**GOOD, **changes}


def _rule(**changes: Any) -> dict[str, Any]:
    return _industry(rules=[{"p": ["G06F40*"], "x": [], "k": [], **changes}])


def _rows(parsed: Parsed) -> list[dict[str, Any]]:
    return list(parsed.batch.to_pylist())


def test_one_row_a_pattern_with_its_rule_and_its_place(tmp_path: Path) -> None:
    rules = [
        {"p": ["G06F40*", "A61B5/0476"], "x": ["G06F40/30"], "k": ["甲、乙", "丙"]},
        {"p": ["G16H"], "x": [], "k": []},
    ]
    rows = _rows(_read(_file(tmp_path, [_industry(rules=rules)])))
    assert [(row["rule_no"], row["pattern"], row["is_exclusion"], row["keyword"]) for row in rows] == [
        (1, "G06F40*", False, "甲、乙、丙"),
        (1, "A61B5/0476", False, "甲、乙、丙"),
        (1, "G06F40/30", True, "甲、乙、丙"),
        (2, "G16H", False, None),
    ]
    assert rows[2]["_place"] == "第1项（1.5）·规则1·x[1]"
    assert rows[0]["industry_page"] == 1


def test_the_true_sample_is_read_whole() -> None:
    root = os.environ.get("REAL_SAMPLES")
    if not root:
        pytest.skip("REAL_SAMPLES is not set: the true files are not in this repository")
    parsed = _read(Path(root) / "formats" / "sei_ipc_2021_sample.json")
    assert (parsed.rows_read, len(parsed.rejects), parsed.duplicates) == (20, 0, 0)
    assert sum(row["is_exclusion"] for row in _rows(parsed)) == 4
    assert {row["industry_no"] for row in _rows(parsed)} == {"1.5", "2.2", "2.4", "3.1"}


def test_the_shipped_excerpt_is_the_true_sample() -> None:
    root = os.environ.get("REAL_SAMPLES")
    if not root:
        pytest.skip("REAL_SAMPLES is not set: the true files are not in this repository")
    import csv

    seed = Path(__file__).parents[2] / "dbt_project" / "seeds" / "reference" / "sei_rules.csv"
    shipped = [
        (row["industry_no"], row["industry_name"], int(row["rule_no"]), row["pattern"], row["is_exclusion"] == "true",
         row["keyword"] or None)
        for row in csv.DictReader(seed.read_text(encoding="utf-8").splitlines())
    ]  # fmt: skip
    read = [
        tuple(row[name] for name in ("industry_no", "industry_name", "rule_no", "pattern", "is_exclusion", "keyword"))
        for row in _rows(_read(Path(root) / "formats" / "sei_ipc_2021_sample.json"))
    ]
    assert shipped == read


@pytest.mark.parametrize(
    ("written", "normal"),
    [
        ("G06F40*", "G06F40*"),
        ("g06f 40 / 30", "G06F40/30"),
        ("Ｇ０６Ｆ４０＊", "G06F40*"),
        ("A61B 005／0476", "A61B5/0476"),
        ("G06F17/3*", "G06F17/3*"),
        ("G06F3/*", "G06F3/*"),
        ("G16H", "G16H"),
        ("A61*", "A61*"),
    ],
)
def test_patterns_are_brought_to_one_form(tmp_path: Path, written: str, normal: str) -> None:
    (row,) = _rows(_read(_file(tmp_path, [_rule(p=[written])])))
    assert row["pattern"] == normal


@pytest.mark.parametrize(
    ("pattern", "rule"),
    [
        ("G06*F40", "bad_pattern"),
        ("*", "bad_pattern"),
        ("", "bad_pattern"),
        ("G06F40/", "bad_pattern"),
        ("G06F40/3", "bad_pattern"),
        ("Z99Z1/00", "bad_pattern"),
        ("G06F40/30-40/50", "bad_pattern"),
        ("G06F40/30;G06F40/40", "bad_pattern"),
        ("人工智能", "bad_pattern"),
        ("A*", "too_wide"),
        ("H", "too_wide"),
        (40, "bad_pattern"),
        (["G06F40*"], "not_a_text"),
        (True, "not_a_text"),
    ],
)
def test_a_bad_pattern_costs_itself_only_and_is_named(tmp_path: Path, pattern: Any, rule: str) -> None:
    parsed = _read(_file(tmp_path, [_rule(p=["G06F40*", pattern])]))
    (reject,) = parsed.rejects
    assert (reject.rule, reject.place, reject.field) == (rule, "第1项（1.5）·规则1·p[2]", "pattern")
    assert reject.reason_zh and reject.reason_en
    assert [row["pattern"] for row in _rows(parsed)] == ["G06F40*"]


def test_a_rule_without_its_exclusion_would_claim_too_much(tmp_path: Path) -> None:
    rules = [{"p": ["G06F40*", "G16H"], "x": ["H01Q1/32", "H01Q?"], "k": []}, {"p": ["B61D13*"]}]
    parsed = _read(_file(tmp_path, [_industry(rules=rules)]))
    assert [reject.rule for reject in parsed.rejects] == ["rule_incomplete"] * 3 + ["bad_pattern"]
    assert [(row["rule_no"], row["pattern"]) for row in _rows(parsed)] == [(2, "B61D13*")]


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"k": [""]}, "blank_keyword"),
        ({"k": ["人脑", None]}, "blank_keyword"),
        ({"k": "人脑"}, "not_a_list"),
        ({"k": [["人脑"]]}, "not_a_text"),
        ({"k": ["\ud83d"]}, "bad_text"),
        ({"p": []}, "no_pattern"),
        ({"p": "G06F40*"}, "not_a_list"),
        ({"X": ["G06F40/30"]}, "unknown_field"),
        ({"years": "2021"}, "unknown_field"),
    ],
)
def test_a_rule_that_lost_a_condition_is_not_loaded(tmp_path: Path, changes: dict[str, Any], rule: str) -> None:
    content = json.dumps([_rule(**changes), _industry(no="1.6")]).encode()
    parsed = _read(_file(tmp_path, content))
    assert [reject.rule for reject in parsed.rejects] == [rule]
    assert [row["industry_no"] for row in _rows(parsed)] == ["1.6"]


@pytest.mark.parametrize(
    ("entry", "rule"),
    [
        (_industry(no="一"), "bad_industry_no"),
        (_industry(no=None), "bad_industry_no"),
        (_industry(name=" "), "missing_name"),
        (_industry(rules=[]), "no_rules"),
        (_industry(page="a"), "bad_page"),
        (_industry(level=2), "unknown_field"),
        ("1.5", "not_an_object"),
        (None, "not_an_object"),
    ],
)
def test_an_entry_that_is_no_industry_is_rejected_and_the_rest_goes_on(tmp_path: Path, entry: Any, rule: str) -> None:
    parsed = _read(_file(tmp_path, [entry, _industry(no="1.6")]))
    assert [(reject.rule, reject.place) for reject in parsed.rejects] == [(rule, "第1项")]
    assert [row["industry_no"] for row in _rows(parsed)] == ["1.6"]


def test_a_number_that_is_not_quoted_keeps_its_zero(tmp_path: Path) -> None:
    content = b'[{"no": 1.10, "name": "x", "page": 151, "rules": [{"p": ["G16H"]}]}]'
    (row,) = _rows(_read(_file(tmp_path, content)))
    assert row["industry_no"] == "1.10"


def test_one_number_with_two_names_is_never_last_wins(tmp_path: Path) -> None:
    parsed = _read(_file(tmp_path, [_industry(), _industry(name="另业"), _industry(no="1.6")]))
    assert [reject.rule for reject in parsed.rejects] == ["conflict"] * 2
    assert [row["industry_no"] for row in _rows(parsed)] == ["1.6"]


def test_an_industry_in_two_entries_goes_on_counting_its_rules(tmp_path: Path) -> None:
    rows = _rows(_read(_file(tmp_path, [_industry(), _industry()])))
    assert [row["rule_no"] for row in rows] == [1, 2]


def test_a_pattern_twice_in_one_rule_is_one(tmp_path: Path) -> None:
    parsed = _read(_file(tmp_path, [_rule(p=["G06F40*", "G06F 40*"])]))
    assert (len(parsed.batch), parsed.duplicates) == (1, 1)


def test_a_byte_order_mark_is_no_part_of_the_data(tmp_path: Path) -> None:
    assert len(_read(_file(tmp_path, b"\xef\xbb\xbf" + json.dumps([GOOD]).encode())).batch) == 1


def test_the_same_content_has_the_same_hash_in_any_file(tmp_path: Path) -> None:
    (first,) = _rows(_read(_file(tmp_path, [GOOD])))
    (second,) = _rows(_read(_file(tmp_path, json.dumps([GOOD], indent=4).encode() + b"\n")))
    assert first["_row_hash"] == second["_row_hash"]


@pytest.mark.parametrize(
    ("content", "rule"),
    [
        (b"", "empty_file"),
        (b"[]", "no_rows"),
        (b'{"code": 500, "msg": "busy", "data": []}', "not_a_list"),
        (b"<!DOCTYPE html><html><form>login</form></html>", "bad_json"),
        (json.dumps([GOOD]).encode()[:-20], "bad_json"),
        (json.dumps([GOOD]).encode() + b"[]", "bad_json"),
        (b'[{"no": NaN}]', "bad_json"),
        (json.dumps([GOOD], ensure_ascii=False).encode("gb18030"), "wrong_encoding"),
        (json.dumps([GOOD]).encode("utf-16"), "wrong_encoding"),
        (b"[" * 100_000 + b"]" * 100_000, "too_deep"),
        (b'[{"no": "1.5", "no": "1.6", "name": "x", "rules": []}]', "repeated_field"),
    ],
)
def test_a_damaged_or_hostile_file_is_refused_with_its_rule(tmp_path: Path, content: bytes, rule: str) -> None:
    with pytest.raises(Refusal) as refused:
        _read(_file(tmp_path, content))
    assert refused.value.rule == rule
    assert refused.value.reason_zh and refused.value.reason_en


def test_a_file_beyond_the_bounds_is_refused_before_it_is_parsed(tmp_path: Path) -> None:
    with pytest.raises(Refusal, match="1000"):
        _read(_file(tmp_path, b"[" + b" " * 1000 + b"]"), max_file_bytes=1000)
    with pytest.raises(Refusal) as refused:
        _read(_file(tmp_path, [_rule(p=["G06F40*"] * 5)]), max_members=4)
    assert refused.value.rule == "too_many_rows"


def test_quotes_without_an_end_are_refused_at_once(tmp_path: Path) -> None:
    # looked for again from each quote, the end of the text would be sought a million times
    with pytest.raises(Refusal) as refused:
        _read(_file(tmp_path, b'["' + b'\\"' * 2_000_000))
    assert refused.value.rule == "bad_json"


@pytest.mark.parametrize(
    ("path", "day"),
    [
        ("sei_ipc_2021_20260301.json", "2026-03-01"),
        ("2026/sei_ipc_2021_20260301.JSON", "2026-03-01"),
        ("sei_ipc_2021.json", None),
        ("notes_sei_ipc_2021_20260301.json.bak", None),
    ],
)
def test_files_are_told_by_their_name(path: str, day: str | None) -> None:
    match = declaration("reference").recognise(path)
    assert (match and str(match.stated_date)) == day
