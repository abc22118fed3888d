"""The seed of working days is what the library says, and a year that it does not know is refused."""

from __future__ import annotations

from datetime import date, timedelta

import chinese_calendar
import pytest
from click.testing import CliRunner

from warehouse import working_days
from warehouse.working_days import UnknownYear


def test_generating_again_gives_the_committed_file() -> None:
    assert working_days.SEED.read_text(encoding="utf-8") == working_days.as_csv()


def test_every_day_is_judged_as_the_library_judges_it() -> None:
    listed = {day: is_working for day, is_working, _, _ in working_days.special_days(2015, 2026)}
    day, checked = date(2015, 1, 1), 0
    while day.year < 2027:
        assert listed.get(day, day.weekday() < 5) == chinese_calendar.is_workday(day), day
        day, checked = day + timedelta(days=1), checked + 1
    assert checked == 4383


def test_make_up_days_and_spring_festival_of_2025() -> None:
    listed = {day: (is_working, zh) for day, is_working, zh, _ in working_days.special_days(2025, 2025)}
    assert listed[date(2025, 1, 26)] == (True, "春节")  # a Sunday that was worked
    assert listed[date(2025, 2, 8)] == (True, "春节")  # a Saturday
    assert listed[date(2025, 1, 28)] == (False, "春节")
    assert date(2025, 1, 27) not in listed  # a plain Monday before the holiday


@pytest.mark.parametrize("years", [(2015, 2035), (1990, 2026)])
def test_a_year_that_is_not_known_is_refused_and_not_guessed(years: tuple[int, int]) -> None:
    with pytest.raises(UnknownYear, match=r"没有 \d{4} 年的节假日安排.*is not known"):
        working_days.special_days(*years)


def test_a_year_of_which_only_new_year_is_known_is_not_known(monkeypatch: pytest.MonkeyPatch) -> None:
    known = chinese_calendar.constants.holidays
    monkeypatch.setattr(chinese_calendar.constants, "holidays", {**known, date(2099, 1, 1): "New Year's Day"})
    with pytest.raises(UnknownYear, match="2099"):
        working_days.special_days(2099, 2099)


def test_the_command_refuses_and_leaves_the_file_alone(monkeypatch: pytest.MonkeyPatch, tmp_path) -> None:  # type: ignore[no-untyped-def]
    seed = tmp_path / "special_days.csv"
    seed.write_text("as it was", encoding="utf-8")
    monkeypatch.setattr(working_days, "SEED", seed)
    refused = CliRunner().invoke(working_days.main, ["--until", "2099"])
    assert refused.exit_code == 1 and "Nothing was written" in refused.output
    assert seed.read_text(encoding="utf-8") == "as it was"
    assert CliRunner().invoke(working_days.main, ["--check"]).exit_code == 1
    assert CliRunner().invoke(working_days.main, []).exit_code == 0
    assert seed.read_text(encoding="utf-8") == working_days.as_csv()
