"""The rules engine of the strategic emerging industries on a real Postgres: by hand, and against a twin in Python."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.unit.industries import twin
from tests.unit.industries.twin import Document, Rule
from warehouse import connections

PROJECT = Path(__file__).parents[2] / "dbt_project"
MODELS = ("int_sei_rules", "int_patent_industries")
REASONS = {None, "keyword_is_description", "keyword_list_is_open", "keyword_not_in_title"}


class Engine:
    """The compiled models over tables of our own; every trace vanishes with the transaction."""

    def __init__(self, connection: psycopg.Connection, compiled: Path) -> None:
        self.connection = connection
        self.sql = {name: self._localised((compiled / f"{name}.sql").read_text()) for name in MODELS}
        self.reasons: set[str | None] = set()
        self.kinds: set[str] = set()

    @staticmethod
    def _localised(sql: str) -> str:
        return re.sub(r'"\w+"\."(?:core|staging|reference)"\."(\w+)"', r'industries."\1"', sql)

    def run(self, rules: list[Rule], documents: list[Document], *, delivered: bool = True) -> list[dict[str, Any]]:
        """Rows of int_patent_industries, each with the columns of its name."""
        with self.connection.transaction(force_rollback=True), self.connection.cursor() as cursor:
            self._fill(cursor, rules, documents, delivered)
            for name in MODELS:
                cursor.execute(f"create table industries.{name} as {self.sql[name]}")
                cursor.execute(f"analyze industries.{name}")
            self.kinds |= {kind for (kind,) in cursor.execute("select keyword_kind from industries.int_sei_rules")}
            answer = cursor.execute("select * from industries.int_patent_industries")
            names = [column.name for column in answer.description or []]
            return [dict(zip(names, row, strict=True)) for row in answer.fetchall()]

    @staticmethod
    def _fill(cursor: psycopg.Cursor[Any], rules: list[Rule], documents: list[Document], delivered: bool) -> None:
        cursor.execute("create schema industries")
        columns = (
            "industry_no text, industry_name text, pattern text, keyword text, source_file_name text, place text,"
            " load_id bigint, industry_page integer, rule_no integer, is_exclusion boolean, is_synthetic boolean,"
            " known_at date"
        )
        cursor.execute(f"create table industries.stg_reference__sei_rules ({columns})")
        cursor.execute(f"create table industries.sei_rules ({columns})")
        cursor.execute(
            "create table industries.fct_publications (publication_version_id text, publication_number text,"
            " ipc_codes text, ipc_main text, title text, known_at date)"
        )
        table = "stg_reference__sei_rules" if delivered else "sei_rules"
        with cursor.copy(
            f"copy industries.{table} (industry_no, industry_name, pattern, keyword, source_file_name, rule_no,"
            " is_exclusion, is_synthetic, known_at) from stdin"
        ) as copy:
            for rule in rules:
                for patterns, is_exclusion in ((rule.taken_in, False), (rule.taken_out, True)):
                    for pattern in dict.fromkeys(patterns):
                        copy.write_row(
                            (rule.industry_no, f"例业{rule.industry_no}", pattern, rule.keyword, "f.json", rule.rule_no,
                             is_exclusion, True, "2026-03-01")
                        )  # fmt: skip
        with cursor.copy("copy industries.fct_publications from stdin") as copy:
            for one in documents:
                main = one.codes[0] if one.codes else None
                copy.write_row(
                    (one.version, f"CN{one.version}A", ";".join(one.codes) or None, main, one.title, "2026-04-01")
                )

    def decide(self, rules: list[Rule], *codes: str, title: str | None = "一种装置") -> dict[str, str]:
        """industry → decision of one document."""
        rows = self.run(rules, [Document("1", codes, title)])
        return {row["industry_no"]: row["decision"] for row in rows}


@pytest.fixture(scope="module")
def engine(warehouse_server: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """The project's own SQL, compiled once."""
    from dbt.cli.main import dbtRunner

    address = connections.url("builder")
    target = tmp_path_factory.mktemp("dbt")
    environment = {
        "DBT_HOST": str(address.host), "DBT_PORT": str(address.port), "DBT_USER": str(address.username),
        "DBT_PASSWORD": str(address.password), "DBT_DBNAME": str(address.database), "DO_NOT_TRACK": "1",
        "DBT_TARGET_PATH": str(target), "DBT_LOG_PATH": str(target / "logs"),
    }  # fmt: skip
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment.items():
            patch.setenv(name, value)
        common = ["--project-dir", str(PROJECT), "--profiles-dir", str(PROJECT), "--quiet"]
        manifest = None
        for command in (["parse"], ["compile", "--select", *MODELS]):
            done = dbtRunner(manifest=manifest).invoke([*command, *common])
            assert done.success, done.exception or done.result
            manifest = manifest or done.result
    compiled = target / "compiled" / "dongli_ip" / "models" / "core" / "industries"
    with psycopg.connect(connections.dsn("builder"), autocommit=True) as connection:
        yield Engine(connection, compiled)


