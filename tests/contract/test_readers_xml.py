"""Every quirk of the XML feed that the source contract names, and what hostile documents and zips get."""

from __future__ import annotations

import http.server
import io
import json
import os
import threading
import zipfile
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from ingestion.archives import Bounds
from ingestion.readers import READERS, Parsed, Refusal, Reject, cnipa_xml

PERSON = "例某某"
DOCTYPE = '<!DOCTYPE business:PatentDocumentAndRelated SYSTEM "/DTDS/ExternalStandards/ipphdb-entities.dtd"[]>'
SPACES = 'xmlns:base="http://www.sipo.gov.cn/XMLSchema/base" xmlns:business="http://www.sipo.gov.cn/XMLSchema/business"'


def name_of(number: int = 107087341, kind: str = "A", check: str = "00L", shape: str = "BIA") -> str:
    return f"CN102016000058726CN{number:013d}0{kind}{shape}ZH20170822CN{check}.XML"


def reference(tag: str, form: str, number: str, kind: str = "") -> str:
    kind = f"<base:Kind>{kind}</base:Kind>" if kind else ""
    return (
        f'<business:{tag} dataFormat="{form}"><base:DocumentID><base:WIPOST3Code>CN</base:WIPOST3Code>'
        f"<base:DocNumber>{number}</base:DocNumber>{kind}<base:Date>20170822</base:Date></base:DocumentID>"
        f"</business:{tag}>"
    )


def party(tag: str, name: str, county: str | None = "东丽区", text: str = "300300 天津市东丽区例路１号") -> str:
    place = (
        f"<base:Address><base:AddressLine>0</base:AddressLine><base:Street>0</base:Street>"
        f"<base:County>{county}</base:County><base:City>市辖区</base:City><base:Province>天津市</base:Province>"
        f"<base:PostCode>300300</base:PostCode><base:Text>{text}</base:Text></base:Address>"
        if county
        else ""
    )
    return (
        f"<business:{tag}><base:AddressBook><base:Name>{name}</base:Name>{place}</base:AddressBook>"
        f'<business:OrganizationCode createDate="00000000">0000000000</business:OrganizationCode></business:{tag}>'
    )


def document(**changes: Any) -> str:
    d: dict[str, Any] = {
        "number": "107087341",
        "kind": "A",
        "root_number": None,
        "standard": "102016000058726",
        "original": "201610058726.X",
        "swap": False,
        "title": "一种例装置",
        "applicants": party("Applicant", "天津例甲（中国）有限公司") + party("Applicant", "例乙(天津)有限公司", None),
        "assignees": "",
        "status": "C",
        "more": "",
        "agents": 1,
        "doctype": DOCTYPE,
        "encoding": "utf-8",
        "extra": "",
    } | changes
    publications = "".join(
        reference("PublicationReference", f, d["number"], d["kind"]) for f in ("standard", "original")
    )
    applications = [
        reference("ApplicationReference", form, d[form]) for form in ("standard", "original") if d[form] is not None
    ]
    if d["swap"]:
        applications.reverse()
    classes = "".join(
        f'<business:ClassificationIPCR sequence="{i}"><business:Section>H</business:Section>'
        f"<business:MainClass>05</business:MainClass><business:Subclass>K</business:Subclass>"
        f"<business:MainGroup>{i}</business:MainGroup><business:Subgroup>02</business:Subgroup>{text}"
        f"</business:ClassificationIPCR>"
        for i, text in ((1, "<base:Text>H05K    1/02    (2006.01)</base:Text>"), (3, ""))
    )
    person = f"<base:AddressBook><base:Name>{PERSON}</base:Name></base:AddressBook>"
    agent = (
        "<business:Agent><business:Agency><base:AddressBook><base:OrganizationName>天津例代理有限公司 12999"
        f"</base:OrganizationName></base:AddressBook></business:Agency>{person}</business:Agent>"
    )
    return (
        f'\ufeff<?xml version="1.0" encoding="{d["encoding"]}" standalone="no"?>\n{d["doctype"]}\n'
        f'<business:PatentDocumentAndRelated {SPACES} status="{d["status"]}" country="CN" '
        f'docNumber="{d["root_number"] or d["number"]}" kind="{d["kind"]}" datePublication="20170822">'
        f"<business:BibliographicData>{publications}{''.join(applications)}"
        f"<business:ClassificationIPCRDetails>{classes}</business:ClassificationIPCRDetails>"
        f"<business:InventionTitle>{d['title']}</business:InventionTitle>{d['more']}<business:Parties>"
        f"<business:ApplicantDetails>{d['applicants']}</business:ApplicantDetails>"
        f"<business:InventorDetails><business:Inventor>{person}</business:Inventor><business:Inventor>{person}"
        f"</business:Inventor></business:InventorDetails>{d['assignees']}<business:AgentDetails>"
        f"{agent * d['agents']}</business:AgentDetails></business:Parties>"
        f"</business:BibliographicData>{d['extra']}</business:PatentDocumentAndRelated>"
    )


