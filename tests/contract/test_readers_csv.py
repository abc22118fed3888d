"""Every quirk of the two CSV layouts that the source contract names, and what hostile files get."""

from __future__ import annotations

import gzip
import json
from collections import Counter
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from ingestion.archives import Bounds
from ingestion.readers import BATCH_ROWS, PUBLICATION_SCHEMA, READERS, Parsed, Refusal, Reject

HEADER = (
    "item,name,authorization_notice_id,authorized_announcement_date,filing_id,filing_date,"
    "patentee,designer,address,Int.Cl."
)
PERSON = "例某某"


def gazette_row(item: int = 1, **changes: str) -> str:
    cells = {
        "name": "一种例装置",
        "number": "CN109990001A",
        "date": "2019.07.09",
        "filing": "2.01E+12",
        "filed": "2018.09.29",
        "patentee": "天津例甲有限公司",
        "designer": f"{PERSON};??{PERSON}",
        "address": "300300天津市东丽区例路1号",
        "classes": "G01B7/13(2006.01)I;",
    } | changes
    return ",".join([str(item), *(f'"{cell}"' if "," in cell else cell for cell in cells.values())])


def bibs_row(**changes: str) -> str:
    cells = {
        "application": "CN102015000161461",
        "filed": "20150407",
        "number": "CN104742377B",
        "date": "20170627",
        "classes": "B29C69/00;B29C47/90;",
        "owner": "天津例甲有限公司",
        "inventor": PERSON,
        "name": "一种例装置",
        "address": "天津市东丽区例路1号",
        "post": "300300",
    } | changes
    return ",".join(f'"{cell}"' if "," in cell else cell for cell in cells.values())


class Read:
    """All that a reader gave for one file."""

    def __init__(self, steps: list[Parsed]):
        self.steps = steps
        self.rows: list[dict[str, Any]] = [row for step in steps for row in step.batch.to_pylist()]
        self.rejects: list[Reject] = [reject for step in steps for reject in step.rejects]
        self.rows_read = sum(step.rows_read for step in steps)
        self.duplicates = sum(step.duplicates for step in steps)
        self.counts: Counter[str] = Counter()
        for step in steps:
            self.counts.update(step.counts)
            assert step.batch.schema.equals(PUBLICATION_SCHEMA)


@pytest.fixture
def gazette(tmp_path: Path) -> Callable[..., Read]:
    def read(*rows: str, header: str = HEADER, raw: bytes | None = None, limits: Any = None) -> Read:
        path = tmp_path / "invention_published.csv"
        path.write_bytes(raw if raw is not None else "".join(f"{row}\n" for row in (header, *rows)).encode("gb18030"))
        return Read(list(READERS["gazette_csv"](path, limits=limits)))

    return read


@pytest.fixture
def bibs(tmp_path: Path) -> Callable[..., Read]:
    def read(*rows: str, raw: bytes | None = None) -> Read:
        path = tmp_path / "CN-BIBS-ABSS-10-B_20170627.csv"
        path.write_bytes(raw if raw is not None else "".join(f"{row}\n" for row in rows).encode())
        return Read(list(READERS["bibs_csv"](path, limits=Bounds())))

    return read


def refused(read: Callable[..., Read], *rows: str, **how: Any) -> Refusal:
    with pytest.raises(Refusal) as caught:
        read(*rows, **how)
    assert caught.value.reason_zh and caught.value.reason_en and caught.value.place
    return caught.value


# --- gazette: quirks -------------------------------------------------------------------------------------------------


def test_gazette_row(gazette: Callable[..., Read]) -> None:
    (row,) = gazette(gazette_row()).rows
    assert row.pop("_row_hash") and row == {
        "_row_no": 1,
        "_place": "第2行",
        "publication_number": "CN109990001A",
        "kind_code": "A",
        "patent_type": "invention",
        "publication_date": date(2019, 7, 9),
        "announcement_date": None,
        "application_number": None,
        "application_number_display": None,
        "application_number_received": "2.01E+12",
        "application_number_status": "destroyed",
        "filing_date": date(2018, 9, 29),
        "title": "一种例装置",
        "ipc_codes": "G01B7/13",
        "ipc_main": "G01B7/13",
        "locarno_code": None,
        "owner_names": '["天津例甲有限公司"]',
        "owner_count": 1,
        "first_owner_name": "天津例甲有限公司",
        "address_text": "天津市东丽区例路1号",
        "province": None,
        "city": None,
        "county": None,
        "post_code": "300300",
        "organization_code": None,
        "agency_name": None,
        "inventor_count": 2,
        "document_status": None,
        "agent_count": None,
        "priority_count": None,
        "first_priority_date": None,
        "priority_numbers": None,
        "family_numbers": None,
        "pct_application_number": None,
        "pct_publication_number": None,
        "national_entry_date": None,
        "source_file_name": "invention_published.csv",
    }


