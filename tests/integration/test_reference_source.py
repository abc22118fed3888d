"""The reference source from its address to the rules in use: one file a year, taken whole, the newest alone."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from expectations import landed
from ingestion import runs
from ingestion.sandbox.server import Sandbox
from ingestion.sandbox.world import World
from warehouse import connections, sources

SOURCE = "reference"


@pytest.fixture
def folder(warehouse: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The source's address, an empty folder."""
    address = tmp_path / "source"
    address.mkdir()
    monkeypatch.setenv("AIRFLOW_CONN_SRC_REFERENCE", f"file://{address}")
    return address


@pytest.fixture
def sandbox(warehouse: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Iterator[Sandbox]:
    server = Sandbox(("127.0.0.1", 0), World(1), date(2026, 11, 22))
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    monkeypatch.setenv("AIRFLOW_CONN_SRC_REFERENCE", server.url_of(SOURCE).rstrip("/"))
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def _query(text: str) -> list[tuple[Any, ...]]:
    with connections.connect("auditor") as connection:
        return connection.execute(text).fetchall()


def _write(folder: Path, day: str, patterns: int, extra: tuple[str, ...] = ()) -> None:
    rules = [{"p": [*(f"G06F{number}*" for number in range(1, patterns + 1)), *extra], "x": [], "k": []}]
    content = [{"no": "1.91", "name": f"例业{day}", "page": 1, "rules": rules}]
    (folder / f"sei_ipc_2021_{day}.json").write_text(json.dumps(content, ensure_ascii=False))


def _take() -> dict[str, int]:
    runs.pull(SOURCE)
    runs.load(SOURCE)
    return landed.validate(SOURCE).counts()


def test_one_file_a_year_from_the_sandbox(sandbox: Sandbox) -> None:
    # six years at once, then one more; what is there already is not loaded again
    assert _take() == {"accepted": 6, "held": 0, "warnings": 0}
    assert _take() == {"accepted": 0, "held": 0, "warnings": 0}
    sandbox.clock.fixed = date(2027, 3, 15)
    assert _take() == {"accepted": 1, "held": 0, "warnings": 0}
    loads = _query("select state, is_synthetic, known_at::text, rows_rejected from ops.loads order by known_at")
    assert loads == [("accepted", True, f"{year}-03-15", 0) for year in range(2021, 2028)]
    assert _query("select count(distinct _load_id) from raw.reference__sei_rules") == [(7,)]


def test_a_table_that_shrank_by_half_is_held_after_one_year_already(folder: Path) -> None:
    _write(folder, "20250301", 40)
    assert _take()["accepted"] == 1
    _write(folder, "20260301", 19)
    assert _take() == {"accepted": 0, "held": 1, "warnings": 0}
    ((reason,),) = _query("select state_reason_zh from ops.loads where state = 'held'")
    assert "不足" in reason
    # the true file comes later and is taken; the held one stays out
    _write(folder, "20260302", 38)
    assert _take()["accepted"] == 1
    assert _query("select known_at::text from ops.loads where state = 'accepted' order by 1") == [
        ("2025-03-01",),
        ("2026-03-02",),
    ]


def test_bad_patterns_are_named_in_the_ledger_and_the_rest_is_loaded(folder: Path) -> None:
    _write(folder, "20260301", 40, ("G06*F", "H*"))
    assert _take()["accepted"] == 1
    rejected = _query("select place, field, value, rule, reason_zh, reason_en from ops.rejected_rows order by place")
    assert [row[:4] for row in rejected] == [
        ("第1项（1.91）·规则1·p[41]", "pattern", "G06*F", "bad_pattern"),
        ("第1项（1.91）·规则1·p[42]", "pattern", "H*", "too_wide"),
    ]
    assert all(zh and en for *_, zh, en in rejected)
    assert _query("select count(*) from raw.reference__sei_rules") == [(40,)]


def test_a_file_of_another_kind_is_refused_and_the_good_one_taken(folder: Path) -> None:
    _write(folder, "20260301", 40)
    (folder / "sei_ipc_2021_20260302.json").write_text('{"code": 500, "msg": "busy"}')
    (folder / "readme.txt").write_text("ignored")
    assert _take()["accepted"] == 1
    assert _query("select file_name, state from ops.landed_files order by 1") == [
        ("sei_ipc_2021_20260301.json", "loaded"),
        ("sei_ipc_2021_20260302.json", "refused"),
    ]
    assert _query("select rule from ops.rejected_rows") == [("not_a_list",)]


def test_a_source_of_one_file_a_year_is_not_late_within_the_year(folder: Path) -> None:
    today = date.today()
    _write(folder, f"{today.replace(year=today.year - 1, day=1):%Y%m%d}", 40)
    assert _take()["accepted"] == 1
    with connections.connect("publisher") as connection:
        sources.sync(connection)
        assert SOURCE not in sources.late(connection)
        connection.execute("update ops.sources set late_after_days = 8 where source_id = %s", [SOURCE])
        assert SOURCE in sources.late(connection)
        connection.rollback()
