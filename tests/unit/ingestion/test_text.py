"""Cleaning of texts, dates and codes."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingestion import text


@pytest.mark.parametrize("token", ["-", "/", "", "  ", "0", "00000000", "0000000000", "\u00a0", "&nbsp;", "；", None])
def test_missing_tokens_are_none(token: str | None) -> None:
    assert text.clean(token) is None
    assert text.clean_name(token) is None
    assert text.clean_title(token) is None
    assert text.clean_code(token) is None
    assert text.split_names(token) == []


@pytest.mark.parametrize(
    ("received", "clean"),
    [
        ("一种例式２号ＡＢ装置", "一种例式2号AB装置"),
        ("例\u00a0A\u3000B\u2002C", "例 A B C"),
        ("例&nbsp;A&amp;nbsp;B", "例 A B"),
        ("2,5\u2011例酸", "2,5-例酸"),
        ("例装置；;；", "例装置"),
        ("\ufeff例\u200b装\x07置\r\n", "例装置"),
        ("10", "10"),
        ("0.5", "0.5"),
        ("P&T例", "P&T例"),
    ],
)
def test_clean(received: str, clean: str) -> None:
    assert text.clean(received) == clean


@pytest.mark.parametrize(
    ("received", "title"),
    [
        ("Al<base:Sup>3+</base:Sup>", "Al3+"),
        ("Ge<sub>1\u2011x</sub>C<sub>x</sub>薄膜", "Ge1-xCx薄膜"),
        ("当 a<b 且 c>d 时", "当 a<b 且 c>d 时"),
        ('<base:Sub id="1">2</base:Sub>例', "2例"),
    ],
)
def test_title_markup_is_stripped_to_text(received: str, title: str) -> None:
    assert text.clean_title(received) == title


def test_brackets_of_names_are_half_width() -> None:
    assert (
        text.clean_name("天津例（中国）有限公司") == text.clean_name("天津例(中国) 有限公司") == "天津例(中国)有限公司"
    )
    assert text.clean_name("Example Co. Ltd") == "Example Co. Ltd"


def test_question_marks_before_names() -> None:
    assert text.split_names("例甲公司;??例乙公司;\u2002例丙公司；") == ["例甲公司", "例乙公司", "例丙公司"]
    assert text.split_names("例?公司") == ["例?公司"]


@pytest.mark.parametrize(
    ("received", "code", "address"),
    [
        ("300300天津市东丽区例路", "300300", "天津市东丽区例路"),
        ("300300 天津市东丽区例路", "300300", "天津市东丽区例路"),
        ("300300 ０ ", "300300", None),
        ("000000 天津市", None, "天津市"),
        ("３００３００天津市", "300300", "天津市"),
        ("3003001例路", None, "3003001例路"),
        ("日本例京都", None, "日本例京都"),
        ("300300", "300300", None),
        ("000000天津市", None, "天津市"),
        ("0", None, None),
        (None, None, None),
    ],
)
def test_post_code_is_split_off(received: str | None, code: str | None, address: str | None) -> None:
    assert text.split_post_code(received) == (code, address)


def test_post_code() -> None:
    assert text.post_code("300300") == "300300"
    assert text.post_code("0") is None
    assert text.post_code("30030") is None
    assert text.post_code("000000") is None


@pytest.mark.parametrize(
    "received",
    ["20190709", "2019.07.09", "2019-07-09", "2019/7/9", "2019年7月9日", "２０１９年７月９日", "2019-07-09 13:05:00",
     "1562601600000", "2019．07．09"],
)  # fmt: skip
def test_date_shapes(received: str) -> None:
    assert text.parse_date(received) == date(2019, 7, 9)


def test_epoch_milliseconds_are_the_day_in_beijing() -> None:
    # 2019-07-08T16:00:00Z is midnight of the 9th in Beijing
    assert text.parse_date("1562601600000") == date(2019, 7, 9)
    assert text.parse_date("1562601599999") == date(2019, 7, 8)


@pytest.mark.parametrize(
    "received", ["2019-02-30", "2019-13-01", "昨天", "2019", "2019.07-09", "99999999", "20190709x"]
)
def test_no_date(received: str) -> None:
    with pytest.raises(text.BadDate):
        text.parse_date(received)


@pytest.mark.parametrize("received", ["", "-", "/", "0", "00000000", None])
def test_missing_date(received: str | None) -> None:
    assert text.parse_date(received) is None


def test_periods_and_no_end() -> None:
    assert text.parse_period("2012-11-21 至 2022-11-20") == (date(2012, 11, 21), date(2022, 11, 20))
    assert text.parse_period("2012-11-21至2099-12-31") == (date(2012, 11, 21), None)
    assert text.parse_period("2012-11-21") == (date(2012, 11, 21), None)
    assert text.parse_period("-") == (None, None)


def test_ipc_codes() -> None:
    assert text.ipc_codes("G01C21/32(2006.01)I;??G01C21/36(2006.01)I  ") == ["G01C21/32", "G01C21/36"]
    assert text.ipc_codes("H05K    1/02    (2006.01)") == ["H05K1/02"]
    assert text.ipc_codes("C12N9/42;C12N15/56;C12N9/42;") == ["C12N9/42", "C12N15/56"]
    assert text.ipc_codes("1-Jan") == []


def test_locarno_codes() -> None:
    assert text.locarno_codes("07-02 (12);??08-05 (12)  ") == ["07-02", "08-05"]
    assert text.locarno_codes("2-Jul") == []


def test_agency_name() -> None:
    assert text.agency_name("天津例知识产权代理有限公司 12999") == "天津例知识产权代理有限公司"
    assert text.agency_name("0") is None


@given(st.text())
def test_cleaning_is_done_once_and_never_raises(value: str) -> None:
    for function in (text.clean, text.clean_title, text.clean_name, text.clean_code):
        once = function(value)
        assert once != ""
        if function is not text.clean_title:
            assert function(once) == once
    text.split_names(value)
    text.split_post_code(value)
    text.ipc_codes(value)
    text.locarno_codes(value)
    text.agency_name(value)


@given(st.text())
def test_dates_raise_nothing_but_bad_date(value: str) -> None:
    try:
        text.parse_date(value)
        text.parse_period(value)
    except text.BadDate:
        pass