def test_gazette_destroyed_filing_number_is_flagged_and_never_guessed(gazette: Callable[..., Read]) -> None:
    (row,) = gazette(gazette_row(filing="2.0193E+12")).rows
    assert row["application_number_status"] == "destroyed"
    assert row["application_number"] is None and row["application_number_display"] is None
    assert row["application_number_received"] == "2.0193E+12"


def test_gazette_pct_number_is_kept_and_flagged(gazette: Callable[..., Read]) -> None:
    (row,) = gazette(gazette_row(filing="201280005586X")).rows
    assert row["application_number_status"] == "pct"
    assert (row["application_number"], row["application_number_display"]) == (None, "201280005586.X")


def test_gazette_whole_number_without_dot(gazette: Callable[..., Read]) -> None:
    (row,) = gazette(gazette_row(filing="201610058726X")).rows
    assert row["application_number_status"] == "ok"
    assert (row["application_number"], row["application_number_display"]) == ("102016000058726", "201610058726.X")


def test_gazette_wrong_check_digit_is_flagged(gazette: Callable[..., Read]) -> None:
    (row,) = gazette(gazette_row(filing="2016100587261")).rows
    assert (row["application_number_status"], row["application_number"]) == ("check_failed", None)


def test_gazette_rows_alike_but_for_the_row_number_are_one(gazette: Callable[..., Read]) -> None:
    read = gazette(gazette_row(1), gazette_row(11), gazette_row(21), gazette_row(2, number="CN109990002A"))
    assert [row["_row_no"] for row in read.rows] == [1, 4]
    assert (read.duplicates, read.rejects, read.rows_read) == (2, [], 4)
    assert read.counts["keys"] == 2 and read.counts["keys_repeated"] == read.counts["keys_alike"] == 1


def test_gazette_rows_that_differ_in_noise_only_are_one(gazette: Callable[..., Read]) -> None:
    read = gazette(
        gazette_row(1, patentee="天津例甲有限公司;??天津例乙有限公司", classes="G01B7/13(2006.01)I;  "),
        gazette_row(2, patentee="天津例甲有限公司;\u2002天津例乙有限公司;", classes="G01B7/13(2006.01)I"),
    )
    assert (len(read.rows), read.duplicates, read.counts["keys_alike"]) == (1, 1, 1)


def test_gazette_same_number_with_different_names_is_conflict_and_never_last_wins(gazette: Callable[..., Read]) -> None:
    read = gazette(
        gazette_row(1), gazette_row(2, name="另一种例装置"), gazette_row(3), gazette_row(4, number="CN109990002A")
    )
    assert [row["publication_number"] for row in read.rows] == ["CN109990002A"]
    assert [(r.place, r.field, r.rule) for r in read.rejects] == [(f"第{n}行", "title", "conflict") for n in (2, 3, 4)]
    assert [r.value for r in read.rejects] == ["一种例装置", "另一种例装置", "一种例装置"]
    assert "CN109990001A" in read.rejects[0].reason_zh
    assert read.counts["keys_conflict"] == 1 and read.duplicates == 0


def test_gazette_same_name_but_other_fields_differ_is_conflict_fields(gazette: Callable[..., Read]) -> None:
    read = gazette(gazette_row(1), gazette_row(2, address="日本例京都", classes="H01Q1/50(2006.01)I"))
    assert read.rows == []
    assert {(r.rule, r.field, r.value) for r in read.rejects} == {
        ("conflict_fields", "address_text, classes", "CN109990001A")
    }
    assert read.counts["keys_conflict_fields"] == 1


def test_conflict_far_behind_the_first_batch_still_takes_out_the_first_row(gazette: Callable[..., Read]) -> None:
    rows = [gazette_row(i, number=f"CN{110000000 + i}A") for i in range(BATCH_ROWS + 100)]
    read = gazette(*rows, gazette_row(9999, number="CN110000000A", name="另一种例装置"))
    assert len(read.steps) >= 2 and max(step.batch.num_rows for step in read.steps) <= BATCH_ROWS
    assert "CN110000000A" not in {row["publication_number"] for row in read.rows}
    assert len(read.rows) == BATCH_ROWS + 99 and len(read.rejects) == 2