DESIGN = f"""\ufeff<?xml version="1.0" encoding="utf-8"?>
{DOCTYPE}
<business:PatentDocumentAndRelated {SPACES} status="C" docNumber="305013414" kind="S" datePublication="20140611">
<business:DesignBibliographicData>{reference("PublicationReference", "standard", "305013414", "S")}
{reference("ApplicationReference", "standard", "302013000021558")}
<business:PatentNumber>ZL201330021558.4</business:PatentNumber>
<business:ClassificationLocarno editionStatementVersion="13">
<business:MainClassification>09-03</business:MainClassification></business:ClassificationLocarno><business:DesignTitle>例包装盒</business:DesignTitle>
<business:ApplicantDetails>{party("Applicant", "天津例癸包装有限公司")}</business:ApplicantDetails>
<business:DesignerDetails><business:Designer><base:AddressBook><base:Name>{PERSON}</base:Name></base:AddressBook>
</business:Designer></business:DesignerDetails></business:DesignBibliographicData></business:PatentDocumentAndRelated>"""


class Read:
    def __init__(self, steps: list[Parsed]):
        self.steps = steps
        self.rows: list[dict[str, Any]] = [row for step in steps for row in step.batch.to_pylist()]
        self.rejects: list[Reject] = [reject for step in steps for reject in step.rejects]
        self.rows_read = sum(step.rows_read for step in steps)
        self.duplicates = sum(step.duplicates for step in steps)


