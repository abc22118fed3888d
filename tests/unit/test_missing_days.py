"""Days that a product left out: learned from the other products, so that neither weekdays nor holidays are declared."""

from __future__ import annotations

from datetime import date, timedelta

from ingestion.declarations import declaration
from ingestion.missing import in_days, in_series
from ingestion.transport import RemoteFile

START = date(2015, 1, 1)


def issue_days(first: date, last: date) -> list[date]:
    """Wednesdays until the end of May 2017, from then on Tuesdays and Fridays; none in the first week of October."""
    days = [first + timedelta(days=number) for number in range((last - first).days + 1)]
    return [
        day
        for day in days
        if day.weekday() in ((2,) if day <= date(2017, 5, 31) else (1, 4)) and not (day.month == 10 and day.day < 8)
    ]


def folders(*products: str, without: dict[str, list[date]] | None = None) -> dict[str, dict[date, str]]:
    every_day = issue_days(date(2017, 1, 1), date(2017, 12, 31))
    return {
        product: {
            day: f"CN/{product}/data/{day:%Y%m%d}" for day in every_day if day not in (without or {}).get(product, [])
        }
        for product in products
    }


def test_tuesdays_and_fridays_and_wednesdays_until_may_2017_and_holidays_need_no_calendar() -> None:
    assert in_days(folders("10-A", "10-B", "20-U"), START) == []
    wednesday, friday = date(2017, 4, 12), date(2017, 8, 25)
    found = in_days(folders("10-A", "10-B", "20-U", without={"10-A": [wednesday], "20-U": [friday]}), START)
    assert [(one.kind, one.object) for one in found] == [
        ("day", "CN/10-A/data/20170412"),
        ("day", "CN/20-U/data/20170825"),
    ]
    assert "2017-04-12" in found[0].zh and "2017-04-12" in found[0].en


def test_a_product_with_a_rhythm_of_its_own_is_left_alone() -> None:
    quarterly = {date(2017, 1, 4): "CN/30-S/data/20170104", date(2017, 8, 25): "CN/30-S/data/20170825"}
    assert in_days({**folders("10-A", "10-B"), "30-S": quarterly}, START) == []


def test_nothing_is_expected_before_a_product_began_or_before_the_declared_first_day() -> None:
    late = {day: path for day, path in folders("10-B")["10-B"].items() if day > date(2017, 6, 30)}
    assert in_days({**folders("10-A"), "10-B": late}, START) == []
    gone = folders("10-A", "10-B", without={"10-A": [date(2017, 2, 1)]})
    assert len(in_days(gone, START)) == 1 and in_days(gone, date(2017, 3, 1)) == []


def test_the_older_spelling_without_pa_is_the_same_product() -> None:
    source = declaration("cnipa_patents")
    old, new = "CN/CN-BIBS-ABSS-10-A_发明公布/data/20150610", "CN/CN-PA-BIBS-ABSS-10-A_发明公布/data/20210105"
    assert source.folder_product(old) == source.folder_product(new) == "BIBS-ABSS-10-A"
    assert source.folder_date(old) == date(2015, 6, 10)
    for folder in (old, new):
        match = source.recognise(f"{folder}/CN-BIBS-ABSS-10-A_20150610_0001.zip")
        assert match is not None and (match.layout.name, match.dated_by) == ("bibs_xml", "folder")


def test_directories_of_raw_data_beside_the_dated_ones_are_never_entered() -> None:
    source = declaration("cnipa_patents")
    assert source.is_skipped_folder("CN/CN-PA-BIBS-ABSS-10-A_发明公布/data/20210105rawdata")
    assert not source.is_skipped_folder("CN/CN-PA-BIBS-ABSS-10-A_发明公布/data/20210105")


def test_numbers_left_out_of_a_series() -> None:
    source = declaration("cnipa_patents")

    def missing(*names: str) -> list[str]:
        return [one.object for one in in_series(source, [RemoteFile(f"a/20210105/{name}") for name in names])]

    assert missing("x_0001.zip", "x_0002.zip", "x_0003.zip") == []
    assert missing("x_0001.zip", "x_0004.ZIP") == ["a/20210105/x_0002.zip", "a/20210105/x_0003.zip"]
    assert missing("x_002.zip", "y_000.zip", "y_001.zip") == ["a/20210105/x_001.zip"]
    assert missing("20210105.zip", "part2.zip", "x_0001-2.zip") == []
    assert len(missing("x_0001.zip", "x_9999.zip")) == 200
