"""Legal status from its feed to staging on a real Postgres: source folder, landing, raw, the gate, dbt."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest

from expectations import landed
from ingestion import runs
from tests.fixtures import make_samples
from warehouse import connections, dbt_runner, release

SOURCE = "cnipa_legal_status"
RAW = "raw.cnipa_legal_status__events"
STAGED = "staging.stg_cnipa_legal_status__events"
SAMPLES = Path(__file__).parents[1] / "fixtures" / "samples"
TODAY = datetime.now(runs.SHANGHAI).date()


def ask(statement: str) -> list[tuple[Any, ...]]:
    with connections.connect("auditor") as connection:
        return [tuple(row) for row in connection.execute(statement).fetchall()]


@pytest.fixture
def root(warehouse: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The synthetic samples as the source's address."""
    folder = tmp_path / "来源"
    shutil.copytree(SAMPLES / "legal_status", folder, copy_function=shutil.copyfile)
    monkeypatch.setenv("AIRFLOW_CONN_SRC_CNIPA_LEGAL_STATUS", f"file://{folder}")
    monkeypatch.setenv("DBT_TARGET_PATH", str(tmp_path / "target"))
    monkeypatch.setenv("DBT_LOG_PATH", str(tmp_path / "logs"))
    return folder


def test_every_event_arrives_in_staging_once(root: Path) -> None:
    expected = json.loads((SAMPLES / "expected.json").read_text("utf-8"))["legal_status"]
    runs.pull(SOURCE)
    loaded = runs.load(SOURCE)
    assert (loaded.files, loaded.rows_rejected) == (3, 2)
    wanted = sum((Counter(file["events"]) for file in expected.values()), Counter())
    assert dict(ask(f"select event_type, count(*) from {RAW} group by 1")) == wanted
    assert ask("select place, rule from ops.rejected_rows order by rule") == [
        ("第15行", "unknown_line"),
        ("cut/cut.XML", "xml_malformed"),
    ]
    runs.load(SOURCE)  # a second time changes nothing
    assert ask(f"select count(*) from {RAW}") == [(wanted.total(),)]

    judged = landed.validate(SOURCE)
    assert (judged.accepted, judged.held, judged.held_loads) == (3, 0, {})

    dbt_runner.build(release.open_release("test"), unit_tests=True, select="stg_cnipa_legal_status__events")
    checks = ask("select check_name, severity, status from ops.checks where suite = 'dbt'")
    assert len(checks) > 12
    # the template of the gazette states no day of its own: seen, and no reason to stop
    assert [one for one in checks if one[2] != "pass"] == [
        ("not_null_stg_cnipa_legal_status__events_announcement_date", "warn", "fail")
    ]
    # the grant that came again under another id is one event, known since the first day
    assert ask(f"select record_id, known_at from {STAGED} where event_type = 'grant' and prs_code = 'GR01'") == [
        ("PRS202100000001", date(2021, 1, 5))
    ]
    # the corrected lapse stands beside what it corrects
    assert ask(
        f"select effective_date, is_correction, known_at from {STAGED} where prs_code = 'CF01' order by known_at"
    ) == [
        (date(2020, 1, 12), False, date(2021, 1, 5)),
        (date(2019, 1, 12), True, date(2021, 1, 8)),
    ]
    staged = dict(ask(f"select event_type, count(*) from {STAGED} group by 1"))
    assert staged == wanted - Counter(grant=1)
    # nothing unmasked: the one person of the samples is known by its first letter only
    assert ask(f"select count(*) from {STAGED} as one where one::text like '%例某%'") == [(0,)]
    assert ask(f"select count(*) from {STAGED} where first_from_name_shown = '例*' or first_to_name_shown = '例*'") != [
        (0,)
    ]
    assert ask(
        f"select first_to_name_shown, to_address, to_post_code from {STAGED}"
        " where layout = 'prss_xml' and event_type = 'transfer' and group_no = 1"
    ) == [("天津例乙环保科技有限公司", "天津市东丽区例丽道2号", "300300")]


def test_a_file_that_turns_up_later_in_an_old_folder_is_known_since_the_day_it_was_found(root: Path) -> None:
    runs.pull(SOURCE)
    folder = next(root.glob("CN/*/data/20210105"))
    name, content = make_samples.prs(
        "PRS202100009999", 77, "20210105", "CF01", "未缴年费专利权终止", "终止日期:20200101;"
    )
    (folder / "CN-PA-PRSS-10_20210105_002.zip").write_bytes(make_samples.packed([(name, content.encode())]))
    runs.pull(SOURCE)
    runs.load(SOURCE)
    days = dict(
        ask(f"select record_id, _known_at from {RAW} where record_id in ('PRS202100009999', 'PRS202100000001')")
    )
    assert days == {"PRS202100009999": TODAY, "PRS202100000001": date(2021, 1, 5)}


def test_a_package_cut_short_is_refused_and_filled_by_a_later_delivery(root: Path) -> None:
    package = next(root.glob("CN/*/data/20210105/*.zip"))
    whole = package.read_bytes()
    package.write_bytes(whole[: len(whole) // 2])
    runs.pull(SOURCE)
    runs.load(SOURCE)
    assert ask("select rule from ops.rejected_rows where load_id is null") == [("truncated",)]
    before = ask(f"select count(*) from {RAW}")[0][0]
    assert before > 0
    package.write_bytes(whole)
    runs.pull(SOURCE)
    runs.load(SOURCE)
    expected = json.loads((SAMPLES / "expected.json").read_text("utf-8"))["legal_status"]
    assert ask(f"select count(*) from {RAW}") == [(sum(sum(file["events"].values()) for file in expected.values()),)]