def test_gazette_question_marks_and_en_spaces_before_names(gazette: Callable[..., Read]) -> None:
    (row,) = gazette(gazette_row(patentee="例甲公司;??例乙公司;\u2002例丙（中国）公司;")).rows
    assert json.loads(row["owner_names"]) == ["例甲公司", "例乙公司", "例丙(中国)公司"]
    assert (row["owner_count"], row["first_owner_name"]) == (3, "例甲公司")


@pytest.mark.parametrize("name", ['例"甲"公司', "例\\甲公司", "Example Co. Ltd", "例甲/乙公司"])
def test_owner_names_are_json_whatever_is_in_them(gazette: Callable[..., Read], name: str) -> None:
    cell = '"' + f"{name};例乙公司".replace('"', '""') + '"'
    (row,) = gazette(gazette_row(patentee="@@").replace("@@", cell)).rows
    assert json.loads(row["owner_names"]) == [name, "例乙公司"]


def test_gazette_foreign_address_has_no_post_code(gazette: Callable[..., Read]) -> None:
    (row,) = gazette(gazette_row(address="日本例京都")).rows
    assert (row["post_code"], row["address_text"]) == (None, "日本例京都")


@pytest.mark.parametrize(
    ("number", "kind", "patent_type", "announced"),
    [
        ("CN109990001A", "A", "invention", False),
        ("CN102889890B", "B", "invention", True),
        ("CN101234567C", "C", "invention", True),
        ("CN209078969U", "U", "utility_model", True),
        ("CN201234567Y", "Y", "utility_model", True),
        ("CN305246987S", "S", "design", True),
        ("CN300123456D", "D", "design", True),
    ],
)
def test_kind_decides_type_and_announcement(
    gazette: Callable[..., Read], number: str, kind: str, patent_type: str, announced: bool
) -> None:
    (row,) = gazette(gazette_row(number=number)).rows
    assert (row["kind_code"], row["patent_type"]) == (kind, patent_type)
    assert row["publication_date"] == date(2019, 7, 9)
    assert row["announcement_date"] == (date(2019, 7, 9) if announced else None)


def test_gazette_design_has_a_locarno_class_and_no_ipc(gazette: Callable[..., Read]) -> None:
    (row,) = gazette(gazette_row(number="CN305246987S", classes="01-01 (12)  ")).rows
    assert (row["locarno_code"], row["ipc_codes"], row["ipc_main"]) == ("01-01", None, None)


def test_gazette_row_of_an_earlier_issue_keeps_its_date(gazette: Callable[..., Read]) -> None:
    (row,) = gazette(gazette_row(date="2019.07.05")).rows
    assert row["publication_date"] == date(2019, 7, 5)


def test_missing_stays_missing(gazette: Callable[..., Read]) -> None:
    (row,) = gazette(gazette_row(name="-", filing="/", filed="00000000", patentee="0", address="", classes="-")).rows
    assert row["application_number_status"] == "missing"
    empty = ("title", "filing_date", "address_text", "post_code", "ipc_codes", "first_owner_name")
    assert [row[name] for name in empty] == [None] * len(empty)
    assert (row["owner_names"], row["owner_count"]) == ("[]", 0)


def test_comma_inside_quotes(gazette: Callable[..., Read], bibs: Callable[..., Read]) -> None:
    assert gazette(gazette_row(name="含1,4-例")).rows[0]["title"] == "含1,4-例"
    assert bibs(bibs_row(address="例区2,门101室")).rows[0]["address_text"] == "例区2,门101室"


def test_line_break_inside_quotes(gazette: Callable[..., Read]) -> None:
    read = gazette(gazette_row(1, name="一种例,\n装置"), gazette_row(2, number="CN109990002A"))
    assert [row["title"] for row in read.rows] == ["一种例, 装置", "一种例装置"]
    assert [row["_place"] for row in read.rows] == ["第2行", "第4行"]


def test_quote_that_is_never_closed_swallows_no_neighbour(gazette: Callable[..., Read]) -> None:
    rows = [gazette_row(i, number=f"CN{110000000 + i}A") for i in range(20)]
    rows[3] = rows[3].replace("一种", '"一种')
    read = gazette(*rows)
    assert len(read.rows) == 19
    assert [(r.place, r.rule) for r in read.rejects] == [("第5行", "bad_column_count")]


def test_windows_line_ends_byte_order_mark_and_blank_lines(bibs: Callable[..., Read]) -> None:
    read = bibs(raw=f"\ufeff{bibs_row()}\r\n\r\n{bibs_row(number='CN104742378B')}\r\n".encode())
    assert [row["publication_number"] for row in read.rows] == ["CN104742377B", "CN104742378B"]
    assert read.rows[1]["_place"] == "第3行" and read.rows_read == 2