# -- by hand, one rule of reading each


def test_a_star_takes_in_all_below_and_nothing_beside(engine: Engine) -> None:
    rules = [Rule("1.5", 1, ("G06F40*",)), Rule("4.1", 1, ("A61B5*",))]
    assert engine.decide(rules, "G06F40/30") == {"1.5": "matched"}
    assert engine.decide(rules, "G06F40/00") == {"1.5": "matched"}
    assert engine.decide(rules, "G06F4/30") == {}
    # A61B50 are containers for instruments, and no part of the main group A61B5
    assert engine.decide(rules, "A61B50/10") == {}


def test_an_exact_symbol_is_itself_only(engine: Engine) -> None:
    rules = [Rule("1.5", 1, ("G06N3/02",))]
    assert engine.decide(rules, "G06N3/02") == {"1.5": "matched"}
    assert engine.decide(rules, "G06N3/04") == {}
    assert engine.decide(rules, "G06N3/0202") == {}


def test_a_bare_subclass_stands_for_all_of_it(engine: Engine) -> None:
    rules = [Rule("1.5", 1, ("G16H",))]
    assert engine.decide(rules, "G16H50/20") == {"1.5": "matched"}
    assert engine.decide(rules, "G16Z99/00") == {}


def test_a_star_after_digits_of_a_subgroup(engine: Engine) -> None:
    rules = [Rule("1.5", 1, ("G06F17/30*",)), Rule("1.6", 1, ("G06F3/*",))]
    assert engine.decide(rules, "G06F17/3061") == {"1.5": "matched"}
    assert engine.decide(rules, "G06F17/28", "G06F3/01") == {"1.6": "matched"}


def test_every_code_counts_and_not_the_main_one_only(engine: Engine) -> None:
    (row,) = engine.run([Rule("1.5", 1, ("G06F40*",))], [Document("1", ("B65D1/00", "H04L9/00", "G06F40/30"), None)])
    assert (row["evidence_code"], row["evidence_pattern"]) == ("G06F40/30", "G06F40*")


def test_an_exclusion_takes_its_code_out_and_not_the_document(engine: Engine) -> None:
    rules = [Rule("2.2", 1, ("H01Q1*",), ("H01Q1/32", "H01Q1/5*"))]
    assert engine.decide(rules, "H01Q1/32") == {}
    assert engine.decide(rules, "H01Q1/52") == {}
    assert engine.decide(rules, "H01Q1/32", "H01Q1/24") == {"2.2": "matched"}


def test_an_exclusion_belongs_to_its_rule_alone(engine: Engine) -> None:
    rules = [Rule("1.5", 1, ("A61B5/0476",)), Rule("1.5", 2, ("A61B5*",), ("A61B5/0476",))]
    (row,) = engine.run(rules, [Document("1", ("A61B5/0476",), "一种装置")])
    assert row["rule_no"] == 1


def test_a_keyword_must_stand_in_the_title(engine: Engine) -> None:
    rules = [Rule("1.5", 1, ("A61B5*",), (), "人脑、癫痫")]
    assert engine.decide(rules, "A61B5/04", title="一种癫痫监测装置") == {"1.5": "matched"}
    (row,) = engine.run(rules, [Document("1", ("A61B5/04",), "一种血压计")])
    assert (row["decision"], row["reason"]) == ("undecided", "keyword_not_in_title")