def packed(*members: tuple[str, str | bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return buffer.getvalue()


def in_folder(name: str, text: str | bytes, folder: str = "") -> tuple[str, str | bytes]:
    return f"{folder or name[:-4]}/{name}", text


@pytest.fixture
def bare(tmp_path: Path) -> Callable[..., dict[str, Any]]:
    """Read one bare document."""

    def read(text: str | bytes | None = None, name: str | None = None, **changes: Any) -> dict[str, Any]:
        path = tmp_path / (name or "a.XML")
        content = document(**changes) if text is None else text
        path.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8"))
        (row,) = Read(list(READERS["bibs_xml"](path, limits=Bounds()))).rows
        return row

    return read


@pytest.fixture
def zipped(tmp_path: Path) -> Callable[..., Read]:
    """Read one zip of members."""

    def read(*members: tuple[str, str | bytes], raw: bytes | None = None, limits: Any = None) -> Read:
        path = tmp_path / "a.zip"
        path.write_bytes(packed(*members) if raw is None else raw)
        return Read(list(READERS["bibs_xml"](path, limits=limits or Bounds())))

    return read


# --- quirks ----------------------------------------------------------------------------------------------------------


def test_document(bare: Callable[..., dict[str, Any]]) -> None:
    row = bare(name=name_of())
    assert row.pop("_row_hash") and row == {
        "_row_no": 1,
        "_place": name_of(),
        "publication_number": "CN107087341A",
        "kind_code": "A",
        "patent_type": "invention",
        "publication_date": date(2017, 8, 22),
        "announcement_date": None,
        "application_number": "102016000058726",
        "application_number_display": "201610058726.X",
        "application_number_received": "201610058726.X",
        "application_number_status": "ok",
        "filing_date": date(2017, 8, 22),
        "title": "一种例装置",
        "ipc_codes": "H05K1/02;H05K3/02",
        "ipc_main": "H05K1/02",
        "locarno_code": None,
        "owner_names": '["天津例甲(中国)有限公司", "例乙(天津)有限公司"]',
        "owner_count": 2,
        "first_owner_name": "天津例甲(中国)有限公司",
        "address_text": "天津市东丽区例路1号",
        "province": "天津市",
        "city": "市辖区",
        "county": "东丽区",
        "post_code": "300300",
        "organization_code": None,
        "agency_name": "天津例代理有限公司",
        "inventor_count": 2,
        "document_status": "C",
        "agent_count": 1,
        "priority_count": None,
        "first_priority_date": None,
        "priority_numbers": None,
        "family_numbers": None,
        "pct_application_number": None,
        "pct_publication_number": None,
        "national_entry_date": None,
        "source_file_name": name_of(),
    }


def test_doctype_that_cannot_be_fetched_is_accepted_and_not_fetched(bare: Callable[..., dict[str, Any]]) -> None:
    asked: list[str] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_error(404)

    with http.server.HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        address = f"http://127.0.0.1:{server.server_port}/x.dtd"
        doctype = f'<!DOCTYPE business:PatentDocumentAndRelated SYSTEM "{address}" [ ] >'
        assert bare(doctype=doctype)["publication_number"] == "CN107087341A"
        server.shutdown()
        thread.join()
    assert asked == []
    assert bare(doctype="")["publication_number"] == "CN107087341A"


@pytest.mark.parametrize("swap", [False, True])
def test_both_number_forms_in_either_order(bare: Callable[..., dict[str, Any]], swap: bool) -> None:
    row = bare(swap=swap)
    assert (row["application_number"], row["application_number_display"]) == ("102016000058726", "201610058726.X")


def test_number_forms_that_disagree_are_flagged(bare: Callable[..., dict[str, Any]]) -> None:
    row = bare(standard="102016000058727")
    assert (row["application_number_status"], row["application_number"]) == ("disagree", None)
    assert row["application_number_received"] == "201610058726.X ≠ 102016000058727"


def test_standard_form_alone_is_converted(bare: Callable[..., dict[str, Any]]) -> None:
    row = bare(original=None)
    assert (row["application_number_status"], row["application_number_display"]) == ("converted", "201610058726.X")


def test_zeros_stand_for_nothing(bare: Callable[..., dict[str, Any]]) -> None:
    row = bare(applicants=party("Applicant", "例甲", "0", "0").replace("300300", "0").replace("天津市", "0"))
    assert [row[c] for c in ("county", "province", "post_code", "address_text", "organization_code")] == [None] * 5


def test_title_markup_becomes_text(bare: Callable[..., dict[str, Any]]) -> None:
    assert bare(title="检测Al<base:Sup>3+</base:Sup>的例方法")["title"] == "检测Al3+的例方法"


def test_owner_of_a_grant_is_the_assignee(bare: Callable[..., dict[str, Any]]) -> None:
    assignees = f"<business:AssigneeDetails>{party('Assignee', '例权属有限公司', '西青区')}</business:AssigneeDetails>"
    grant = bare(kind="B", assignees=assignees)
    assert (json.loads(grant["owner_names"]), grant["county"]) == (["例权属有限公司"], "西青区")
    assert grant["announcement_date"] == date(2017, 8, 22)
    publication = bare(kind="A", assignees=assignees)
    assert (publication["first_owner_name"], publication["county"]) == ("天津例甲(中国)有限公司", "东丽区")


def test_assignee_without_address_has_that_of_the_applicant_of_the_same_name_only(
    bare: Callable[..., dict[str, Any]],
) -> None:
    same = f"<business:AssigneeDetails>{party('Assignee', '天津例甲(中国)有限公司', None)}</business:AssigneeDetails>"
    row = bare(kind="B", assignees=same)
    assert (row["owner_count"], row["county"], row["post_code"]) == (1, "东丽区", "300300")
    other = f"<business:AssigneeDetails>{party('Assignee', '例权属有限公司', None)}</business:AssigneeDetails>"
    assert bare(kind="B", assignees=other)["county"] is None


def test_design_document(bare: Callable[..., dict[str, Any]]) -> None:
    row = bare(DESIGN)
    assert (row["publication_number"], row["patent_type"], row["title"]) == ("CN305013414S", "design", "例包装盒")
    assert (row["locarno_code"], row["ipc_codes"]) == ("09-03", None)
    assert (row["first_owner_name"], row["county"], row["inventor_count"]) == ("天津例癸包装有限公司", "东丽区", 1)
    assert (row["application_number_status"], row["application_number_display"]) == ("converted", "201330021558.4")


def test_design_without_application_reference_has_its_patent_number(bare: Callable[..., dict[str, Any]]) -> None:
    text = DESIGN.replace(reference("ApplicationReference", "standard", "302013000021558"), "")
    assert bare(text)["application_number"] == "302013000021558"


@pytest.mark.parametrize("kind", ["C", "Y", "D"])
def test_kinds_of_grants_before_april_2010(bare: Callable[..., dict[str, Any]], kind: str) -> None:
    row = bare(kind=kind)
    assert row["kind_code"] == kind and row["announcement_date"] is not None


def test_file_names_with_hash_ful_and_dbp(zipped: Callable[..., Read]) -> None:
    read = zipped(
        in_folder(name_of(107087341, check="00#"), document(number="107087341")),
        in_folder(name_of(107087342, shape="FUL"), document(number="107087342")),
        in_folder(name_of(305013414, "S", shape="DBP"), DESIGN),
    )
    assert len(read.rows) == 3 and read.rejects == []
    assert read.rows[0]["_place"] == f"{name_of(check='00#')[:-4]}/{name_of(check='00#')}"
    assert [row["_row_no"] for row in read.rows] == [1, 2, 3]


def test_zip_in_zip(zipped: Callable[..., Read]) -> None:
    inner = packed(in_folder(name_of(), document()))
    (row,) = zipped(("例1.zip", inner)).rows
    assert row["_place"].startswith("例1.zip!CN102016")


def test_other_files_beside_the_documents_are_passed_over(zipped: Callable[..., Read]) -> None:
    read = zipped(("a/b.TIF", b"II*\0"), ("Thumbs.db", b"x"), in_folder(name_of(), document()))
    assert (len(read.rows), read.rejects, read.rows_read) == (1, [], 1)


def test_correction_stands_beside_what_it_corrects(zipped: Callable[..., Read]) -> None:
    read = zipped(
        in_folder(name_of(), document()), in_folder(name_of(), document(status="R", title="一种例更正装置"), folder="r")
    )
    assert [(row["document_status"], row["title"]) for row in read.rows] == [
        ("C", "一种例装置"),
        ("R", "一种例更正装置"),
    ]


def test_document_delivered_twice_is_one(zipped: Callable[..., Read]) -> None:
    read = zipped(in_folder(name_of(), document()), in_folder(name_of(check="00M"), document(), folder="again"))
    assert (len(read.rows), read.duplicates, read.rows_read, read.rejects) == (1, 1, 2, [])


@pytest.mark.parametrize("name", [name_of(), "unnamed.xml"])
def test_same_number_with_different_names_is_conflict(zipped: Callable[..., Read], name: str) -> None:
    read = zipped(
        in_folder(name_of(), document()),
        (f"x/{name}", document(title="另一种例装置")),
        in_folder(name_of(107087342), document(number="107087342")),
    )
    assert [row["publication_number"] for row in read.rows] == ["CN107087342A"]
    assert [(r.rule, r.field, r.value) for r in read.rejects] == [
        ("conflict", "title", "一种例装置"),
        ("conflict", "title", "另一种例装置"),
    ]


def test_same_name_but_other_content_is_conflict_fields(zipped: Callable[..., Read]) -> None:
    read = zipped(
        in_folder(name_of(), document()), in_folder(name_of(), document(standard="102016000058727"), folder="x")
    )
    assert read.rows == [] and {r.rule for r in read.rejects} == {"conflict_fields"}


def test_batches_are_bounded(zipped: Callable[..., Read], monkeypatch: pytest.MonkeyPatch) -> None:
    assert cnipa_xml.BATCH_ROWS <= 10_000
    monkeypatch.setattr(cnipa_xml, "BATCH_ROWS", 40)
    read = zipped(*(in_folder(name_of(107000000 + i), document(number=str(107000000 + i))) for i in range(90)))
    assert [step.batch.num_rows for step in read.steps] == [40, 40, 10]


def test_names_of_inventors_and_agents_leave_the_reader_nowhere(zipped: Callable[..., Read]) -> None:
    read = zipped(
        in_folder(name_of(), document()),
        in_folder(name_of(107087342), document(number="107087342")[:-900]),
        in_folder(name_of(107087343), document(number="1")),
        in_folder(name_of(107087344), DESIGN),
    )
    assert len(read.rows) == 1 and len(read.rejects) == 3
    assert PERSON not in repr(read.rows) and PERSON not in repr(read.rejects)


def test_agents_are_counted_and_their_agency_kept(bare: Callable[..., dict[str, Any]]) -> None:
    row = bare(agents=2)
    assert (row["agent_count"], row["agency_name"]) == (2, "天津例代理有限公司")
    assert (bare(agents=0)["agent_count"], bare(agents=0)["agency_name"]) == (0, None)


def priority(form: str, office: str, number: str, day: str) -> str:
    return (
        f'<business:Priority dataFormat="{form}"><base:WIPOST3Code>{office}</base:WIPOST3Code>'
        f"<base:DocNumber>{number}</base:DocNumber><base:Date>{day}</base:Date></business:Priority>"
    )


def test_priorities_stand_twice_and_count_once(bare: Callable[..., dict[str, Any]]) -> None:
    claims = "".join(
        priority("original", *one) + priority("standard", one[0], one[1].replace("-", "").replace(",", ""), one[2])
        for one in (("KR", "10-2015-0100096", "20150810"), ("US", "62/100,001", "20150301"))
    )
    row = bare(more=f"<business:PriorityDetails>{claims}</business:PriorityDetails>")
    assert (row["priority_count"], row["first_priority_date"]) == (2, date(2015, 3, 1))
    assert json.loads(row["priority_numbers"]) == ["KR 10-2015-0100096", "US 62/100,001"]
    lone = priority("standard", "KR", "102015100096", "19840101")
    row = bare(more=f"<business:PriorityDetails>{lone}</business:PriorityDetails>")
    assert (row["priority_count"], row["first_priority_date"]) == (1, date(1984, 1, 1))
    assert bare()["priority_count"] is None, "none stated is not zero"


def test_pct_data(bare: Callable[..., dict[str, Any]]) -> None:
    def numbered(tag: str, number: str) -> str:
        text = f"<base:DocumentID><base:DocNumber>{number}</base:DocNumber></base:DocumentID>"
        return f"<business:{tag}>{text}</business:{tag}>"

    row = bare(
        more=numbered("InternationalFilingData", "PCT/JP2012/050001")
        + numbered("InternationalPublishingData", "WO2012/096001")
        + "<business:NationalPhaseEntryDate><base:Date>20130701</base:Date></business:NationalPhaseEntryDate>"
    )
    assert (row["pct_application_number"], row["pct_publication_number"]) == ("PCT/JP2012/050001", "WO2012/096001")
    assert row["national_entry_date"] == date(2013, 7, 1)


@pytest.mark.parametrize("number", ["201280005586.X", "201290000012.9"])
def test_pct_application_number_with_8_or_9_in_the_fifth_place_is_kept_and_flagged(
    bare: Callable[..., dict[str, Any]], number: str
) -> None:
    row = bare(standard=None, original=number)
    assert (row["application_number_status"], row["application_number_display"]) == ("pct", number)
    assert row["application_number"] is None, "never converted"


def test_examples_of_the_described_documents() -> None:
    """Grant and design as they are described; their numbers and county come out, their persons do not."""
    if not os.environ.get("REAL_SAMPLES"):
        pytest.skip("REAL_SAMPLES is not set: the examples are not in this repository")
    folder = Path(os.environ["REAL_SAMPLES"]) / "formats" / "examples"
    for name, number, kind in (
        ("grant_B.xml", "CN107020121B", "invention"),
        ("design_S.xml", "CN305013414S", "design"),
    ):
        found = Read(list(READERS["bibs_xml"](folder / name, limits=Bounds())))
        (row,) = found.rows
        assert (row["publication_number"], row["patent_type"]) == (number, kind)
        assert (row["county"], row["inventor_count"], row["agent_count"]) == ("东丽区", 1, 1)
        assert row["application_number_status"] == "ok" and "例某" not in repr(row)


# --- hostile and broken ----------------------------------------------------------------------------------------------

EXTERNAL = '<!DOCTYPE business:PatentDocumentAndRelated [<!ENTITY x SYSTEM "file:///etc/passwd">]>'
LAUGHS = '<!DOCTYPE business:PatentDocumentAndRelated [<!ENTITY a "例"><!ENTITY b "&a;&a;&a;">]>'
PARAMETER = '<!DOCTYPE business:PatentDocumentAndRelated [<!ENTITY % x SYSTEM "http://127.0.0.1:9/x"> %x;]>'
SUBSET = '<!DOCTYPE business:PatentDocumentAndRelated SYSTEM "x.dtd" [<!ELEMENT a ANY>]>'


@pytest.mark.parametrize(
    ("content", "rule"),
    [
        (document(doctype=EXTERNAL, title="&x;"), "xml_entity"),
        (document(doctype=EXTERNAL), "xml_entity"),
        (document(doctype=LAUGHS, title="&b;"), "xml_entity"),
        (document(doctype=PARAMETER), "xml_entity"),
        (document(doctype=SUBSET), "xml_entity"),
        (document(doctype=f"<!-- <!DOCTYPE a> -->{EXTERNAL}"), "xml_entity"),
        (document(title="例&hyphen;装置"), "xml_entity"),
        (document(status="&x;"), "xml_entity"),
        (document()[:-40], "xml_malformed"),
        (document(title="a & b"), "xml_entity"),
        (document(title="例\x01装置"), "xml_malformed"),
        (document(title="&#0;"), "xml_malformed"),
        (document(extra="<a>" * 3000 + "</a>" * 3000), "xml_malformed"),
        (document().encode("utf-8").replace("一种".encode(), b"\xb5\xe7\xc2"), "wrong_encoding"),
        (document().encode("gb18030"), "wrong_encoding"),
        (document().encode("utf-16"), "wrong_encoding"),
        (document(encoding="utf-7"), "wrong_encoding"),
        (document(title="例\0装置"), "nul_byte"),
        (b"", "empty_file"),
        (b"\xef\xbb\xbf", "xml_malformed"),
        ("<html><body>login</body></html>", "unknown_document"),
        (document().replace("BibliographicData", "OtherData"), "unknown_document"),
        (document(number="107087399"), "name_disagrees"),
        (document(root_number="107087399"), "number_disagrees"),
        (document(number="12"), "bad_number"),
        (document(kind="Z"), "bad_number"),
        (document(number="", root_number=""), "missing_key"),
        (document().replace("20170822", "20170231"), "bad_date"),
    ],
)
def test_bad_document_is_rejected_alone(zipped: Callable[..., Read], content: str | bytes, rule: str) -> None:
    read = zipped(in_folder(name_of(), content), in_folder(name_of(107087342), document(number="107087342")))
    assert [row["publication_number"] for row in read.rows] == ["CN107087342A"]
    (reject,) = read.rejects
    assert (reject.rule, reject.place) == (rule, f"{name_of()[:-4]}/{name_of()}")
    assert reject.reason_zh and reject.reason_en and read.rows_read == 2


def test_ampersands_that_are_no_entities_are_fine(bare: Callable[..., dict[str, Any]]) -> None:
    assert bare(title="P&amp;T&#20363;&#x4F8B;")["title"] == "P&T例例"
    assert bare(title="<![CDATA[a&b;c]]><!-- &x; -->")["title"] == "a&b;c"


def test_declared_gb18030_is_read(bare: Callable[..., dict[str, Any]]) -> None:
    text = document(encoding="GB18030").removeprefix("\ufeff").encode("gb18030")
    assert bare(text)["title"] == "一种例装置"


def test_bad_bare_document_is_refused_as_a_file(bare: Callable[..., dict[str, Any]]) -> None:
    for text, rule in (
        (document(doctype=EXTERNAL), "xml_entity"),
        (b"", "empty_file"),
        (b"<a", "xml_malformed"),
        (document().encode("gb18030"), "wrong_encoding"),
        (document(root_number="107087399"), "number_disagrees"),
        (document().replace("20170822", "20170231"), "bad_date"),
        (document(extra=f"<a>{'x' * (17 << 20)}</a>"), "too_large"),
    ):
        with pytest.raises(Refusal) as caught:
            bare(text)
        assert caught.value.rule == rule and caught.value.reason_zh and caught.value.reason_en


def test_document_too_large(zipped: Callable[..., Read]) -> None:
    blob = os.urandom(9 << 20).hex()  # does not pack well, so it is no bomb
    read = zipped(in_folder(name_of(), document(extra=f"<a>{blob}</a>")))
    assert [r.rule for r in read.rejects] == ["too_large"]


@pytest.mark.parametrize(
    ("raw", "rule"),
    [
        (packed(("a.XML", b"\0" * (20 << 20))), "zip_bomb"),
        (packed(("../a.XML", document())), "path_traversal"),
        (packed(in_folder(name_of(), document()))[:-30], "truncated"),
        (packed(("a.zip", packed(("b.zip", packed(("c.XML", document())))))), "nested_too_deep"),
        (b"", "empty_file"),
        (b"<html>", "not_a_zip"),
        (packed(("readme.txt", "x")), "no_documents"),
        (packed(), "no_documents"),
    ],
)
def test_unfit_zip_is_refused_whole(zipped: Callable[..., Read], raw: bytes, rule: str) -> None:
    with pytest.raises(Refusal) as caught:
        zipped(raw=raw)
    assert caught.value.rule == rule and caught.value.reason_zh and caught.value.reason_en


def test_unreadable_shard_inside_a_zip_is_recorded_and_the_rest_goes_on(zipped: Callable[..., Read]) -> None:
    good = packed(in_folder(name_of(), document()))
    read = zipped(("1.zip", good[: len(good) // 2]), ("2.zip", good), ("3.rar", b"Rar!"))
    assert len(read.rows) == 1
    assert [(r.place, r.rule) for r in read.rejects] == [("1.zip", "truncated"), ("3.rar", "unsupported_archive")]


def test_damaged_member_is_rejected_alone(zipped: Callable[..., Read]) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(*in_folder(name_of(), document()))
        archive.writestr(*in_folder(name_of(107087342), document(number="107087342")))
    raw = bytearray(buffer.getvalue())
    raw[300] ^= 1
    read = zipped(raw=bytes(raw))
    assert [row["publication_number"] for row in read.rows] == ["CN107087342A"]
    assert [r.rule for r in read.rejects] == ["damaged_member"]
