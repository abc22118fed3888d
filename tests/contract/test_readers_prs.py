"""Every quirk of the legal status feed that the source contract names, and what hostile and damaged files get."""

from __future__ import annotations

import io
import json
import os
import zipfile
from collections import Counter
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from ingestion.archives import Bounds
from ingestion.declarations import declaration
from ingestion.readers import READERS, Parsed, Refusal, Reject

SOURCE = declaration("cnipa_legal_status")
SAMPLES = Path(__file__).parents[1] / "fixtures" / "samples"
DOCTYPE = '<!DOCTYPE business:PRS SYSTEM "/DTDS/ExternalStandards/ipphdb-entities.dtd"[]>'
SPACES = 'xmlns:base="http://www.sipo.gov.cn/XMLSchema/base" xmlns:business="http://www.sipo.gov.cn/XMLSchema/business"'
TRANSFER = (
    "专利权的转移IPC(主分类):H05K   1/02;变更事项:专利权人;变更前权利人:天津例甲有限公司;变更后权利人:例乙有限公司;"
    "变更事项:地址;变更前权利人:天津市西青区例道8号;变更后权利人:天津市东丽区例道20号;登记生效日:20201130;"
)


def reference(form: str, number: str, day: str = "20150112") -> str:
    return (
        f'<business:ApplicationReference applType="10" dataFormat="{form}"><base:DocumentID>'
        f"<base:WIPOST3Code>CN</base:WIPOST3Code><base:DocNumber>{number}</base:DocNumber><base:Date>{day}</base:Date>"
        "</base:DocumentID></business:ApplicationReference>"
    )


def record(**changes: Any) -> str:
    d: dict[str, Any] = {
        "id": "PRS202000000034", "status": "C", "standard": "102015000022747", "original": "201510022747.1",
        "swap": False, "type": "发明专利", "day": "20201218", "code": "TR01", "name": "专利权的转移", "text": TRANSFER,
        "indicator": "0", "filed": "20150112",
    } | changes  # fmt: skip
    references = [reference(form, d[form], d["filed"]) for form in ("standard", "original") if d[form] is not None]
    if d["swap"]:
        references.reverse()
    fields = (
        ("IPRType", d["type"]),
        ("PRSPublicationDate", None if d["day"] is None else f"<base:Date>{d['day']}</base:Date>"),
        ("PRSCode", d["code"]),
        ("PRSValue", d["name"]),
        ("PRSInformation", d["text"]),
        ("StatusIndicator", d["indicator"]),
    )
    said = "".join(f"<business:{tag}>{value}</business:{tag}>" for tag, value in fields if value is not None)
    named = "" if d["id"] is None else f'PRSID="{d["id"]}"'
    return f'<business:PRSRecord {named} status="{d["status"]}">{"".join(references)}{said}</business:PRSRecord>'


def document(*records: str, status: str = "C", doctype: str = DOCTYPE, encoding: str = "utf-8") -> str:
    return (
        f'\ufeff<?xml version="1.0" encoding="{encoding}" standalone="no"?>\n{doctype}\n'
        f'<business:PRS {SPACES} xsdVersion="V2.2.1" status="{status}" lang="zh">{"".join(records)}</business:PRS>'
    )


class Read:
    def __init__(self, steps: list[Parsed]):
        self.rows: list[dict[str, Any]] = [row for step in steps for row in step.batch.to_pylist()]
        self.rejects: list[Reject] = [reject for step in steps for reject in step.rejects]
        self.rows_read = sum(step.rows_read for step in steps)
        self.duplicates = sum(step.duplicates for step in steps)
        self.counts = sum((Counter(step.counts) for step in steps), Counter())
        # an archive in the archive that cannot be opened is a reject that is no row
        self.shards = len(self.rows) + self.duplicates + len(self.rejects) - self.rows_read