def test_an_open_list_of_keywords_proves_but_does_not_refute(engine: Engine) -> None:
    rules = [Rule("1.5", 1, ("A61B5*",), (), "人脑、杏仁核、癫痫等脑部结构和脑部疾病关键词")]
    (row,) = engine.run(rules, [Document("1", ("A61B5/04",), "癫痫监测装置")])
    assert (row["decision"], row["evidence_keyword"]) == ("matched", "癫痫")
    (row,) = engine.run(rules, [Document("1", ("A61B5/04",), "海马体成像装置")])
    assert (row["decision"], row["reason"]) == ("undecided", "keyword_list_is_open")


@pytest.mark.parametrize("keyword", ["…", "城市轨道交通设备制造", "飞机等航空器制造", "粉末冶金工具钢…", "..."])
def test_keywords_that_are_only_described_are_undecided(engine: Engine, keyword: str) -> None:
    rules = [Rule("2.2", 1, ("H01Q1*",), (), keyword)]
    # not even by a title that says the same: what the words are is not known
    (row,) = engine.run(rules, [Document("1", ("H01Q1/24",), f"飞机{keyword.strip('….')}")])
    assert (row["decision"], row["reason"], row["evidence_keyword"]) == ("undecided", "keyword_is_description", None)


def test_a_latin_keyword_is_a_whole_word(engine: Engine) -> None:
    rules = [Rule("1.5", 1, ("G06N*",), (), "AI、机器学习")]
    assert engine.decide(rules, "G06N3/02", title="基于AI的检测") == {"1.5": "matched"}
    assert engine.decide(rules, "G06N3/02", title="AIR filter") == {"1.5": "undecided"}


def test_plasma_is_one_word(engine: Engine) -> None:
    rules = [Rule("3.1", 1, ("H05H*",), (), "等离子体、电弧")]
    assert engine.decide(rules, "H05H1/24", title="等离子体发生器") == {"3.1": "matched"}


def test_a_rule_that_applies_is_enough(engine: Engine) -> None:
    rules = [Rule("1.5", 1, ("G06N3/02",), (), "…"), Rule("1.5", 2, ("G06F40*",))]
    (row,) = engine.run(rules, [Document("1", ("G06N3/02", "G06F40/30"), "一种装置")])
    assert (row["decision"], row["rule_no"], row["is_matched"]) == ("matched", 2, True)


def test_the_delivered_table_replaces_the_shipped_excerpt(engine: Engine) -> None:
    documents = [Document("1", ("G06F40/30",), None)]
    (row,) = engine.run([Rule("1.5", 1, ("G06F40*",))], documents, delivered=False)
    assert (row["is_delivered"], row["is_excerpt"], row["table_name"]) == (False, True, "随附节选表")
    # one domain of eight: an excerpt as well, whoever delivered it
    (row,) = engine.run([Rule("1.5", 1, ("G06F40*",))], documents)
    assert (row["is_delivered"], row["is_excerpt"], row["is_synthetic"]) == (True, True, True)
    whole = [Rule(f"{domain}.1", 1, ("G06F40*",)) for domain in range(1, 9)]
    rows = engine.run(whole, documents)
    assert len(rows) == 8
    assert {(row["is_delivered"], row["is_excerpt"]) for row in rows} == {(True, False)}


def test_the_true_sample_is_read_as_its_page_says(engine: Engine) -> None:
    root = os.environ.get("REAL_SAMPLES")
    if not root:
        pytest.skip("REAL_SAMPLES is not set: the true files are not in this repository")
    industries = json.loads((Path(root) / "formats" / "sei_ipc_2021_sample.json").read_text())
    rules = [
        Rule(one["no"], at, tuple(rule["p"]), tuple(rule["x"]), "、".join(rule["k"]) or None)
        for one in industries
        for at, rule in enumerate(one["rules"], 1)
    ]
    assert engine.decide(rules, "A61B5/0476") == {"1.5": "matched"}
    assert engine.decide(rules, "G16H50/20", title="癫痫病历管理") == {"1.5": "matched"}
    assert engine.decide(rules, "H01Q1/32") == {}
    assert engine.decide(rules, "C21D9/36", "B22F5/06", "B22F5/10") == {"3.1": "matched"}
    assert engine.decide(rules, "B22F5/10") == {"3.1": "undecided"}


