"""The number converter: examples from the source contract, then properties over generated numbers."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingestion import numbers

plain = st.builds(
    lambda kind, year, serial: f"{kind}0{year}00{serial:07d}",
    st.sampled_from("123"),
    st.integers(2004, 2099),
    st.integers(0, 9_999_999),
)


@pytest.mark.parametrize(
    ("received", "standard", "display", "status"),
    [
        ("102016000058726", "102016000058726", "201610058726.X", "converted"),
        ("CN102016000058726", "102016000058726", "201610058726.X", "converted"),
        ("201610058726.X", "102016000058726", "201610058726.X", "ok"),
        ("201610058726x", "102016000058726", "201610058726.X", "ok"),
        ("ZL２０１６１００５８７２６．Ｘ", "102016000058726", "201610058726.X", "ok"),
        ("201610058726.1", None, None, "check_failed"),
        ("201680087887X", None, "201680087887.X", "pct"),
        ("2016900878875", None, "201690087887.5", "pct"),
        ("2016800878871", None, None, "check_failed"),
        ("802016000087887", None, None, "pct"),
        ("98100001", None, "98100001", "old_format"),
        ("101998000012345", None, None, "old_format"),
        ("102003000012345", None, None, "old_format"),
        ("2.01E+12", None, None, "destroyed"),
        ("2.0193E+12", None, None, "destroyed"),
        ("2E+12", None, None, "destroyed"),
        ("102016100058726", None, None, "unreadable"),  # serial does not begin with 00
        ("402016000058726", None, None, "unreadable"),
        ("20164005872", None, None, "unreadable"),
        ("天津", None, None, "unreadable"),
        ("", None, None, "missing"),
        ("-", None, None, "missing"),
        ("0000000000", None, None, "missing"),
        (None, None, None, "missing"),
    ],
)
def test_application_number(received: str | None, standard: str | None, display: str | None, status: str) -> None:
    found = numbers.parse_application(received)
    assert (found.standard, found.display, found.status) == (standard, display, status)
    assert found.received == (None if status == "missing" else received)


def test_standard_number_of_2003_needs_the_filing_date() -> None:
    assert numbers.parse_application("102003000012345", date(2003, 10, 8)).status == "converted"
    assert numbers.parse_application("102003000012345", date(2003, 9, 30)).status == "old_format"


@given(plain)
def test_round_trip(standard: str) -> None:
    display = numbers.to_display(standard)
    assert display is not None and len(display) == 14
    assert numbers.to_standard(display) == standard
    assert numbers.to_standard(display.replace(".", "")) == standard
    read = numbers.parse_application(display)
    assert (read.standard, read.display, read.status) == (standard, display, "ok")


@given(plain, st.integers(0, 12), st.sampled_from("0123456789X"))
def test_every_single_wrong_sign_is_detected(standard: str, at: int, sign: str) -> None:
    display = (numbers.to_display(standard) or "").replace(".", "")
    if at < 12 and sign == "X":
        sign = "0"
    damaged = display[:at] + sign + display[at + 1 :]
    found = numbers.parse_application(damaged)
    if damaged == display:
        assert found.status == "ok"
    else:
        assert found.status == "check_failed"
        assert found.standard is None and found.display is None


@given(st.one_of(st.none(), st.text(), st.text(alphabet="0123456789.XE+CN -/０１Ｘ", max_size=20)))
def test_arbitrary_text_never_raises_and_nothing_is_guessed(value: str | None) -> None:
    found = numbers.parse_application(value)
    if found.standard is not None:
        assert found.status in ("ok", "converted")
        assert numbers.to_display(found.standard) == found.display
    else:
        assert found.status not in ("ok", "converted")
    numbers.parse_publication(value)
    numbers.check_digit(value or "")
    numbers.to_display(value or "")
    numbers.to_standard(value or "")


@given(st.one_of(st.none(), st.text(max_size=20), plain), st.one_of(st.none(), st.text(max_size=20), plain))
def test_both_forms_never_raise(standard: str | None, original: str | None) -> None:
    numbers.parse_both(standard, original)


def test_both_forms_agree_disagree_or_one_is_missing() -> None:
    both = numbers.parse_both("102016000058726", "201610058726.X")
    assert (both.status, both.standard) == ("ok", "102016000058726")
    assert numbers.parse_both("102016000058726", None).status == "converted"
    assert numbers.parse_both("0", "201610058726.X").status == "ok"
    other = numbers.parse_both("102016000058727", "201610058726.X")
    assert (other.status, other.standard, other.display) == ("disagree", None, None)
    assert other.received == "201610058726.X ≠ 102016000058727"
    assert numbers.parse_both("102016000058726", "201610058726.1").status == "check_failed"


@pytest.mark.parametrize(
    ("text", "number", "kind", "patent_type"),
    [
        ("CN109996757A", "CN109996757A", "A", "invention"),
        ("cn 109996757 a", "CN109996757A", "A", "invention"),
        ("0000107087341A", "CN107087341A", "A", "invention"),
        ("CN1234567C", "CN1234567C", "C", "invention"),
        ("CN209078969U", "CN209078969U", "U", "utility_model"),
        ("CN201234567Y", "CN201234567Y", "Y", "utility_model"),
        ("CN305246987S", "CN305246987S", "S", "design"),
        ("CN300123456D", "CN300123456D", "D", "design"),
    ],
)
def test_publication_number(text: str, number: str, kind: str, patent_type: str) -> None:
    assert numbers.parse_publication(text) == (number, kind, patent_type)


@pytest.mark.parametrize("text", ["", "-", "CN109996757", "US109996757A", "CN10999675712A", "CN109996757Z", None])
def test_no_publication_number(text: str | None) -> None:
    assert numbers.parse_publication(text) is None