# --- BIBS: quirks ----------------------------------------------------------------------------------------------------


def test_bibs_row(bibs: Callable[..., Read]) -> None:
    (row,) = bibs(bibs_row()).rows
    assert (row["publication_number"], row["kind_code"], row["patent_type"]) == ("CN104742377B", "B", "invention")
    assert row["publication_date"] == row["announcement_date"] == date(2017, 6, 27)
    assert (row["application_number"], row["application_number_display"], row["application_number_status"]) == (
        "102015000161461", "201510161461.1", "converted",
    )  # fmt: skip
    assert (row["ipc_codes"], row["ipc_main"]) == ("B29C69/00;B29C47/90", "B29C69/00")
    assert (row["address_text"], row["post_code"]) == ("天津市东丽区例路1号", "300300")
    # only the first owner and inventor are delivered: how many there are is not known
    assert (row["owner_names"], row["owner_count"], row["inventor_count"]) == ('["天津例甲有限公司"]', None, None)


def test_bibs_title_markup_becomes_text(bibs: Callable[..., Read]) -> None:
    (row,) = bibs(bibs_row(name="检测Al<base:Sup>3+</base:Sup>,TiO<sub>2</sub>的2,5\u2011例酸")).rows
    assert row["title"] == "检测Al3+,TiO2的2,5-例酸"


def test_bibs_post_code_zero_is_missing(bibs: Callable[..., Read]) -> None:
    assert bibs(bibs_row(post="0")).rows[0]["post_code"] is None


# --- personal data ---------------------------------------------------------------------------------------------------


def test_names_of_inventors_and_designers_leave_the_reader_nowhere(
    gazette: Callable[..., Read], bibs: Callable[..., Read]
) -> None:
    reads = [
        gazette(gazette_row(1), gazette_row(2, name="另一种"), gazette_row(3, number="CN1099900A", date="x")),
        gazette(gazette_row(1), gazette_row(2, designer=PERSON)),
        gazette(gazette_row(1, number="-"), gazette_row(2) + ",x", gazette_row(3, filed="x")),
        bibs(bibs_row(), bibs_row(number="CN104742379B") + ",x", bibs_row(number="x"), bibs_row(date="x")),
    ]
    for read in reads:
        assert read.rejects or read.rows
        assert PERSON not in repr(read.rows) and PERSON not in repr(read.rejects)
    assert "[2人]" in (reads[0].rejects[0].row_text or "")


# --- hostile and broken ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "rule", "field"),
    [
        ({"number": "-"}, "missing_key", "publication_number"),
        ({"number": "0000000000"}, "missing_key", "publication_number"),
        ({"number": "109990001"}, "bad_number", "publication_number"),
        ({"date": "2019.02.30"}, "bad_date", "publication_date"),
        ({"date": "1900.01.01"}, "bad_date", "publication_date"),
        ({"filed": "昨天"}, "bad_date", "filing_date"),
    ],
)
def test_bad_value_rejects_its_row_alone(
    gazette: Callable[..., Read], changes: dict[str, str], rule: str, field: str
) -> None:
    read = gazette(gazette_row(1, **changes), gazette_row(2, number="CN109990002A"))
    assert len(read.rows) == 1 and read.rows_read == 2
    (reject,) = read.rejects
    assert (reject.place, reject.rule, reject.field) == ("第2行", rule, field)
    assert reject.value == next(iter(changes.values())) and reject.reason_zh and reject.reason_en


def test_wrong_column_count_rejects_its_row_alone(gazette: Callable[..., Read], bibs: Callable[..., Read]) -> None:
    read = gazette(gazette_row(1) + ",x", gazette_row(2), "1,2,3")
    assert [(r.place, r.rule, r.value) for r in read.rejects] == [
        ("第2行", "bad_column_count", "11"),
        ("第4行", "bad_column_count", "3"),
    ]
    assert len(read.rows) == 1
    assert bibs(bibs_row(), "a,b").rejects[0].place == "第2行"


def test_no_row_of_the_right_width_refuses_the_file(bibs: Callable[..., Read]) -> None:
    assert refused(bibs, "a,b,c", "d,e").rule == "bad_column_count"


def test_header_not_as_expected(gazette: Callable[..., Read], bibs: Callable[..., Read]) -> None:
    wrong = refused(gazette, gazette_row(), header=HEADER.replace("patentee", "owner"))
    assert (wrong.rule, wrong.place) == ("unexpected_header", "第1行") and "owner" in (wrong.value or "")
    assert refused(gazette, gazette_row(2), header=gazette_row(1)).rule == "unexpected_header"
    header = "申请号,申请日,公开号,公开日,分类,申请人,发明人,名称,地址,邮编"
    assert refused(bibs, header, bibs_row()).rule == "unexpected_header"


