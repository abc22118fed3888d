"""The flat variants have the defects of the true files, at their rates."""

from __future__ import annotations

import csv
import io
import os
import re
from collections import Counter, defaultdict
from pathlib import Path

import pytest

from ingestion.sandbox.flat import bibs_csv, gazette_csv, gazette_files
from ingestion.sandbox.issues import issues_of
from ingestion.sandbox.world import World, documents_of

WORLD = World(seed=1, scale=1.0)
GAZETTE = {name: gazette_csv(WORLD, family) for name, family in gazette_files().items()}

# Counted on the true gazette of 2019-07-09; re-counted where REAL_SAMPLES is set.
TRUE_RATES: dict[str, dict[str, float]] = {
    "invention_published.csv": {
        "destroyed": 0.847, "ends_in_x": 0.092, "owner_semicolon": 0.073, "several_owners": 0.020,
        "inventor_noise": 0.256, "inventor_semicolon": 0.410, "class_noise": 0.266,
        "class_semicolon": 0.429, "trailing_blanks": 0.112,
        "at_home": 0.866, "extra_rows": 0.120, "repeated_numbers": 0.028,
    },
    "invention_authorized.csv": {
        "destroyed": 0.910, "ends_in_x": 0.090, "owner_semicolon": 0.064, "several_owners": 0.024,
        "inventor_noise": 0.314, "inventor_semicolon": 0.449, "class_noise": 0.285,
        "class_semicolon": 0.376, "trailing_blanks": 0.012,
        "at_home": 0.751, "extra_rows": 0.098, "repeated_numbers": 0.039,
    },
    "utility_new.csv": {
        "destroyed": 0.839, "ends_in_x": 0.094, "owner_semicolon": 0.029, "several_owners": 0.013,
        "inventor_noise": 0.278, "inventor_semicolon": 0.282, "class_noise": 0.271,
        "class_semicolon": 0.269, "trailing_blanks": 0.134,
        "at_home": 0.986, "extra_rows": 0.087, "repeated_numbers": 0.015,
    },
    "appearance_designed.csv": {
        "destroyed": 0.908, "ends_in_x": 0.091, "owner_semicolon": 0.010, "several_owners": 0.006,
        "inventor_noise": 0.162, "inventor_semicolon": 0.067, "class_noise": 0.032,
        "class_semicolon": 0.000, "trailing_blanks": 0.259,
        "at_home": 0.962, "extra_rows": 0.000, "repeated_numbers": 0.000,
    },
}  # fmt: skip


def rows_of(content: bytes) -> list[list[str]]:
    header, *rows = csv.reader(io.StringIO(content.decode("gb18030")))
    assert ",".join(header) == (
        "item,name,authorization_notice_id,authorized_announcement_date,filing_id,filing_date,patentee,designer,address,Int.Cl."
    )
    assert all(len(row) == 10 for row in rows)
    return rows


def rates(rows: list[list[str]]) -> dict[str, float]:
    total = len(rows)
    numbers = Counter(row[2] for row in rows)

    def share(test: object) -> float:
        return sum(map(test, rows)) / total  # type: ignore[arg-type]

    return {
        "destroyed": share(lambda row: re.fullmatch(r"\d\.\d+E\+\d\d", row[4]) is not None),
        "ends_in_x": share(lambda row: row[4].endswith("X")),
        "owner_semicolon": share(lambda row: row[6].endswith(";")),
        "several_owners": share(lambda row: "??" in row[6]),
        "inventor_noise": share(lambda row: "??" in row[7]),
        "inventor_semicolon": share(lambda row: row[7].endswith(";")),
        "class_noise": share(lambda row: "??" in row[9]),
        "class_semicolon": share(lambda row: row[9].rstrip().endswith(";")),
        "trailing_blanks": share(lambda row: row[9] != row[9].rstrip()),
        "at_home": share(lambda row: row[8][:6].isdigit()),
        "extra_rows": (total - len(numbers)) / total,
        "repeated_numbers": sum(count > 1 for count in numbers.values()) / len(numbers),
    }


def groups(rows: list[list[str]]) -> Counter[str]:
    """Numbers on several rows: alike but for the row number, with another name, or with other content."""
    by_number: dict[str, list[list[str]]] = defaultdict(list)
    for row in rows:
        by_number[row[2]].append(row)
    found: Counter[str] = Counter()
    for same in by_number.values():
        if len(same) > 1:
            alike = len({tuple(row[1:]) for row in same}) == 1
            found["alike" if alike else "other name" if len({row[1] for row in same}) > 1 else "other content"] += 1
    return found


@pytest.mark.parametrize("name", sorted(GAZETTE))
def test_gazette_has_the_true_defects_at_their_rates(name: str) -> None:
    made, real = rates(rows_of(GAZETTE[name])), TRUE_RATES[name]
    assert made.keys() == real.keys()
    for what, rate in real.items():
        # a few hundred rows: two and a half standard errors at the most
        assert made[what] == pytest.approx(rate, abs=0.055 if 0.1 < rate < 0.9 else 0.03), what


