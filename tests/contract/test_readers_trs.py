"""Every quirk of TRS text that the source contract and its sample name, and what hostile files get."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from ingestion.archives import Bounds
from ingestion.declarations import declaration
from ingestion.readers import BATCH_ROWS, PUBLICATION_SCHEMA, READERS, Parsed, Refusal, Reject
from ingestion.readers import trs_text as trs

PERSON, AGENT = "例某某", "试某某"


def record(number: str = "CN85100462A", **changes: str | None) -> str:
    """One record; a change of None leaves the key out."""
    fields: dict[str, str | None] = {
        "公开（公告）号": number,
        "公开（公告）日": "1985.11.10",
        "申请号": "CN85100462",
        "申请日": "1985.04.03",
        "名称": "一种例装置",
        "主分类号": "B01J23/44",
        "分类号": "B01J23/44;C07C49/245",
        "申请（专利权）人": "天津例甲大学",
        "发明（设计）人": f"{PERSON};{PERSON}",
        "地址": "天津市南开区例路8号",
        "专利代理机构": "天津例专利事务所",
        "代理人": f"{AGENT};{AGENT}",
        "摘要": "一种例装置。",
        "发布路径": "BOOKS/FM/1985/19851110/85100462",
        "页数": "12",
        "国省代码": "天津;12",
    }
    for key, value in changes.items():
        fields[_KEYS.get(key, key)] = value
    lines = "".join(f"<{key}>={value}\n" for key, value in fields.items() if value is not None)
    return f"<REC>\n{lines}\n"


_KEYS = {
    "day": "公开（公告）日",
    "application": "申请号",
    "filed": "申请日",
    "title": "名称",
    "classes": "分类号",
    "owners": "申请（专利权）人",
    "inventors": "发明（设计）人",
    "address": "地址",
    "agents": "代理人",
    "abstract": "摘要",
    "place": "国省代码",
    "pct": "国际申请",
    "wo": "国际公布",
    "entry": "进入国家日期",
    "priority": "优先权",
    "family": "同族专利项",
    "patent": "专利号",
}


class Read:
    def __init__(self, steps: list[Parsed]):
        self.steps = steps
        self.rows: list[dict[str, Any]] = [row for step in steps for row in step.batch.to_pylist()]
        self.rejects: list[Reject] = [reject for step in steps for reject in step.rejects]
        self.rows_read = sum(step.rows_read for step in steps)
        self.duplicates = sum(step.duplicates for step in steps)
        assert all(step.batch.schema.equals(PUBLICATION_SCHEMA) for step in steps)


@pytest.fixture
def read(tmp_path: Path) -> Callable[..., Read]:
    def read(*records: str, raw: bytes | None = None, limits: Any = None) -> Read:
        path = tmp_path / "export_19851110.trs"
        path.write_bytes("".join(records).encode() if raw is None else raw)
        return Read(list(READERS["trs_text"](path, limits=limits or Bounds())))

    return read


def refused(read: Callable[..., Read], *records: str, **how: Any) -> Refusal:
    with pytest.raises(Refusal) as caught:
        read(*records, **how)
    assert caught.value.reason_zh and caught.value.reason_en and caught.value.place
    return caught.value


# --- quirks ----------------------------------------------------------------------------------------------------------


def test_record_after_rec_with_full_width_keys(read: Callable[..., Read]) -> None:
    (row,) = read(record()).rows
    assert row.pop("_row_hash") and row == {
        "_row_no": 1,
        "_place": "第2行",
        "publication_number": "CN85100462A",
        "kind_code": "A",
        "patent_type": "invention",
        "publication_date": date(1985, 11, 10),
        "announcement_date": None,
        "application_number": None,
        "application_number_display": "85100462",
        "application_number_received": "CN85100462",
        "application_number_status": "old_format",
        "filing_date": date(1985, 4, 3),
        "title": "一种例装置",
        "ipc_codes": "B01J23/44;C07C49/245",
        "ipc_main": "B01J23/44",
        "locarno_code": None,
        "owner_names": '["天津例甲大学"]',
        "owner_count": 1,
        "first_owner_name": "天津例甲大学",
        "address_text": "天津市南开区例路8号",
        "province": "天津",
        "city": None,
        "county": None,
        "post_code": None,
        "organization_code": None,
        "agency_name": "天津例专利事务所",
        "inventor_count": 2,
        "document_status": None,
        "agent_count": 2,
        "priority_count": None,
        "first_priority_date": None,
        "priority_numbers": None,
        "family_numbers": None,
        "pct_application_number": None,
        "pct_publication_number": None,
        "national_entry_date": None,
        "source_file_name": "export_19851110.trs",
    }


def test_keys_with_half_width_brackets(read: Callable[..., Read]) -> None:
    assert read(record().replace("（", "(").replace("）", ")")).rows == read(record()).rows


@pytest.mark.parametrize(
    ("application", "display", "status"),
    [
        ("CN85100462", "85100462", "old_format"),
        ("CN98811333.3", "98811333.3", "old_format"),
        ("CN98811333.4", None, "check_failed"),
        ("CN201610058726.X", "201610058726.X", "ok"),
    ],
)
def test_application_numbers_of_eight_digits_before_october_2003(
    read: Callable[..., Read], application: str, display: str | None, status: str
) -> None:
    (row,) = read(record(application=application, day="2017.08.22", filed="2001.04.03")).rows
    assert (row["application_number_display"], row["application_number_status"]) == (display, status)


def test_patent_number_where_there_is_no_application_number(read: Callable[..., Read]) -> None:
    (row,) = read(record("CN1003456C", application=None, patent="ZL98811333.3")).rows
    assert (row["application_number_display"], row["kind_code"]) == ("98811333.3", "C")
    assert row["announcement_date"] == row["publication_date"]


@pytest.mark.parametrize(
    ("code", "province"), [("天津;12", "天津"), ("日本;JP", None), ("天津", None), ("", None), ("-", None)]
)
def test_province_code_names_a_province_and_a_country_is_none(
    read: Callable[..., Read], code: str, province: str | None
) -> None:
    assert read(record(place=code)).rows[0]["province"] == province


def test_values_wrapped_over_several_lines(read: Callable[..., Read]) -> None:
    wrapped = record(
        title="一种例\n  装置",
        owners="天津例甲大学;\n例乙 Co.,\nLtd.",
        abstract='甲\n\n<img file="a.GIF" />=乙\n<sub>=丙',
    )
    (row,) = read(wrapped).rows
    assert (row["title"], json.loads(row["owner_names"])) == ("一种例装置", ["天津例甲大学", "例乙 Co., Ltd."])
    assert row["address_text"] == "天津市南开区例路8号"


def test_markup_in_titles_and_abstracts(read: Callable[..., Read]) -> None:
    image = '<img file="85100462_ab_0.GIF" wi="546" he="71" />'
    (row,) = read(record(title=f"检测Al<sup>3+</sup>的{image}方法", abstract=f"用于{image}催化")).rows
    assert row["title"] == "检测Al3+的方法"


def test_pct_fields(read: Callable[..., Read]) -> None:
    (row,) = read(record(pct="PCT/JP98/01007 1998.03.11", wo="WO99/46424 日 1999.09.16", entry="2000.05.19")).rows
    assert row["pct_application_number"] == "PCT/JP98/01007"
    assert (row["pct_publication_number"], row["national_entry_date"]) == ("WO99/46424", date(2000, 5, 19))


def test_pct_application_number_is_kept_and_never_converted(read: Callable[..., Read]) -> None:
    (row,) = read(record(application="CN201280005586.X", filed="2012.01.04", day="2013.09.18")).rows
    assert (row["application_number_status"], row["application_number"]) == ("pct", None)
    assert row["application_number_display"] == "201280005586.X"


def test_priorities_and_family(read: Callable[..., Read]) -> None:
    (row,) = read(
        record(priority="1984.03.12 JP 57854/84;[32]1983.12.1[33]US[31]06/970606", family="EP0123456A1;US4567890")
    ).rows
    assert (row["priority_count"], row["first_priority_date"]) == (2, date(1983, 12, 1))
    assert json.loads(row["priority_numbers"]) == ["JP 57854/84", "US 06/970606"]
    assert json.loads(row["family_numbers"]) == ["EP0123456A1", "US4567890"]


def test_agents_and_inventors_are_counted_and_their_names_leave_the_reader_nowhere(read: Callable[..., Read]) -> None:
    found = read(
        record(),
        record("CN85100463A", agents=None, inventors=None),
        record("CN85100464A", filed="1985.13.01"),
        record("CN85100465A", day=None),
        record("CN85100466A", inventors=PERSON) + f"<代理人>={AGENT}\n",
        record("CN85100467A"),
        record("CN85100467A", title="另一种例装置"),
        record(number="none"),
    )
    assert [(row["inventor_count"], row["agent_count"]) for row in found.rows] == [(2, 2), (None, None)]
    assert {one.rule for one in found.rejects} == {
        "bad_date", "incomplete_record", "repeated_field", "conflict", "bad_number",
    }  # fmt: skip
    assert not {PERSON, AGENT} & {word for word in (PERSON, AGENT) if word in repr(found.rows) + repr(found.rejects)}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
@pytest.mark.parametrize("bom", [False, True])
def test_utf8_and_gb18030_with_and_without_bom(read: Callable[..., Read], encoding: str, bom: bool) -> None:
    text = record(title="一种䶮例装置")
    raw = (("\ufeff" if bom and encoding != "utf-8-sig" else "") + text).encode(encoding)
    (row,) = read(raw=raw).rows
    assert (row["title"], row["province"]) == ("一种䶮例装置", "天津")


def test_windows_line_ends(read: Callable[..., Read]) -> None:
    assert read(raw=record().replace("\n", "\r\n").encode()).rows == read(record()).rows


def test_records_alike_are_one(read: Callable[..., Read]) -> None:
    found = read(record(), record(), record("CN85100463A"))
    assert (len(found.rows), found.duplicates, found.rejects, found.rows_read) == (2, 1, [], 3)


def test_same_number_with_different_names_is_conflict_and_never_last_wins(read: Callable[..., Read]) -> None:
    found = read(record(), record(title="另一种例装置"), record("CN85100463A"))
    assert [row["publication_number"] for row in found.rows] == ["CN85100463A"]
    assert [(one.rule, one.field) for one in found.rejects] == [("conflict", "title")] * 2


def test_same_name_but_other_fields_differ_is_conflict_fields(read: Callable[..., Read]) -> None:
    found = read(record(), record(address="天津市东丽区例路1号"))
    assert found.rows == [] and {(one.rule, one.field) for one in found.rejects} == {
        ("conflict_fields", "address_text")
    }


def test_designs_have_locarno_classes(read: Callable[..., Read]) -> None:
    (row,) = read(record("CN3012345D", 主分类号="09-03", classes="09-03")).rows
    assert (row["patent_type"], row["locarno_code"], row["ipc_codes"]) == ("design", "09-03", None)


def test_unknown_keys_are_passed_over_with_what_goes_on_of_them(read: Callable[..., Read]) -> None:
    text = record().replace("<地址>=", "<审查员>=某某\n某某\n<TRSKeyword>=x\n<地址>=")
    assert read(text).rows[0]["address_text"] == "天津市南开区例路8号"


def test_memory_is_bounded_by_a_batch(read: Callable[..., Read]) -> None:
    found = read(*(record(f"CN{85100000 + serial}A") for serial in range(BATCH_ROWS + 10)))
    assert [step.batch.num_rows for step in found.steps] == [BATCH_ROWS, 10]


@pytest.mark.parametrize(
    ("path", "day"),
    [
        ("TRS/export_19851110.trs", date(1985, 11, 10)),
        ("历史/发明_20010110.TRS", date(2001, 1, 10)),
        ("cnipa_trs/FM_20010110.txt", date(2001, 1, 10)),
        ("trs/20010110/1.txt", date(2001, 1, 10)),
    ],
)
def test_paths_of_the_layout(path: str, day: date) -> None:
    match = declaration("cnipa_patents").recognise(path)
    assert match is not None and (match.layout.name, match.stated_date) == ("trs_text", day)
    assert declaration("cnipa_patents").recognise("notes/readme_20010110.txt") is None


def test_the_true_sample() -> None:
    if not os.environ.get("REAL_SAMPLES"):
        pytest.skip("REAL_SAMPLES is not set: the true files are not in this repository")
    path = Path(os.environ["REAL_SAMPLES"]) / "formats" / "trs_sample.txt"
    found = Read(list(READERS["trs_text"](path, limits=Bounds())))
    assert found.rejects == []
    old, pct = found.rows
    assert (old["publication_number"], old["owner_count"], old["province"]) == ("CN85100462A", 1, "天津")
    assert (old["inventor_count"], old["agent_count"]) == (5, 2)
    assert (pct["publication_number"], pct["application_number_display"]) == ("CN1279731A", "98811333.3")
    assert (pct["pct_application_number"], pct["pct_publication_number"]) == ("PCT/JP98/01007", "WO99/46424")
    assert (pct["national_entry_date"], pct["province"]) == (date(2000, 5, 19), None)


# --- hostile and broken ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("raw", "rule", "place"),
    [
        (b"", "empty_file", "文件"),
        (b"\n\n", "no_rows", "文件"),
        (record().encode("utf-16"), "wrong_encoding", "第1行"),
        ((record() + record("CN85100463A")).encode().replace("一种".encode(), "一种".encode("gb18030"), 1),
         "wrong_encoding", "第6行"),
        (record().encode("gb18030")[:-4] + b"\xff\xff", "wrong_encoding", "第17行"),
        (record().encode() + record().encode()[:20], "wrong_encoding", "第20行"),
        (record().replace("装置", "装\0置").encode(), "nul_byte", "第6行"),
        (record(abstract="例" * (1 << 20)).encode(), "line_too_long", "第14行"),
        (b"PK\x03\x04" + record().encode(), "not_text", "文件"),
        (b"<html><body>login</body></html>", "no_records", "第1行"),
        (f"表头\n{record()}".encode(), "no_records", "第1行"),
        (record(title=None).encode(), "incomplete_record", "第2行"),
    ],
)  # fmt: skip
def test_unfit_file_is_refused_whole(read: Callable[..., Read], raw: bytes, rule: str, place: str) -> None:
    refusal = refused(read, raw=raw)
    assert (refusal.rule, refusal.place) == (rule, place)


def test_file_too_large_is_not_read(read: Callable[..., Read]) -> None:
    assert refused(read, record(), limits=Bounds(max_file_bytes=100)).rule == "too_large"


@pytest.mark.parametrize(
    ("bad", "rule", "field"),
    [
        (record("CN85100463A", day="1985.11.31"), "bad_date", "publication_date"),
        (record("CN85100463A", entry="不详"), "bad_date", "national_entry_date"),
        (record("CN85100463A", priority="1584.03.12 JP 1"), "bad_date", "first_priority_date"),
        (record("CN85100463A", title=""), "incomplete_record", "title"),
        (record("CN85100463A", owners=None), "incomplete_record", "owner_names"),
        (record("-"), "missing_key", "publication_number"),
        (record("EP0123456A1"), "bad_number", "publication_number"),
        (record("CN85100463A").replace("<页数>=12\n", "<页数>=12\n" + record("CN85100464A")[6:]), "repeated_field",
         "publication_number"),
    ],
)  # fmt: skip
def test_bad_record_is_rejected_alone(read: Callable[..., Read], bad: str, rule: str, field: str) -> None:
    found = read(record(), bad, record("CN85100469A"))
    assert [row["publication_number"] for row in found.rows] == ["CN85100462A", "CN85100469A"]
    (reject,) = found.rejects
    assert (reject.rule, reject.field, reject.place) == (rule, field, "第20行")
    assert reject.reason_zh and reject.reason_en and reject.row_text and found.rows_read == 3


def test_record_too_long_is_rejected_alone(read: Callable[..., Read], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trs, "_RECORD_LIMIT", 2_000)
    found = read(record(), record("CN85100463A", abstract="例\n" * 2_000), record("CN85100464A"))
    assert [one.rule for one in found.rejects] == ["record_too_long"] and len(found.rows) == 2


def test_file_cut_anywhere_loads_whole_records_only(read: Callable[..., Read]) -> None:
    whole = (record() + record("CN85100463A") + record("CN85100464A")).encode()
    expected = {row["publication_number"]: row for row in read(raw=whole).rows}
    loaded = 0
    for cut in range(1, len(whole) - 1, 5):
        try:
            rows = read(raw=whole[:cut]).rows
        except Refusal:
            continue
        for row in rows:
            del row["_row_hash"]
            # what stood behind the cut can be missing; nothing is there in part
            differing = {name for name, value in row.items() if value != expected[row["publication_number"]][name]}
            assert all(row[name] is None for name in differing), cut
        loaded += len(rows)
    assert loaded > 100