# -- against the twin

SUBCLASSES = ("G06F", "G06N", "A61B", "G16H")
GROUPS = ("1", "5", "40", "50")
SUBGROUPS = ("00", "02", "30", "304", "3042")
KEYWORDS = (
    None, None, None, "…", "癫痫", "癫痫、人脑", "人脑,AI；机器学习", "癫痫等脑部疾病", "人脑、癫痫等脑部疾病",
    "等离子体、高等数学", "人脑、杏仁核…", "AI", "machine learning、C++", "城市轨道交通设备制造", "脑部疾病和癫痫",
    "、", "癫痫、", "飞机等",
)  # fmt: skip
PIECES = (
    "癫痫",
    "人脑",
    "杏仁核",
    "AI",
    "AIR",
    "machine",
    "learning",
    "机器 学习",
    "等离子体",
    "C++",
    "一种",
    "飞机",
    " ",
    "、",
)
codes = st.builds(
    lambda a, b, c: f"{a}{b}/{c}", st.sampled_from(SUBCLASSES), st.sampled_from(GROUPS), st.sampled_from(SUBGROUPS)
)
patterns = st.one_of(
    codes,
    codes.map(lambda one: f"{one}*"),
    codes.map(lambda one: one.split("/")[0] + "*"),
    codes.map(lambda one: one.split("/")[0]),
    codes.map(lambda one: one.split("/")[0] + "/*"),
    codes.map(lambda one: one[: one.index("/") + 2] + "*"),
    st.sampled_from(SUBCLASSES),
    st.sampled_from(SUBCLASSES).map(lambda one: f"{one}*"),
    st.sampled_from(("G06", "A61*")),
)


@st.composite
def tables(draw: st.DrawFn) -> list[Rule]:
    rules = []
    for industry in range(1, draw(st.integers(1, 4)) + 1):
        for rule_no in range(1, draw(st.integers(1, 4)) + 1):
            rules.append(
                Rule(
                    f"{industry}.1",
                    rule_no,
                    tuple(draw(st.lists(patterns, min_size=1, max_size=4))),
                    tuple(draw(st.lists(patterns, max_size=2))),
                    draw(st.sampled_from(KEYWORDS)),
                )
            )
    return rules


titles = st.one_of(st.none(), st.lists(st.sampled_from(PIECES), min_size=1, max_size=5).map("".join))
documents_made = st.lists(st.tuples(st.lists(codes, max_size=4, unique=True), titles), min_size=20, max_size=20)


@settings(
    max_examples=int(os.environ.get("TWIN_EXAMPLES", "40")),
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)
@given(rules=tables(), made=documents_made)
def test_models_and_twin_agree(engine: Engine, rules: list[Rule], made: list[tuple[list[str], str | None]]) -> None:
    documents = [Document(str(number), tuple(one), title) for number, (one, title) in enumerate(made)]
    found: dict[str, dict[str, Any]] = {document.version: {} for document in documents}
    for row in engine.run(rules, documents):
        found[row["publication_version_id"]][row["industry_no"]] = tuple(
            row[name] for name in ("decision", "reason", "rule_no", "evidence_keyword")
        )
        engine.reasons.add(row["reason"])
        assert twin.covers(row["evidence_pattern"], row["evidence_code"])
    for document in documents:
        assert found[document.version] == twin.judge(rules, document), f"{document} {rules}"


def test_every_reason_was_met(engine: Engine) -> None:
    """Agreement proves little about answers that no generated case came to."""
    assert engine.reasons == REASONS
    assert engine.kinds == {"none", "closed_list", "open_list", "description"}