def packed(*members: tuple[str, str | bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return buffer.getvalue()


@pytest.fixture
def xml(tmp_path: Path) -> Callable[..., Read]:
    def read(content: str | bytes, name: str = "a.XML", limits: Bounds | None = None) -> Read:
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return Read(list(READERS["prss_xml"](path, limits=limits)))

    return read


@pytest.fixture
def text(tmp_path: Path) -> Callable[..., Read]:
    def read(content: str | bytes, encoding: str = "utf-8") -> Read:
        path = tmp_path / "legal_status_20201218.txt"
        path.write_bytes(content.encode(encoding) if isinstance(content, str) else content)
        return Read(list(READERS["prs_text"](path, limits=Bounds())))

    return read


# --- the whole -------------------------------------------------------------------------------------------------------


def test_columns_are_those_of_the_declaration(xml: Callable[..., Read], tmp_path: Path) -> None:
    path = tmp_path / "a.XML"
    path.write_text(document(record()), encoding="utf-8")
    [step] = READERS["prss_xml"](path)
    schema: pa.Schema = SOURCE.table_of("prss_xml").schema
    assert step.batch.schema.equals(schema)
    assert SOURCE.table_of("prs_text").schema.equals(schema)
    [row] = xml(document(record())).rows
    del row["_row_hash"], row["information_received"]
    assert row == {
        "_row_no": 1, "_place": "a.XML", "record_id": "PRS202000000034", "event_no": 1,
        "application_number": "102015000022747", "application_number_display": "201510022747.1",
        "application_number_received": "201510022747.1", "application_number_status": "ok",
        "filing_date": date(2015, 1, 12), "patent_type": "invention", "prs_code": "TR01", "prs_name": "专利权的转移",
        "event_type": "transfer", "effective_date": date(2020, 11, 30), "announcement_date": date(2020, 12, 18),
        "contract_number": None, "licence_kind": None, "change_item": "专利权人", "group_no": 1, "is_unchanged": False,
        "from_names": '["天津例甲有限公司"]', "to_names": '["例乙有限公司"]', "from_name_first": "天津例甲有限公司",
        "to_name_first": "例乙有限公司", "from_address": "天津市西青区例道8号", "to_address": "天津市东丽区例道20号",
        "start_date": None, "release_date": None, "status_indicator": "0", "record_status": "C",
        "untyped_reason": None, "quality_flags": None, "source_file_name": "a.XML",
    }  # fmt: skip


@pytest.mark.parametrize("path", json.loads((SAMPLES / "expected.json").read_text("utf-8"))["legal_status"])
def test_samples_hold_the_events_that_were_written_into_them(path: str) -> None:
    want = json.loads((SAMPLES / "expected.json").read_text("utf-8"))["legal_status"][path]
    match = SOURCE.recognise(path)
    assert match is not None
    read = Read(list(READERS[match.layout.name](SAMPLES / "legal_status" / path)))
    assert Counter(row["event_type"] for row in read.rows) == Counter(want["events"])
    assert {k[7:]: n for k, n in read.counts.items() if k.startswith("events_")} == want["events"]
    assert (read.duplicates, Counter(reject.rule for reject in read.rejects)) == (
        want["duplicates"],
        Counter(want["rejected"]),
    )


def test_paths_are_recognised_by_folder_and_name() -> None:
    assert {
        path: (match.layout.name, match.stated_date) if (match := SOURCE.recognise(path)) else None
        for path in (
            "CN/CN-PA-PRSS-10_发明/data/20201218/a.zip",
            "CN/CN-PRSS-30_外观/data/20201218/a.XML",
            "CN/CN-PA-PRSS-20/data/20201218/a.zip.001",
            "legal_status_20201218.txt",
            "CN/CN-PA-BIBS-ABSS-10-A/data/20201218/a.zip",
            "CN/CN-PA-PRSS-10_发明/data/20201218rawdata/a.zip",
        )
    } == {
        "CN/CN-PA-PRSS-10_发明/data/20201218/a.zip": ("prss_xml", date(2020, 12, 18)),
        "CN/CN-PRSS-30_外观/data/20201218/a.XML": ("prss_xml", date(2020, 12, 18)),
        "CN/CN-PA-PRSS-20/data/20201218/a.zip.001": ("prss_xml", date(2020, 12, 18)),
        "legal_status_20201218.txt": ("prs_text", date(2020, 12, 18)),
        "CN/CN-PA-BIBS-ABSS-10-A/data/20201218/a.zip": None,
        "CN/CN-PA-PRSS-10_发明/data/20201218rawdata/a.zip": None,
    }


@pytest.mark.skipif(not os.environ.get("REAL_SAMPLES"), reason="REAL_SAMPLES is not set")
def test_the_example_of_the_format_is_read() -> None:
    path = Path(os.environ["REAL_SAMPLES"]) / "formats/examples/legal_status_PRS.xml"
    [row] = Read(list(READERS["prss_xml"](path))).rows
    assert (row["record_id"], row["event_type"], row["to_address"]) == (
        "PRS202000000034",
        "transfer",
        "天津市东丽区华明街道弘例道20号",
    )


@pytest.mark.skipif(not os.environ.get("REAL_SAMPLES"), reason="REAL_SAMPLES is not set")
def test_the_true_snippets_are_read(text: Callable[..., Read]) -> None:
    path = Path(os.environ["REAL_SAMPLES"]) / "formats/legal_status_snippets.txt"
    lines = [line for line in path.read_text("utf-8").splitlines() if not line.startswith(("# REAL", "---"))]
    lines = [line.format("201510022747.1", "1", "20200102", "例甲公司", "例银行") for line in lines]
    read = text("申请号：201510022747.1\n" + "\n".join(lines))
    assert not read.rejects
    assert [row["event_type"] for row in read.rows] == [
        "grant", "transfer", "transfer", "expiry", "publication", "examination", "examination", "publication",
        "application_transfer", "pledge_release",
    ]  # fmt: skip


# --- quirks of the documents -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("swap", [False, True])
def test_two_application_references_in_either_order(xml: Callable[..., Read], swap: bool) -> None:
    [row] = xml(document(record(swap=swap))).rows
    assert (row["application_number"], row["application_number_display"]) == ("102015000022747", "201510022747.1")


def test_standard_number_alone_is_converted(xml: Callable[..., Read]) -> None:
    [row] = xml(document(record(original=None))).rows
    assert (row["application_number_status"], row["application_number_display"]) == ("converted", "201510022747.1")


def test_references_that_disagree_give_no_number(xml: Callable[..., Read]) -> None:
    [row] = xml(document(record(standard="102015000022748"))).rows
    assert (row["application_number"], row["application_number_status"]) == (None, "disagree")


def test_a_record_without_number_is_kept_and_its_text_may_state_it(xml: Callable[..., Read]) -> None:
    [row] = xml(document(record(standard=None, original=None))).rows
    assert (row["application_number"], row["application_number_status"]) == (None, "missing")
    told = record(standard=None, original=None, code="PC01", name=None, text="专利号:ZL201510022747.1;解除日:20200102;")
    [row] = xml(document(told)).rows
    assert row["application_number"] == "102015000022747"


def test_codes_that_are_not_in_the_list_are_read(xml: Callable[..., Read]) -> None:
    kinds = {}
    for code in ("TA01", "OL01", "OL02"):
        [row] = xml(document(record(code=code, name=None, text=None))).rows
        kinds[code] = row["event_type"]
    assert kinds == {"TA01": "application_transfer", "OL01": "open_licence", "OL02": "open_licence_end"}


def test_what_cannot_be_typed_is_kept_and_counted(xml: Callable[..., Read]) -> None:
    read = xml(document(record(code="ZZ99", name="例不明", text="例不明的文字")))
    [row] = read.rows
    assert (row["event_type"], row["untyped_reason"]) == ("untyped", "unknown_code_and_name")
    assert row["information_received"] == "例不明的文字"
    assert read.counts["events_untyped"] == 1


def test_several_records_in_one_document(xml: Callable[..., Read]) -> None:
    read = xml(document(record(), record(id="P2", day="20209999"), record(id="P3", code="CF01", name=None, text=None)))
    assert [row["record_id"] for row in read.rows] == ["PRS202000000034", "P3"]
    [reject] = read.rejects
    assert (reject.rule, reject.field, reject.value) == ("bad_date", "announcement_date", "20209999")


@pytest.mark.parametrize(("root", "own", "status"), [("R", "C", "R"), ("C", "R", "R"), ("C", "C", "C"), ("D", "", "D")])
def test_root_status_r_is_a_correction(xml: Callable[..., Read], root: str, own: str, status: str) -> None:
    [row] = xml(document(record(status=own), status=root)).rows
    assert row["record_status"] == status


def test_a_correction_is_kept_beside_what_it_corrects(xml: Callable[..., Read]) -> None:
    wrong = document(record(code="CF01", name=None, text="终止日期:20200112;"))
    right = document(record(code="CF01", name=None, text="终止日期:20190112;"), status="R")
    read = xml(packed(("a/a.XML", wrong), ("b/b.XML", right)), "a.zip")
    assert [(row["record_id"], row["record_status"], row["effective_date"]) for row in read.rows] == [
        ("PRS202000000034", "C", date(2020, 1, 12)),
        ("PRS202000000034", "R", date(2019, 1, 12)),
    ]
    assert read.duplicates == 0


def test_the_same_record_twice_in_one_package_is_one(xml: Callable[..., Read]) -> None:
    read = xml(packed(("a/a.XML", document(record())), ("b/b.XML", document(record()))), "a.zip")
    assert (len(read.rows), read.duplicates) == (1, 1)


def test_the_same_content_under_another_id_is_kept_for_staging_to_settle(xml: Callable[..., Read]) -> None:
    read = xml(packed(("a/a.XML", document(record())), ("b/b.XML", document(record(id="P2")))), "a.zip")
    assert [row["record_id"] for row in read.rows] == ["PRS202000000034", "P2"]


def test_row_hash_depends_on_content_alone(xml: Callable[..., Read]) -> None:
    [bare] = xml(document(record())).rows
    [zipped] = xml(packed(("x/y.XML", document(record()))), "a.zip").rows
    assert bare["_row_hash"] == zipped["_row_hash"]
    assert bare["_place"] != zipped["_place"]


def test_zip_in_zip_is_read_one_level_deep(xml: Callable[..., Read]) -> None:
    inner = packed(("a/a.XML", document(record())))
    [row] = xml(packed(("内.zip", inner)), "a.zip").rows
    assert row["_place"] == "内.zip!a/a.XML"
    with pytest.raises(Refusal) as refusal:
        xml(packed(("更内.zip", packed(("内.zip", inner)))), "a.zip")
    assert refusal.value.rule == "nested_too_deep"


def test_doctype_that_cannot_be_fetched_is_accepted(xml: Callable[..., Read]) -> None:
    assert len(xml(document(record())).rows) == 1


def test_status_indicator_0_is_a_value(xml: Callable[..., Read]) -> None:
    assert xml(document(record())).rows[0]["status_indicator"] == "0"
    assert xml(document(record(indicator=""))).rows[0]["status_indicator"] is None


def test_missing_day_of_the_gazette_is_flagged_and_not_made_up(xml: Callable[..., Read]) -> None:
    [row] = xml(document(record(day=None, text="登记生效日:20201130;"))).rows
    assert (row["announcement_date"], row["effective_date"]) == (None, date(2020, 11, 30))
    assert "no_announcement_date" in row["quality_flags"]


def test_bad_filing_date_does_not_take_the_event_away(xml: Callable[..., Read]) -> None:
    [row] = xml(document(record(filed="20159999"))).rows
    assert (row["filing_date"], row["quality_flags"]) == (None, "bad_filing_date")


def test_patent_type_by_name_and_by_code(xml: Callable[..., Read]) -> None:
    assert xml(document(record(type="实用新型专利"))).rows[0]["patent_type"] == "utility_model"
    assert xml(document(record(type="实用新型专利"))).rows[0]["quality_flags"] == "patent_type_disagrees"
    assert xml(document(record(type=None))).rows[0]["patent_type"] == "invention"


def test_identity_numbers_and_inventors_reach_no_column(xml: Callable[..., Read]) -> None:
    who = "变更事项:发明人;变更前:例旧某;变更后:例新某;变更事项:专利权人;变更前:例某 120110199001011234;变更后:乙公司;"
    for row in xml(document(record(code="CB03", name="著录事项变更", text=who))).rows:
        said = repr(row)
        assert "120110199001011234" not in said
        assert "例旧某" not in said
        assert "例新某" not in said


# --- hostile and damaged ---------------------------------------------------------------------------------------------

BAD_DOCUMENTS = [
    pytest.param(document(record())[:-40], "xml_malformed", id="cut"),
    pytest.param(
        document(record(), doctype='<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]>'), "xml_entity", id="xxe"
    ),
    pytest.param(document(record(text="&evil;")), "xml_entity", id="reference"),
    pytest.param(document(record(), encoding="utf-7"), "wrong_encoding", id="encoding"),
    pytest.param(document(record()).encode("utf-16"), "wrong_encoding", id="utf-16"),
    pytest.param(document(record(id=None)), "missing_key", id="no id"),
    pytest.param(document(record(day="昨天")), "bad_date", id="no day"),
    pytest.param(document(), "no_records", id="empty"),
    pytest.param(f"<business:PatentDocumentAndRelated {SPACES}/>", "unknown_document", id="another feed's"),
]


@pytest.mark.parametrize(("content", "rule"), BAD_DOCUMENTS)
def test_a_bad_document_is_rejected_alone_and_the_rest_goes_on(
    xml: Callable[..., Read], content: str | bytes, rule: str
) -> None:
    read = xml(packed(("bad/bad.XML", content), ("good/good.XML", document(record()))), "a.zip")
    [reject] = read.rejects
    assert (reject.rule, reject.place, len(read.rows), read.shards) == (rule, "bad/bad.XML", 1, 0)
    assert reject.reason_zh
    assert reject.reason_en
    with pytest.raises(Refusal) as refusal:  # alone it is the file
        xml(content)
    assert (refusal.value.rule, refusal.value.place) == (rule, "a.XML")


def traversal() -> bytes:
    return packed(("../../etc/a.XML", document(record())))


BAD_ARCHIVES = [
    pytest.param(lambda: b"", "empty_file", id="empty"),
    pytest.param(lambda: packed(("a.XML", document(record())))[:-30], "truncated", id="cut"),
    pytest.param(traversal, "path_traversal", id="traversal"),
    pytest.param(lambda: packed(("a.XML", b" " * (8 << 20))), "zip_bomb", id="bomb"),
    pytest.param(lambda: packed(("readme.txt", "x")), "no_documents", id="nothing in it"),
    pytest.param(lambda: packed(*((f"{i}.XML", "x") for i in range(60))), "too_many_members", id="many"),
    pytest.param(lambda: b"PK\x07\x08" + b"x" * 50, "split_archive", id="split"),
]


@pytest.mark.parametrize(("content", "rule"), BAD_ARCHIVES)
def test_an_unfit_archive_is_refused_whole(xml: Callable[..., Read], content: Callable[[], bytes], rule: str) -> None:
    with pytest.raises(Refusal) as refusal:
        xml(content(), "a.zip", Bounds(max_members=50, max_total_bytes=64 << 20))
    assert refusal.value.rule == rule


def test_a_damaged_shard_is_recorded_and_the_others_go_on(xml: Callable[..., Read]) -> None:
    inner = packed(("a/a.XML", document(record())))
    read = xml(packed(("坏.zip", inner[: len(inner) // 2]), ("好.zip", inner)), "a.zip")
    assert ([reject.place for reject in read.rejects], len(read.rows), read.shards) == (["坏.zip"], 1, 1)


# --- plain text ------------------------------------------------------------------------------------------------------

HEADER = "申请号：201510022747.1\n"
STATUS = "#法律状态公告日：20201218;\n法律状态：未缴年费专利权终止;\n描述信息：未缴年费专利权终止;终止日期:20200112;\n"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
def test_gb18030_and_utf8_are_told_by_the_bytes(text: Callable[..., Read], encoding: str) -> None:
    [row] = text(HEADER + STATUS, encoding).rows
    assert (row["event_type"], row["effective_date"]) == ("lapse", date(2020, 1, 12))
    assert (row["application_number"], row["announcement_date"]) == ("102015000022747", date(2020, 12, 18))


def test_several_announcements_on_one_line(text: Callable[..., Read]) -> None:
    line = (
        "法律状态公告日：20150722;法律状态：公开;描述信息：公开;法律状态公告日：20150819;法律状态：实质审查的生效;"
        "描述信息：实质审查的生效IPC(主分类):G01M   7/08;&nbsp;&nbsp;申请日:20150409;"
    )
    read = text(HEADER + line)
    assert [(row["event_type"], row["announcement_date"]) for row in read.rows] == [
        ("publication", date(2015, 7, 22)),
        ("examination", date(2015, 8, 19)),
    ]
    assert read.rows[1]["filing_date"] == date(2015, 4, 9)


def test_each_header_rules_what_follows_it(text: Callable[..., Read]) -> None:
    read = text(HEADER + STATUS + "申请号：201610058726.X\n" + STATUS)
    assert [row["application_number"] for row in read.rows] == ["102015000022747", "102016000058726"]
    assert read.rows[0]["record_id"] != read.rows[1]["record_id"]


def test_id_of_a_text_is_its_content(text: Callable[..., Read]) -> None:
    [first], [second] = text(HEADER + STATUS).rows, text("\n\n" + HEADER + STATUS.replace(";\n", "；\n")).rows
    assert first["record_id"] == second["record_id"]
    read = text(HEADER + STATUS + STATUS)
    assert (len(read.rows), read.duplicates) == (1, 1)


def test_content_of_the_interface_may_run_over_several_lines(text: Callable[..., Read]) -> None:
    read = text(
        'type=实质审查的生效 date=2011-03-09 content="IPC(主分类): C01B 32/184\n专利申请号: 201010263656.4\n'
        '申请日: 2010.08.25"\n' + HEADER + STATUS
    )
    assert [row["application_number"] for row in read.rows] == ["102010000263656", "102015000022747"]


@pytest.mark.parametrize(
    ("line", "rule", "field"),
    [
        (STATUS, "missing_key", "application_number"),
        (HEADER + "这不是公告", "unknown_line", ""),
        (HEADER + 'type=公开 date=2011-01-12 content="没有完', "broken_line", ""),
        (HEADER + "20201218||无名", "missing_name", "prs_name"),
        (HEADER + STATUS.replace("20201218", "20201399"), "bad_date", "announcement_date"),
        (HEADER + STATUS + "续" * 70_000, "too_long", ""),
    ],
)
def test_a_bad_announcement_is_rejected_alone(text: Callable[..., Read], line: str, rule: str, field: str) -> None:
    good = "专利权质押合同登记的注销\\n专利号:201610058726.X\\n解除日:20200102\n"
    read = text(good + "\n" + line)
    [reject] = read.rejects
    assert (reject.rule, reject.field, len(read.rows), read.shards) == (rule, field, 1, 0)
    assert reject.place.startswith("第")


@pytest.mark.parametrize(
    ("content", "rule"),
    [
        (b"", "empty_file"),
        (b"PK\x03\x04abc", "not_text"),
        ("申请号：1".encode("utf-16"), "wrong_encoding"),
        (HEADER.encode() + b"\x00", "nul_byte"),
        (b"\x81" + HEADER.encode("gb18030") + b"\xff\xff", "wrong_encoding"),
        (b"x" * (2 << 20), "line_too_long"),
        ("只有闲话\n没有公告".encode(), "no_rows"),
    ],
)
def test_an_unfit_text_file_is_refused_whole(text: Callable[..., Read], content: bytes, rule: str) -> None:
    with pytest.raises(Refusal) as refusal:
        text(content)
    assert refusal.value.rule == rule
