"""Every quirk of the trademark packages that the source contract names, and what hostile documents and zips get."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from ingestion.archives import Bounds
from ingestion.declarations import declaration
from ingestion.readers import READERS, Parsed, Refusal, Reject
from ingestion.readers import trademark_fields as where
from ingestion.readers import trademark_xml as reader
from tests.fixtures import make_trademarks as made
from tests.fixtures.make_trademarks import in_folder, madrid, mark, mark_id, owners, packed, party

SYNTHETIC = Path(__file__).parents[1] / "fixtures" / "trademarks"
REAL = Path(os.environ.get("REAL_SAMPLES", "/nowhere")) / "formats" / "examples"
MARKS, LICENCES, TRANSFERS = "trademark_marks_xml", "trademark_licences_xml", "trademark_transfers_xml"
MADRID, WELL_KNOWN = "trademark_madrid_xml", "trademark_well_known_xml"
N = 21000001


class Read:
    """All of one file, with the sum that every reader owes."""

    def __init__(self, layout: str, path: Path, limits: Any = None):
        parsed: list[Parsed] = list(READERS[layout](path, limits=limits or Bounds()))
        schema = declaration("cnipa_trademarks").table_of(layout).schema
        assert all(one.batch.schema.equals(schema) for one in parsed)
        self.rows: list[dict[str, Any]] = [row for one in parsed for row in one.batch.to_pylist()]
        self.rejects: list[Reject] = [one for step in parsed for one in step.rejects]
        self.rows_read = sum(one.rows_read for one in parsed)
        self.duplicates = sum(one.duplicates for one in parsed)
        rejected = sum(one.rule not in ("truncated", "unsupported_archive") for one in self.rejects)
        assert self.rows_read == len(self.rows) + self.duplicates + rejected


@pytest.fixture
def bare(tmp_path: Path) -> Callable[..., dict[str, Any]]:
    """The row of one bare document."""

    def read(text: str | bytes, layout: str = MARKS, name: str = "a.xml") -> dict[str, Any]:
        path = tmp_path / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode("utf-8"))
        (row,) = Read(layout, path).rows
        return row

    return read


@pytest.fixture
def zipped(tmp_path: Path) -> Callable[..., Read]:
    """Read one zip of members."""

    def read(
        *members: tuple[str, str | bytes], layout: str = MARKS, raw: bytes | None = None, limits: Any = None
    ) -> Read:
        path = tmp_path / "a.zip"
        path.write_bytes(packed(*members) if raw is None else raw)
        return Read(layout, path, limits)

    return read


# --- the packages ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "layout"),
    [
        ("132_商标基本信息/20190621/a.zip", MARKS),
        ("CN/133_许可/20190621/a.ZIP", LICENCES),
        ("134/20190621/a.z01", TRANSFERS),
        ("136_马德里/data/20190621/a.zip.001", MADRID),
        ("137_驰名/20190621/CN00000021000001.xml", WELL_KNOWN),
        ("1320_x/20190621/a.zip", None),
        ("135_x/20190621/a.zip", None),
        ("132_商标/2019/a.zip", None),
    ],
)
def test_package_number_and_dated_folder_tell_the_layout_and_the_day(path: str, layout: str | None) -> None:
    found = declaration("cnipa_trademarks").recognise(path)
    assert (found and (found.layout.name, found.stated_date)) == (layout and (layout, date(2019, 6, 21)))


def test_mark_of_package_132(bare: Callable[..., dict[str, Any]]) -> None:
    row = bare(mark(N, name="虚例一"), name=f"{mark_id(N)}.xml")
    assert row.pop("_row_hash") and row == {
        "_row_no": 1,
        "_place": "CN00000021000001.xml",
        "record_id": "CN00000021000001-09",
        "mark_id": "CN00000021000001",
        "registration_number": "21000001",
        "application_number": "21000001",
        "nice_class": 9,
        "nice_class_received": "9",
        "name": "虚例一",
        "mark_type": "普通商标",
        "mark_kind": "ordinary",
        "language": "中文",
        "specified_colour": None,
        "state_received": "有效",
        "state": "registered",
        "notice_status_received": "有效",
        "notice_state": "registered",
        "application_date": date(2010, 4, 9),
        "registration_date": date(2011, 5, 14),
        "right_from": date(2011, 5, 14),
        "right_to": date(2021, 5, 13),
        "priority_date": None,
        "owner_names": '["天津例甲机电有限公司"]',
        "owner_count": 1,
        "first_owner_name": "天津例甲机电有限公司",
        "owner_name_en": None,
        "address_status": "received",
        "owner_address_text": "天津市东丽区例东路99号",
        "province": None,
        "city": None,
        "county": None,
        "post_code": None,
        "service_text": "虚构商品；例试用品",
        "other_info": None,
        "is_right_unlimited": False,
        "is_masked": False,
        "source_file_name": "CN00000021000001.xml",
    }


def test_licences_of_package_133(zipped: Callable[..., Read]) -> None:
    read = zipped(in_folder(N, made.licences(N, made.licence(), made.licence(number="20190002"))), layout=LICENCES)
    row = read.rows[0]
    assert [one["sequence_no"] for one in read.rows] == [1, 2]
    assert (row["record_number"], row["gazette_issue"], row["gazette_page"]) == ("20190001", "1650", "12")
    assert (row["first_licensor_name"], row["first_licensee_name"]) == (made.FIRM, made.FAR)
    assert (row["licence_from"], row["licence_to"]) == (date(2019, 6, 1), date(2024, 5, 31))
    assert (row["announcement_date"], row["licensed_goods"]) == (date(2019, 7, 20), "虚构商品")


def test_several_transfers_of_one_document_of_package_134(zipped: Callable[..., Read]) -> None:
    document = made.transfers(N, made.transfer(made.FIRM, made.OTHER, "20200227"), made.transfer(made.OTHER, made.FAR))
    read = zipped(in_folder(N, document), layout=TRANSFERS)
    assert [
        (one["sequence_no"], one["first_transferor_name"], one["first_transferee_name"], one["announcement_date"])
        for one in read.rows
    ] == [(1, made.FIRM, made.OTHER, date(2020, 2, 27)), (2, made.OTHER, made.FAR, date(2021, 2, 27))]
    assert read.rows[0]["_row_hash"] != read.rows[1]["_row_hash"]


def test_madrid_type_repeats_and_there_is_no_application(bare: Callable[..., dict[str, Any]]) -> None:
    row = bare(madrid(932057, "932057A"), MADRID)
    assert (row["mark_type"], row["mark_kind"], row["is_territorial_extension"]) == (
        "普通商标;领土延伸",
        "ordinary",
        True,
    )
    assert row["international_registration_date"] == date(2016, 6, 3)
    assert row["registration_number"] == "932057A" and "application_date" not in row


@pytest.mark.parametrize("number", ["G1234567", "g1234567", "Ｇ１２３４５６７", "G 1234567"])
def test_g_numbers_are_inbound_and_keep_their_letter(bare: Callable[..., dict[str, Any]], number: str) -> None:
    assert bare(madrid(1234567, number), MADRID)["registration_number"] == "G1234567"


def test_well_known_mark_of_package_137(bare: Callable[..., dict[str, Any]]) -> None:
    other = "<WELL-KNOWN-DATE>2013年12月31日</WELL-KNOWN-DATE><NOTE>例注</NOTE><AGENT-PERSON>例某</AGENT-PERSON>"
    row = bare(mark(N, other=other), WELL_KNOWN)
    assert row["recognition_date"] == date(2013, 12, 31)
    # what no column is declared for is kept as it is, but for people behind the owner
    assert json.loads(row["other_info"]) == {"NOTE": "例注"}


def test_a_correction_of_a_path_is_one_line_of_a_table(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    corrected = where.MARK | {"name": ("NAMEINFO/MARK-NAME", "NAMEINFO/NAME")}
    monkeypatch.setattr(reader, "_MARK", reader._Fields(corrected))
    for name in ("MARK-NAME", "NAME"):
        text = mark(N, name="虚例一").replace("<NAME>", f"<{name}>").replace("</NAME>", f"</{name}>")
        (tmp_path / "a.xml").write_text(text, encoding="utf-8")
        assert Read(MARKS, tmp_path / "a.xml").rows[0]["name"] == "虚例一"


# --- quirks ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("spelling", ["PERSION", "PERSON"])
def test_applicants_tag_is_misspelt_or_not(bare: Callable[..., dict[str, Any]], spelling: str) -> None:
    holders = owners(party("天津例一有限公司"), party("天津例二有限公司", "Rei Er Co., Ltd."), spelling=spelling)
    row = bare(mark(N, holders=holders))
    assert json.loads(row["owner_names"]) == ["天津例一有限公司", "天津例二有限公司"] and row["owner_count"] == 2


def test_names_directly_below_the_applicants_tag(bare: Callable[..., dict[str, Any]]) -> None:
    holders = f"<APPLICATION-PERSION-INFOS>{party('天津例一有限公司')}</APPLICATION-PERSION-INFOS>"
    assert bare(mark(N, holders=holders))["first_owner_name"] == "天津例一有限公司"


def test_names_in_chinese_and_english(bare: Callable[..., dict[str, Any]]) -> None:
    row = bare(mark(N, holders=owners(party("例株式会社", "REI K.K."))))
    assert (row["first_owner_name"], row["owner_name_en"]) == ("例株式会社", "REI K.K.")
    row = bare(mark(N, holders=owners(party("-", "REI&#160;K.K.".replace("&#160;", "\u00a0")))))
    assert (row["first_owner_name"], row["owner_name_en"]) == ("REI K.K.", "REI K.K.")


def test_owners_stand_in_the_order_of_their_sequence(bare: Callable[..., dict[str, Any]]) -> None:
    holders = owners(party("天津例十有限公司"), party("天津例二有限公司"))
    swapped = holders.replace('sequence="1"', 'sequence="10"')
    assert json.loads(bare(mark(N, holders=swapped))["owner_names"]) == ["天津例二有限公司", "天津例十有限公司"]


@pytest.mark.parametrize("tag", ["ADDRESS-ZH", "ADDRESS", "ADDR"])
def test_address_is_taken_where_a_tag_holds_one(bare: Callable[..., dict[str, Any]], tag: str) -> None:
    inner = f"<NAME-ZH>天津例一有限公司</NAME-ZH><{tag}>300300 天津市东丽区例路（１）号</{tag}>"
    row = bare(mark(N, holders=owners(inner)))
    assert (row["post_code"], row["owner_address_text"]) == ("300300", "天津市东丽区例路(1)号")
    assert row["address_status"] == "received"


def test_structured_address(bare: Callable[..., dict[str, Any]]) -> None:
    inner = (
        "<NAME-ZH>天津例一有限公司</NAME-ZH><PROVINCE>天津市</PROVINCE><CITY>市辖区</CITY><COUNTY>东丽区</COUNTY>"
        "<POST-CODE>300300</POST-CODE>"
    )
    row = bare(mark(N, holders=owners(inner)))
    assert [row[one] for one in ("province", "city", "county", "post_code")] == ["天津市", "市辖区", "东丽区", "300300"]
    assert row["owner_address_text"] is None and row["address_status"] == "received"


def test_missing_address_is_said_and_not_guessed(bare: Callable[..., dict[str, Any]]) -> None:
    row = bare(mark(N, holders=owners(party("天津例一有限公司", address="/"))))
    assert row["owner_address_text"] is None and row["address_status"] == "missing"


@pytest.mark.parametrize("icn", ["1", "01", "０１", "第1类", " 01 "])
def test_class_with_and_without_zero_is_one_class(bare: Callable[..., dict[str, Any]], icn: str) -> None:
    row = bare(mark(N, icn=icn))
    assert (row["nice_class"], row["record_id"]) == (1, f"{mark_id(N)}-01")


@pytest.mark.parametrize("icn", ["", "-", "0", "\u3000"])
def test_class_blank_stays_missing(bare: Callable[..., dict[str, Any]], icn: str) -> None:
    row = bare(mark(N, icn=icn))
    assert (row["nice_class"], row["nice_class_received"], row["record_id"]) == (None, None, f"{mark_id(N)}-00")


@pytest.mark.parametrize("icn", ["国内分类", "46", "9;35", "九"])
def test_class_not_numeric_is_kept_as_received(bare: Callable[..., dict[str, Any]], icn: str) -> None:
    row = bare(mark(N, icn=icn))
    assert (row["nice_class"], row["nice_class_received"]) == (None, icn)


def test_several_classes_are_several_records(zipped: Callable[..., Read]) -> None:
    read = zipped(in_folder(N, mark(N, icn="09"), "1"), in_folder(N, mark(N, icn="35"), "2"))
    assert [row["record_id"][-2:] for row in read.rows] == ["09", "35"] and not read.rejects


@pytest.mark.parametrize(
    "written",
    ["20190709", "2019.07.09", "2019-07-09", "2019/7/9", "2019年7月9日", "1562601600000", "２０１９－０７－０９"],
)
def test_dates_in_every_spelling(bare: Callable[..., dict[str, Any]], written: str) -> None:
    row = bare(mark(N, applied=written, right=(written, "")))
    assert row["application_date"] == row["right_from"] == date(2019, 7, 9)


def test_period_in_one_field(bare: Callable[..., dict[str, Any]]) -> None:
    row = bare(mark(N, right=("2012-11-21 至 2022-11-20", "")))
    assert (row["right_from"], row["right_to"]) == (date(2012, 11, 21), date(2022, 11, 20))


@pytest.mark.parametrize(
    "right",
    [
        ("2012-11-21 至 2022-11-20", "2012-11-21 至 2022-11-20"),
        ("", "2012-11-21 至 2022-11-20"),
        ("2012-11-21", "2012-11-21 至 2022-11-20"),
        ("2012-11-21 至 2022-11-20", "2022-11-20"),
    ],
)
def test_period_in_both_fields_or_in_either(bare: Callable[..., dict[str, Any]], right: tuple[str, str]) -> None:
    row = bare(mark(N, right=right))
    assert (row["right_from"], row["right_to"]) == (date(2012, 11, 21), date(2022, 11, 20))


def test_periods_that_disagree_are_rejected(zipped: Callable[..., Read]) -> None:
    read = zipped(in_folder(N, mark(N, right=("2012-11-21 至 2022-11-20", "2012-11-21 至 2032-11-20"))))
    assert [one.rule for one in read.rejects] == ["dates_disagree"]


def test_end_of_2099_is_no_end(bare: Callable[..., dict[str, Any]]) -> None:
    row = bare(mark(N, right=("20110514", "2099-12-31")))
    assert (row["right_to"], row["is_right_unlimited"]) == (None, True)
    row = bare(mark(N, right=("20110514", "")))
    assert (row["right_to"], row["is_right_unlimited"]) == (None, False)


@pytest.mark.parametrize("nothing", ["-", "/", "0", "00000000", "  ", "\u00a0", "&#160;", "&amp;nbsp;"])
def test_nothing_words_become_missing(bare: Callable[..., dict[str, Any]], nothing: str) -> None:
    row = bare(mark(N, name=nothing, application=nothing, applied=nothing, priority=nothing, services=nothing))
    for column in ("name", "application_number", "application_date", "priority_date", "service_text"):
        assert row[column] is None, column


def test_full_width_digits_brackets_and_nbsp_are_one_spelling(bare: Callable[..., dict[str, Any]]) -> None:
    row = bare(
        mark(N, registration="２１００００１５", holders=owners(party("例甲（天津）\u00a0有限公司", "", "例路９号；")))
    )
    assert (row["registration_number"], row["first_owner_name"]) == ("21000015", "例甲(天津)有限公司")
    assert row["owner_address_text"] == "例路9号"


def test_numbers_without_their_leading_zeros(bare: Callable[..., dict[str, Any]]) -> None:
    assert bare(mark(N, registration="021000001"))["registration_number"] == "21000001"
    assert bare(mark(N, registration="第21000001号"))["registration_number"] == "21000001"


def test_masked_rows_are_present_and_told(bare: Callable[..., dict[str, Any]]) -> None:
    row = bare(mark(N, holders=owners(party("天津**有限公司"))))
    assert (row["first_owner_name"], row["is_masked"]) == ("天津**有限公司", True)
    assert bare(mark(N, name="＊＊＊"))["is_masked"] and not bare(mark(N, name="例*例"))["is_masked"]


def test_pending_mark_has_no_registration_number(bare: Callable[..., dict[str, Any]]) -> None:
    row = bare(mark(N, registration="", application=str(N), state="等待实质审查", registered="", right=("", "")))
    assert (row["registration_number"], row["application_number"], row["state"]) == (None, str(N), "pending")


@pytest.mark.parametrize(
    ("word", "state"),
    [
        ("有效", "registered"), ("已注册", "registered"), ("核准注册", "registered"), ("撤销", "cancelled"),
        ("已注销", "cancelled"), ("撤消", "cancelled"), ("无效宣告", "invalidated"), ("宣告无效", "invalidated"),
        ("无效", "invalidated"), ("部分撤销", "partially_cancelled"), ("部分无效", "partially_cancelled"),
        ("期满未续展注销", "expired"), ("已失效", "expired"), ("等待实质审查", "pending"), ("初步审定", "pending"),
        ("驳回", "refused"), ("不予注册", "refused"), ("不予受理", "refused"),
        ("撤回", "withdrawn"), ("已终止", "expired"), ("吊销", "cancelled"), ("驳回复审中", "pending"),
        # a request leaves the right as it is
        ("撤销三年不使用待审", "registered"), ("无效宣告申请审查中", "registered"), ("续展中", "registered"),
        ("例词", None), ("-", None), ("", None),
    ],
)  # fmt: skip
def test_state_words_and_unknown_ones(bare: Callable[..., dict[str, Any]], word: str, state: str | None) -> None:
    row = bare(mark(N, state=word, notice=word))
    assert (row["state"], row["notice_state"]) == (state, state)
    assert row["state_received"] == (word if word not in ("", "-") else None)


@pytest.mark.parametrize(
    ("types", "kind"),
    [(("普通商标",), "ordinary"), (("集体商标",), "collective"), (("证明商标", "普通商标"), "certification"),
     (("特殊标志",), "special"), (("例类",), None), ((), None)],
)  # fmt: skip
def test_kinds_of_marks(bare: Callable[..., dict[str, Any]], types: tuple[str, ...], kind: str | None) -> None:
    assert bare(mark(N, types=types))["mark_kind"] == kind


def test_images_are_passed_over(zipped: Callable[..., Read]) -> None:
    read = zipped(in_folder(N, mark(N)), *made.images(N))
    assert len(read.rows) == read.rows_read == 1 and not read.rejects


def test_directory_without_xml_is_an_error_row(zipped: Callable[..., Read]) -> None:
    empty = f"包/01/{mark_id(N + 2)}/"
    read = zipped(in_folder(N, mark(N)), *made.images(N + 1), (empty, ""), ("包/", ""), ("包/说明.txt", "x"))
    assert [(one.rule, one.place) for one in read.rejects] == [
        ("missing_document", f"包/01/{mark_id(N + 1)}"),
        ("missing_document", f"包/01/{mark_id(N + 2)}"),
    ]
    assert (len(read.rows), read.rows_read) == (1, 3)


@pytest.mark.parametrize("path", ["{id}.xml", "{id}/{id}.XML", "a/{id}/{id}.xml", "a/b/c/{id}/{id}.xml", "a/{id}.xml"])
def test_entry_depth_may_differ(zipped: Callable[..., Read], path: str) -> None:
    assert len(zipped((path.format(id=mark_id(N)), mark(N))).rows) == 1


def test_zip_in_zip(zipped: Callable[..., Read]) -> None:
    read = zipped(("内.zip", packed(in_folder(N, mark(N)))))
    assert read.rows[0]["_place"] == f"内.zip!包/01/{mark_id(N)}/{mark_id(N)}.xml"


@pytest.mark.parametrize("named", [True, False])
def test_repeated_id_alike_is_one(zipped: Callable[..., Read], named: bool) -> None:
    again = mark(N, icn="09")  # the same class in another spelling
    read = zipped(in_folder(N, mark(N, icn="9")), in_folder(N, again, "2") if named else ("x/y.xml", again))
    assert (len(read.rows), read.duplicates, read.rejects) == (1, 1, [])


@pytest.mark.parametrize("second", [in_folder(N, mark(N, name="乙"), "2"), ("x/y.xml", mark(N, name="乙"))])
def test_repeated_id_that_differs_is_a_conflict(zipped: Callable[..., Read], second: tuple[str, str]) -> None:
    read = zipped(in_folder(N, mark(N, name="甲")), second, in_folder(N + 1, mark(N + 1)))
    assert [row["mark_id"] for row in read.rows] == [mark_id(N + 1)]
    assert [(one.rule, one.field, one.value) for one in read.rejects] == [("conflict", "name", f"{mark_id(N)}-09")] * 2
    assert second[0] in read.rejects[0].reason_zh and second[0] in read.rejects[0].reason_en


def test_repeated_transfers_of_one_id(zipped: Callable[..., Read]) -> None:
    one, other = made.transfer(made.FIRM, made.OTHER), made.transfer(made.FIRM, made.FAR)
    alike = zipped(
        in_folder(N, made.transfers(N, one, other), "1"),
        in_folder(N, made.transfers(N, one, other), "2"),
        layout=TRANSFERS,
    )
    assert (len(alike.rows), alike.duplicates, alike.rejects) == (2, 2, [])
    differ = zipped(
        in_folder(N, made.transfers(N, one, other), "1"), in_folder(N, made.transfers(N, one), "2"), layout=TRANSFERS
    )
    assert not differ.rows and [one.rule for one in differ.rejects] == ["conflict"] * 3


def test_event_that_stands_twice_in_one_document_is_one(zipped: Callable[..., Read]) -> None:
    one = made.transfer(made.FIRM, made.OTHER)
    read = zipped(in_folder(N, made.transfers(N, one, one)), layout=TRANSFERS)
    assert (len(read.rows), read.duplicates) == (1, 1)


def test_numbers_of_events_that_repeat_are_their_places(zipped: Callable[..., Read]) -> None:
    document = made.transfers(N, made.transfer(made.FIRM, made.OTHER), made.transfer(made.OTHER, made.FAR))
    read = zipped(in_folder(N, document.replace('sequence="2"', 'sequence="1"')), layout=TRANSFERS)
    assert [row["sequence_no"] for row in read.rows] == [1, 2]
    read = zipped(in_folder(N, document.replace('sequence="2"', 'sequence="7"')), layout=TRANSFERS)
    assert [row["sequence_no"] for row in read.rows] == [1, 7]


def test_bad_event_is_rejected_and_the_others_of_its_document_go_on(zipped: Callable[..., Read]) -> None:
    document = made.transfers(
        N, made.transfer(made.FIRM, made.OTHER, "20210231"), made.transfer("", ""), made.transfer(made.FIRM, made.FAR)
    )
    read = zipped(in_folder(N, document), layout=TRANSFERS)
    place = f"包/01/{mark_id(N)}/{mark_id(N)}.xml"
    assert [(one.rule, one.place, one.field) for one in read.rejects] == [
        ("bad_date", f"{place}#1", "announcement_date"),
        ("missing_party", f"{place}#2", ""),
    ]
    assert [(row["sequence_no"], row["first_transferee_name"]) for row in read.rows] == [(3, made.FAR)]


def test_licence_term_that_is_no_period_is_kept_as_text(zipped: Callable[..., Read]) -> None:
    terms = ("五年", "2019年6月1日至2024年5月31日", "2019-06-01 至 2099-12-31", "")
    documents = [made.licence(term=term, number=f"2019000{n}") for n, term in enumerate(terms)]
    rows = zipped(in_folder(N, made.licences(N, *documents)), layout=LICENCES).rows
    assert [(row["term_received"], row["licence_from"], row["licence_to"]) for row in rows] == [
        ("五年", None, None),
        (terms[1], date(2019, 6, 1), date(2024, 5, 31)),
        (terms[2], date(2019, 6, 1), None),
        (None, None, None),
    ]
    assert [row["is_licence_unlimited"] for row in rows] == [False, False, True, False]


def test_hash_is_of_the_content_and_not_of_the_place(zipped: Callable[..., Read]) -> None:
    first = zipped(in_folder(N, mark(N))).rows[0]
    again = zipped(in_folder(N + 1, mark(N + 1)), ("anders/x.xml", mark(N))).rows[1]
    assert first["_row_hash"] == again["_row_hash"] and first["_place"] != again["_place"]


def test_batches_are_bounded(zipped: Callable[..., Read], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(reader, "BATCH_ROWS", 2)
    zipped(*(in_folder(N + n, mark(N + n)) for n in range(5)))
    assert [one.batch.num_rows for one in READERS[MARKS](tmp_path / "a.zip")] == [2, 2, 1]


# --- hostile and broken ----------------------------------------------------------------------------------------------


def _declared(doctype: str, **changes: Any) -> str:
    return mark(N, **changes).replace("<TRADEMARK>", f"{doctype}<TRADEMARK>", 1)


@pytest.mark.parametrize(
    ("content", "rule"),
    [
        (_declared('<!DOCTYPE TRADEMARK [<!ENTITY x SYSTEM "file:///etc/passwd">]>', name="&x;"), "xml_entity"),
        (_declared('<!DOCTYPE TRADEMARK [<!ENTITY a "例"><!ENTITY b "&a;&a;">]>', name="&b;"), "xml_entity"),
        (_declared('<!DOCTYPE TRADEMARK [<!ENTITY % x SYSTEM "http://127.0.0.1:9/x"> %x;]>'), "xml_entity"),
        (mark(N, name="a & b"), "xml_entity"),
        (mark(N)[:-40], "xml_malformed"),
        (mark(N, name="<a>" * 3000 + "</a>" * 3000), "xml_malformed"),
        (mark(N, name="\ufdd0"), "xml_malformed"),
        (mark(N).encode("utf-16"), "wrong_encoding"),
        (mark(N).encode("gb18030"), "wrong_encoding"),
        (mark(N, name="例\0"), "nul_byte"),
        (b"", "empty_file"),
        ("<html><body>login</body></html>", "unknown_document"),
        (made.transfers(N, made.transfer(made.FIRM, made.FAR)), "unknown_document"),
        (mark(N, identity=""), "missing_key"),
        (mark(N, identity="CN21000001"), "bad_number"),
        (mark(N, identity=mark_id(N + 7)), "name_disagrees"),
        (mark(N, registration="2.1E+07"), "bad_number"),
        (mark(N, registration="2100****"), "bad_number"),
        (mark(N, application="例号"), "bad_number"),
        (mark(N, applied="20110231"), "bad_date"),
        (mark(N, registered="2099-12-31"), "bad_date"),
        (mark(N, right=("20110514", "99991231")), "bad_date"),
        (mark(N, right=("20210514", "20110513")), "dates_disagree"),
    ],
)
def test_bad_document_is_rejected_alone(zipped: Callable[..., Read], content: str | bytes, rule: str) -> None:
    read = zipped(in_folder(N, content), in_folder(N + 1, mark(N + 1)))
    assert [row["mark_id"] for row in read.rows] == [mark_id(N + 1)]
    (reject,) = read.rejects
    assert (reject.rule, reject.place) == (rule, in_folder(N, "")[0])
    assert reject.reason_zh and reject.reason_en and read.rows_read == 2


def test_document_that_contradicts_its_folder_alone(zipped: Callable[..., Read]) -> None:
    read = zipped((f"包/{mark_id(N + 7)}/x.xml", mark(N)))
    assert [(one.rule, one.field, one.value) for one in read.rejects] == [("name_disagrees", "mark_id", mark_id(N))]


@pytest.mark.parametrize("layout", [LICENCES, TRANSFERS])
def test_document_of_another_package_is_told(zipped: Callable[..., Read], layout: str) -> None:
    assert [one.rule for one in zipped(in_folder(N, mark(N)), layout=layout).rejects] == ["unknown_document"]


def test_external_declaration_is_accepted_and_not_fetched(bare: Callable[..., dict[str, Any]]) -> None:
    doctype = '<!DOCTYPE TRADEMARK SYSTEM "http://127.0.0.1:9/trademark.dtd">'
    assert bare(_declared(doctype, name="虚例一"))["name"] == "虚例一"


def test_declared_gb18030_is_read(bare: Callable[..., dict[str, Any]]) -> None:
    text = mark(N, name="虚例一", head='<?xml version="1.0" encoding="GB18030"?>')
    assert bare(text.encode("gb18030"))["name"] == "虚例一"


def test_document_too_large(zipped: Callable[..., Read]) -> None:
    blob = os.urandom(9 << 20).hex()  # does not pack well, so it is no bomb
    read = zipped(in_folder(N, mark(N, other=f"<A>{blob}</A>")), in_folder(N + 1, mark(N + 1)))
    assert [one.rule for one in read.rejects] == ["too_large"] and len(read.rows) == 1


def test_bad_bare_document_is_refused_as_a_file(bare: Callable[..., dict[str, Any]]) -> None:
    bare_name = f"{mark_id(N + 7)}.xml"
    for text, rule in ((b"", "empty_file"), (b"<a", "xml_malformed"), (mark(N), "name_disagrees")):
        with pytest.raises(Refusal) as caught:
            bare(text, name=bare_name)
        assert caught.value.rule == rule


@pytest.mark.parametrize(
    ("raw", "rule"),
    [
        (packed(("a.xml", b"\0" * (20 << 20))), "zip_bomb"),
        (packed(("../a.xml", mark(N))), "path_traversal"),
        (packed(in_folder(N, mark(N)))[:-30], "truncated"),
        (packed(("a.zip", packed(("b.zip", packed(("c.xml", mark(N))))))), "nested_too_deep"),
        (b"", "empty_file"),
        (b"<html>", "not_a_zip"),
        (packed(("readme.txt", "x")), "no_documents"),
    ],
)
def test_unfit_zip_is_refused_whole(zipped: Callable[..., Read], raw: bytes, rule: str) -> None:
    with pytest.raises(Refusal) as caught:
        zipped(raw=raw)
    assert caught.value.rule == rule and caught.value.reason_zh and caught.value.reason_en


def test_part_of_a_split_archive_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.z01"
    path.write_bytes(packed(in_folder(N, mark(N))))
    with pytest.raises(Refusal) as caught:
        Read(MARKS, path)
    assert caught.value.rule == "split_archive"


def test_more_members_than_permitted(zipped: Callable[..., Read]) -> None:
    with pytest.raises(Refusal) as caught:
        zipped(in_folder(N, mark(N)), *made.images(N), limits=Bounds(max_members=2))
    assert caught.value.rule == "too_many_members"


def test_unreadable_shard_inside_a_zip_is_recorded_and_the_rest_goes_on(zipped: Callable[..., Read]) -> None:
    good = packed(in_folder(N, mark(N)))
    read = zipped(("1.zip", good[: len(good) // 2]), ("2.zip", good), ("3.rar", b"Rar!"))
    assert len(read.rows) == 1
    assert [(one.place, one.rule) for one in read.rejects] == [("1.zip", "truncated"), ("3.rar", "unsupported_archive")]


def test_damaged_member_is_rejected_alone(zipped: Callable[..., Read], tmp_path: Path) -> None:
    path = tmp_path / "stored.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(*in_folder(N, mark(N)))
        archive.writestr(*in_folder(N + 1, mark(N + 1)))
    raw = bytearray(path.read_bytes())
    raw[300] ^= 1
    read = zipped(raw=bytes(raw))
    assert [row["mark_id"] for row in read.rows] == [mark_id(N + 1)]
    assert [one.rule for one in read.rejects] == ["damaged_member"]


# --- samples ---------------------------------------------------------------------------------------------------------


def test_synthetic_tree_is_read_whole() -> None:
    source, found = declaration("cnipa_trademarks"), dict[str, int]()
    for path in sorted(SYNTHETIC.rglob("*.zip")):
        match = source.recognise(path.relative_to(SYNTHETIC).as_posix())
        assert match is not None
        read = Read(match.layout.name, path)
        assert not read.rejects and not read.duplicates
        found[match.layout.entity] = found.get(match.layout.entity, 0) + len(read.rows)
    assert found == json.loads((SYNTHETIC / "expected.json").read_text(encoding="utf-8"))


def test_synthetic_tree_is_what_its_generator_makes(tmp_path: Path) -> None:
    script = Path(__file__).parents[1] / "fixtures" / "make_trademarks.py"
    subprocess.run([sys.executable, script, tmp_path / "made"], check=True, capture_output=True)
    assert _contents(tmp_path / "made") == _contents(SYNTHETIC)


def _contents(root: Path) -> dict[str, Any]:
    """Every file's content; of zips what is in them, because packed bytes depend on the zlib at hand."""
    found: dict[str, Any] = {}
    for path in sorted(one for one in root.rglob("*") if one.is_file()):
        name = path.relative_to(root).as_posix()
        if path.suffix == ".zip":
            with zipfile.ZipFile(path) as archive:
                found[name] = {one: archive.read(one) for one in archive.namelist()}
        else:
            found[name] = path.read_bytes()
    return found


@pytest.mark.skipif(not REAL.is_dir(), reason="REAL_SAMPLES is not set")
@pytest.mark.parametrize(
    ("name", "layout", "filled"),
    [
        ("trademark_132.xml", MARKS, {"right_to", "owner_address_text", "name", "nice_class", "service_text"}),
        ("trademark_134_transfer.xml", TRANSFERS, {"first_transferor_name", "first_transferee_name", "gazette_issue"}),
        ("trademark_136_madrid.xml", MADRID, {"international_registration_date", "right_to", "owner_address_text"}),
    ],
)
def test_described_examples(name: str, layout: str, filled: set[str]) -> None:
    (row,) = Read(layout, REAL / name).rows
    assert {column for column in filled if row[column] is None} == set()