def test_wrong_encoding(gazette: Callable[..., Read], bibs: Callable[..., Read]) -> None:
    text = f"{HEADER}\n{gazette_row()}\n"
    assert refused(gazette, raw=text.encode("utf-8")).rule == "wrong_encoding"
    assert refused(gazette, raw=text.encode("utf-16")).rule == "wrong_encoding"
    broken = text.encode("gb18030") + b"\xff\xff\n"
    assert (refused(gazette, raw=broken).rule, refused(gazette, raw=broken).place) == ("wrong_encoding", "第3行")
    caught = refused(bibs, raw=f"{bibs_row()}\n".encode("gb18030"))
    assert (caught.rule, caught.place) == ("wrong_encoding", "第1行")


def test_utf8_that_gb18030_can_read_is_wrong_encoding(gazette: Callable[..., Read]) -> None:
    row = gazette_row(name="例置", patentee="例公司甲", designer="例某", address="例州")
    raw = f"{HEADER}\n{row}\n".encode()
    assert raw.decode("gb18030") != raw.decode()  # it can be read, as other characters
    caught = refused(gazette, raw=raw)
    assert (caught.rule, caught.value) == ("wrong_encoding", "UTF-8")


def test_nul_byte(gazette: Callable[..., Read], bibs: Callable[..., Read]) -> None:
    raw = f"{HEADER}\n{gazette_row()}\n{gazette_row(2, name='例' + chr(0))}\n".encode("gb18030")
    caught = refused(gazette, raw=raw)
    assert (caught.rule, caught.place) == ("nul_byte", "第3行")
    assert refused(bibs, raw=b"\0" * 100).rule == "nul_byte"


def test_empty_file_and_file_without_rows(gazette: Callable[..., Read], bibs: Callable[..., Read]) -> None:
    assert refused(gazette, raw=b"").rule == "empty_file"
    assert refused(bibs, raw=b"").rule == "empty_file"
    assert refused(gazette).rule == "no_rows"
    assert refused(bibs, raw=b"\n\n").rule == "no_rows"


def test_login_page_instead_of_a_table(gazette: Callable[..., Read], bibs: Callable[..., Read]) -> None:
    page = b"<!DOCTYPE html>\n<html><title>login</title></html>\n"
    assert refused(gazette, raw=page).rule == "unexpected_header"
    assert refused(bibs, raw=page).rule == "bad_column_count"


def test_archive_named_csv(bibs: Callable[..., Read]) -> None:
    assert refused(bibs, raw=b"PK\x03\x04" + b"x" * 50).rule == "not_text"
    assert refused(bibs, raw=gzip.compress(b"x" * 50)).rule in ("nul_byte", "wrong_encoding")


def test_line_without_end(bibs: Callable[..., Read]) -> None:
    assert refused(bibs, raw=b"a" * (3 << 20)).rule == "line_too_long"


def test_file_larger_than_the_limit(gazette: Callable[..., Read]) -> None:
    assert refused(gazette, gazette_row(), limits=Bounds(max_file_bytes=100)).rule == "too_large"


def test_reject_texts_are_bounded(gazette: Callable[..., Read]) -> None:
    (reject,) = gazette(gazette_row(1, name="例" * 5000, number="x" * 600)).rejects
    assert len(reject.value or "") == 500 and len(reject.row_text or "") == 2000


def test_row_hash_depends_on_what_a_row_says_only(gazette: Callable[..., Read]) -> None:
    first = gazette(gazette_row(1), gazette_row(2, number="CN109990002A")).rows
    again = gazette(gazette_row(9, number="CN109990002A", classes="G01B7/13(2006.01)I"), gazette_row(8)).rows
    assert {row["_row_hash"] for row in first} == {row["_row_hash"] for row in again}
    assert gazette(gazette_row(1, name="另一种")).rows[0]["_row_hash"] not in {row["_row_hash"] for row in first}


def test_gazette_cut_within_its_last_line_loads_no_shortened_class(gazette: Callable[..., Read]) -> None:
    whole = f"{HEADER}\n{gazette_row(1)}\n{gazette_row(2, number='CN109990002A')}".encode("gb18030")
    assert len(gazette(raw=whole).rows) == 2, "a last line without an end is fine as long as it is whole"
    cut = gazette(raw=whole[:-9])
    assert [row["publication_number"] for row in cut.rows] == ["CN109990001A"]
    assert [(one.rule, one.place, one.field) for one in cut.rejects] == [("truncated", "第3行", "classes")]
