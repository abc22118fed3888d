"""A declaration is checked field by field, and every mistake is said with its place."""

from datetime import date
from pathlib import Path

import pytest
import yaml

from ingestion import declarations
from ingestion.declarations import DeclarationError, declaration, parse
from ingestion.readers import PUBLICATION_SCHEMA, READERS


def _changed(**changes: object) -> str:
    content = yaml.safe_load((declarations.SOURCES / "cnipa_patents.yml").read_text(encoding="utf-8"))
    content.update(changes)
    return yaml.safe_dump(content, allow_unicode=True)


def _entity(**changes: object) -> dict[str, object]:
    column = {"name": "title", "zh": "名称", "en": "title"}
    words = {"zh": "文献", "en": "documents"}
    return {"name": "publications", "words": words, "natural_key": ["title"], "columns": [column], **changes}


def test_every_declared_source_is_valid_and_has_its_readers() -> None:
    for source_id in declarations.source_ids():
        source = declaration(source_id)
        assert {layout.name for layout in source.layouts} <= set(READERS)
        assert source.runbook_zh and source.licence.attribution.zh


def test_the_patent_columns_are_those_of_its_readers() -> None:
    source = declaration("cnipa_patents")
    assert source.table_of("bibs_xml").schema.equals(PUBLICATION_SCHEMA)
    assert not set(source.personal_columns) & set(PUBLICATION_SCHEMA.names)


@pytest.mark.parametrize(
    ("path", "layout", "day"),
    [
        ("CN/CN-PA-BIBS-ABSS-10-A_发明公布/data/20170822/a.zip", "bibs_xml", date(2017, 8, 22)),
        ("CN-BIBS-ABSS-20-U_实用新型/data/20170822/a.ZIP", "bibs_xml", date(2017, 8, 22)),
        ("CN/CN-PA-BIBS-ABSS-30-S_外观/data/20170822/a.z01", "bibs_xml", date(2017, 8, 22)),
        ("cnipa_xml/CN102016000058726CN00001070873410ABIAZH20170822CN00L.XML", "bibs_xml", date(2017, 8, 22)),
        ("cnipa_bibs_2017/CN-BIBS-ABSS-10-B_20170329.csv", "bibs_csv", date(2017, 3, 29)),
        ("cnipa_gazette_2019-07-09/utility_new.csv", "gazette_csv", date(2019, 7, 9)),
    ],
)
def test_layouts_are_recognised_by_their_paths(path: str, layout: str, day: date) -> None:
    match = declaration("cnipa_patents").recognise(path)
    assert match is not None
    assert (match.layout.name, match.stated_date) == (layout, day)


@pytest.mark.parametrize(
    "path",
    [
        "README.md",
        "formats/examples/design_S.xml",
        "CN/CN-PA-BIBS-ABSS-10-A_x/data/20170822rawdata/a.zip",
        "CN/CN-PA-PRSS-10_x/data/20170822/a.zip",
        "CN/CN-PA-BIBS-ABSS-10-A_x/data/20170822/a.zip.md5",
        "cnipa_bibs_2017/notes.csv",
    ],
)
def test_everything_else_is_ignored(path: str) -> None:
    assert declaration("cnipa_patents").recognise(path) is None


def test_a_day_that_does_not_exist_is_no_date() -> None:
    match = declaration("cnipa_patents").recognise("cnipa_bibs_2017/CN-BIBS-ABSS-10-A_20171399.csv")
    assert match is not None and match.stated_date is None


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"surprise": 1}, "surprise: Extra inputs"),
        ({"overlap_days": "28"}, "overlap_days: Input should be a valid integer"),
        ({"schedule": "every day"}, "five fields of cron"),
        ({"entities": [_entity(natural_key=["nope"])]}, "natural_key nope is no column"),
        ({"entities": [_entity(), _entity()]}, "two entities have the same name"),
        ({"entities": [_entity(name="other")]}, "layout bibs_xml: entity publications is not declared"),
        ({"entities": [_entity(), _entity(name="unread")]}, "entity unread has no layout"),
        ({"personal_columns": ["title"]}, "personal column title must not be loaded"),
        ({"load_scope": {"default": "mars", "scopes": {}}}, "default 'mars'"),
        ({"contact": {"team": {"zh": "组", "en": "team"}, "email": "nobody"}}, "contact.email"),
        (
            {"layouts": [{"name": "x", "entity": "publications", "words": {"zh": "x", "en": "x"},
                          "rows": {"least": 1, "most": 2}, "unfilled": [],
                          "paths": [{"match": "a(b", "dated_by": "landing_day"}]}]},
            "is not a regular expression",
        ),
        (
            {"layouts": [{"name": "x", "entity": "publications", "words": {"zh": "x", "en": "x"},
                          "rows": {"least": 3, "most": 2}, "unfilled": [],
                          "paths": [{"match": "ab", "dated_by": "folder"}]}]},
            "least must not be above most",
        ),
    ],
)  # fmt: skip
def test_mistakes_are_said_with_their_place(changes: dict[str, object], said: str) -> None:
    with pytest.raises(DeclarationError) as caught:
        parse(_changed(**changes), "cnipa_patents.yml")
    assert said in str(caught.value)
    assert "cnipa_patents.yml" in str(caught.value)


def test_a_pattern_must_date_its_files_or_say_that_it_cannot() -> None:
    with pytest.raises(DeclarationError, match="known_at"):
        parse(
            _changed(layouts=[{"name": "x", "words": {"zh": "x", "en": "x"}, "rows": {"least": 1, "most": 2},
                               "unfilled": [], "paths": [{"match": "ab", "dated_by": "folder"}]}]),
            "x.yml",
        )  # fmt: skip


def test_file_and_source_have_one_name(tmp_path: Path) -> None:
    (tmp_path / "other_source.yml").write_text(_changed(), encoding="utf-8")
    with pytest.raises(DeclarationError, match="must equal the file's name"):
        declaration("other_source", tmp_path)
    with pytest.raises(DeclarationError, match="declared are: other_source"):
        declaration("nope", tmp_path)


def test_the_scope_can_be_set_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    source = declaration("cnipa_patents")
    assert source.scope == "tianjin"
    monkeypatch.setenv("SOURCE_SCOPE_CNIPA_PATENTS", "all")
    assert source.scope == "all"
    monkeypatch.setenv("SOURCE_SCOPE_CNIPA_PATENTS", "mars")
    with pytest.raises(DeclarationError, match="mars"):
        _ = source.scope