@pytest.mark.skipif(not os.environ.get("REAL_SAMPLES"), reason="REAL_SAMPLES is not set: no true gazette here")
@pytest.mark.parametrize("name", sorted(GAZETTE))
def test_the_rates_above_are_the_true_ones(name: str) -> None:
    (file,) = Path(os.environ["REAL_SAMPLES"]).glob(f"cnipa_gazette_*/{name}")
    real = rates(rows_of(file.read_bytes()))
    assert real == pytest.approx(TRUE_RATES[name], abs=0.001)


def test_gazette_as_a_whole() -> None:
    every = {name: rows_of(content) for name, content in GAZETTE.items()}
    rows = [row for one in every.values() for row in one]
    assert 2_500 < len(rows) < 3_600
    destroyed = sum("E+" in row[4] for row in rows) / len(rows)
    assert destroyed == pytest.approx(31_818 / 36_956, abs=0.02)
    kinds = sum((groups(one) for one in every.values()), Counter())
    numbers = len({row[2] for row in rows})
    # of the true 33,694 numbers 683 stand on several rows, 626 alike, 33 with different names
    assert kinds["alike"] / numbers == pytest.approx(626 / 33_694, abs=0.006)
    assert kinds["other name"] / numbers == pytest.approx(33 / 33_694, abs=0.001)
    assert kinds["other name"] >= 2
    assert kinds["other content"] >= 2
    for name, one in every.items():
        assert [row[0] for row in one] == [str(number) for number in range(1, len(one) + 1)], name
    days = Counter(row[3] for row in rows)
    assert days.most_common(1)[0][0] == "2019.06.11"
    assert 1 <= len(rows) - days["2019.06.11"] <= 3  # a row of the issue before stands in this one
    assert {len(row[4].split("E")[0]) for row in every["utility_new.csv"] if "E+" in row[4]} >= {4, 6, 7}


def test_gazette_and_feed_tell_of_the_same_documents() -> None:
    """Every document of the city stands in both deliveries, and no other number of the gazette is the city's."""
    for name, family in gazette_files().items():
        issue = next(issue for issue in issues_of(family, 2019) if issue.day.month == 6)
        city = {f"CN{found.number}{found.letter}" for found in documents_of(WORLD, issue, 0, issue.total(1.0))}
        numbers = {row[2]: row for row in rows_of(GAZETTE[name])}
        assert city <= numbers.keys()
        assert all("天津" not in row[8] for number, row in numbers.items() if number not in city)
    every_year = {
        found.number
        for family in gazette_files().values()
        for year in (2017, 2019)
        for issue in issues_of(family, year)
        if not (year == 2019 and issue.day.month == 6)
        for found in documents_of(WORLD, issue, 0, issue.total(1.0))
        if family != "granted"
    }
    for name, family in gazette_files().items():
        if family != "granted":  # a grant has the number of its publication
            assert not {row[2][2:-1] for row in rows_of(GAZETTE[name])} & every_year


def bibs_rates(rows: list[list[str]]) -> dict[str, float]:
    total = len(rows)
    return {
        "standard_form": sum(re.fullmatch(r"CN\d{15}", row[0]) is not None for row in rows) / total,
        "commas": sum(any("," in cell for cell in row) for row in rows) / total,
        "markup": sum("<" in row[7] for row in rows) / total,
        "one_class": sum(row[4].count(";") == 1 for row in rows) / total,
        "no_post_code": sum(row[9] == "0" for row in rows) / total,
    }


def test_bibs_csv_has_the_true_shape_and_rates() -> None:
    rows: list[list[str]] = []
    for seed in (1, 2, 3):
        world = World(seed, 1.0)
        for family in ("published", "granted"):
            for issue in issues_of(family, 2017):
                content = bibs_csv(world, issue)
                assert not content.startswith(b"\xef\xbb\xbf")
                assert b"\r" not in content
                rows += list(csv.reader(io.StringIO(content.decode("utf-8"))))
    assert len(rows) > 2_500
    for row in rows:
        assert len(row) == 10
        assert re.fullmatch(r"CN(\d{15}|\d{12}\.[\dX])", row[0])
        assert re.fullmatch(r"CN\d{9}[AB]", row[2])
        assert row[4].endswith(";")
    made = bibs_rates(rows)
    # of 3,884 true rows: 2,465 in standard form, 7 with commas, 20 with markup, 1,426 with one class, 19 without code
    true = {"standard_form": 0.635, "commas": 0.0018, "markup": 0.0051, "one_class": 0.367, "no_post_code": 0.005}
    for what, rate in true.items():
        assert made[what] == pytest.approx(rate, abs=0.04 if rate > 0.1 else 0.006), what
    assert made["commas"] and made["markup"] and made["no_post_code"]


@pytest.mark.skipif(not os.environ.get("REAL_SAMPLES"), reason="REAL_SAMPLES is not set: no true rows here")
def test_the_bibs_rates_are_the_true_ones() -> None:
    rows: list[list[str]] = []
    for file in sorted((Path(os.environ["REAL_SAMPLES"]) / "cnipa_bibs_2017").glob("*.csv")):
        rows += list(csv.reader(io.StringIO(file.read_text(encoding="utf-8"))))
    assert bibs_rates(rows) == pytest.approx(
        {"standard_form": 0.635, "commas": 0.0018, "markup": 0.0051, "one_class": 0.367, "no_post_code": 0.005},
        abs=0.001,
    )
