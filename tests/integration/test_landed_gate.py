"""A bad load is held and says why, in two languages; the good ones beside it are accepted."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import psycopg
import pytest

from expectations import landed, pages, suite
from ingestion.declarations import LOADER_COLUMNS, declaration
from warehouse import connections

SOURCE = "cnipa_patents"
TABLE = "raw.cnipa_patents__publications"
GOOD: dict[str, object] = {
    "_place": "line", "_row_hash": "h", "kind_code": "A", "patent_type": "invention",
    "publication_date": date(2019, 7, 9), "filing_date": date(2017, 1, 3), "application_number_received": "2017",
    "application_number_status": "ok", "title": "一种泵", "owner_names": '["某公司"]', "first_owner_name": "某公司",
    "address_text": "天津市东丽区",
}  # fmt: skip
Change = Callable[[int, dict[str, object]], object]


@pytest.fixture(autouse=True)
def _raw(warehouse: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """The raw table, and the source's declaration with one layout that has no kind codes."""
    real = declaration(SOURCE)
    layouts = [
        one.model_copy(update={"unfilled": ["kind_code"] if one.name == "bibs_csv" else []}) for one in real.layouts
    ]
    monkeypatch.setattr(landed, "declaration", lambda source_id: real.model_copy(update={"layouts": layouts}))
    columns = {column.name: column.type for column in declaration(SOURCE).tables[0].columns} | LOADER_COLUMNS
    with connections.connect("loader") as connection:
        listed = ", ".join(f"{name} {kind}" for name, kind in columns.items())
        connection.execute(f"drop table if exists {TABLE}; create table {TABLE} ({listed})")


def load(
    rows: int = 200,
    change: Change = lambda number, row: None,
    *,
    layout: str = "bibs_xml",
    day: date = date(2019, 7, 9),
    state: str = "loaded",
    **ledger: int,
) -> int:
    """One load of `rows` good rows, each changed by `change`; returns its id."""
    counts = {"rows_read": rows, "rows_loaded": rows, "rows_rejected": 0, **ledger}
    name = f"CN/CN-PA-BIBS-ABSS-10-A_x/data/{day:%Y%m%d}/1.zip"
    with connections.connect("loader") as connection:
        file_id = connection.execute(
            "insert into ops.landed_files (source_id, layout, address, relative_path, file_name, landing_path,"
            " content_sha256, state, size_bytes, is_synthetic, known_at)"
            " values (%s, %s, 'x', %s, '<b>1.zip</b>', 'x', %s, 'loaded', 1, false, %s) returning file_id",
            [SOURCE, layout, name, uuid.uuid4().hex, day],
        ).fetchone()[0]
        load_id = connection.execute(
            "insert into ops.loads (file_id, source_id, layout, table_name, fingerprint, state, rows_read, rows_loaded,"
            " rows_skipped, rows_duplicate, rows_rejected, is_synthetic, known_at)"
            " values (%s, %s, %s, %s, %s, %s, %s, %s, 0, 0, %s, false, %s) returning load_id",
            [file_id, SOURCE, layout, TABLE.removeprefix("raw."), uuid.uuid4().hex, state, *counts.values(), day],
        ).fetchone()[0]
        for number in range(rows):
            row = {**GOOD, "publication_number": f"CN{load_id:04}{number:06}A", "_row_no": number + 1,
                   "_load_id": load_id, "_known_at": day, "_layout": layout}  # fmt: skip
            change(number, row)
            names, values = ", ".join(row), ", ".join(["%s"] * len(row))
            connection.execute(f"insert into {TABLE} ({names}) values ({values})", list(row.values()))
    return int(load_id)


def states() -> dict[int, tuple[str, str | None]]:
    with connections.connect("auditor") as connection:
        rows = connection.execute("select load_id, state, state_reason_zh from ops.loads order by 1")
        return {load_id: (state, reason) for load_id, state, reason in rows}


def query(text: str) -> list[tuple[object, ...]]:
    with connections.connect("auditor") as connection:
        return connection.execute(text).fetchall()


def blank(column: str, share: float) -> Change:
    return lambda number, row: row.update({column: None}) if number < share * 200 else None


def test_every_rule_holds_the_load_that_breaks_it_and_no_other() -> None:
    """All broken loads wait at once, beside two good ones."""
    broken = {
        load(change=blank("title", 0.05)): "filled_title",
        load(change=blank("publication_number", 0.005)): "keys_are_there",
        load(change=blank("_row_hash", 0.005)): "filled__row_hash",
        load(change=lambda n, row: row.update(kind_code="Q") if n < 5 else None): "known_kind_code",
        load(change=lambda n, row: row.update(filing_date=date(1017, 1, 3)) if n < 5 else None): "possible_filing_date",
        load(
            change=lambda n, row: row.update(publication_date=date(2091, 7, 9)) if n < 5 else None
        ): "possible_publication_date",
        load(rows_loaded=201): "ledger_agrees",
        load(rows_rejected=41): "rejected_share",
        load(0, rows_read=0): "rows_not_below_band",
        load(5, layout="bibs_xml", rows_read=200001): "rows_not_above_band",
    }
    good = [
        load(),
        load(1, lambda n, row: row.update(title=None, kind_code="Q")),  # a load of one row may have an odd one
        load(change=blank("kind_code", 1), layout="bibs_csv"),  # this layout has no kind codes
        load(0, rows_read=50),  # nothing of it in the load scope
    ]
    warned = [
        load(rows_rejected=11),
        load(change=lambda n, row: row.update(publication_number="CN1A") if n < 9 else None),
    ]
    result = landed.validate(SOURCE, run_id="run-1")
    after = states()
    assert {load_id: after[load_id] for load_id in [*good, *warned]} == dict.fromkeys(
        [*good, *warned], ("accepted", None)
    )
    assert {load_id: after[load_id][0] for load_id in broken} == dict.fromkeys(broken, "held")
    failed = query("select load_id, check_name, severity from ops.checks where status = 'fail'")
    assert sorted((i, n) for i, n, severity in failed if severity == "error") == sorted(broken.items())
    assert sorted((i, n) for i, n, severity in failed if severity == "warn" and i in warned) == [
        (warned[0], "rejected_share_is_low"),
        (warned[1], "keys_repeat_rarely"),
    ]
    assert result.counts() == {"accepted": 6, "held": 10, "warnings": 2}
    title = next(load_id for load_id, rule in broken.items() if rule == "filled_title")
    assert after[title][1] == "发明名称（title）缺失过多（missing__title__most=2, missing__title=10）"
    # every rule left a row, also those that passed
    assert query("select count(distinct check_name) from ops.checks where suite = 'landed'") == [
        (len(landed.rules(declaration(SOURCE).tables[0])),)
    ]
    assert query("select status, rows_in, rows_out, run_id from ops.outcomes where step = 'validate'") == [
        ("warn", 16, 6, "run-1")
    ]
    # once more: nothing waits, nothing changes, and Great Expectations is not even asked
    assert landed.validate(SOURCE).counts() == {"accepted": 0, "held": 0, "warnings": 0}
    assert states() == after


def test_a_load_that_shrinks_is_held() -> None:
    for week in range(4):
        load(120, day=date(2019, 7, 9) + timedelta(weeks=week), state="accepted")
    small = load(59, day=date(2019, 8, 6))
    other = load(59, day=date(2019, 8, 6), layout="gazette_csv")  # no history of its own
    enough = load(60, day=date(2019, 8, 6))
    landed.validate(SOURCE)
    after = states()
    assert (after[small][0], after[other][0], after[enough][0]) == ("held", "accepted", "accepted")
    assert "中位数的一半" in str(after[small][1])


def test_a_feed_that_comes_more_often_has_not_shrunk() -> None:
    """Monthly until now, weekly from here on: a quarter of the rows each time is what is to be expected."""
    for month in range(3, 7):
        load(120, day=date(2019, month, 9), state="accepted")
    weekly = load(30, day=date(2019, 6, 16))
    less = load(13, day=date(2019, 6, 16))  # 60 rows in 92/3 days are 13.7 in seven
    landed.validate(SOURCE)
    assert (states()[weekly][0], states()[less][0]) == ("accepted", "held")


def test_a_feed_that_was_silent_owes_no_more_than_usual() -> None:
    for month in range(3, 7):
        load(120, day=date(2019, month, 9), state="accepted")
    enough, too_few = load(60, day=date(2019, 9, 9)), load(59, day=date(2019, 9, 9))
    landed.validate(SOURCE)
    assert (states()[enough][0], states()[too_few][0]) == ("accepted", "held")


def test_a_file_that_comes_again_with_half_of_its_rows_is_held() -> None:
    """By its own path, however little history its stream has; the same rows under another path are no news."""
    day, other_day = date(2019, 7, 9), date(2019, 7, 12)
    load(20, day=day, state="accepted")
    load(9, day=other_day, state="accepted")
    shrunk = load(10, day=day)
    tiny = load(1, day=other_day)  # of so few rows one may go
    elsewhere = load(10, day=date(2019, 7, 16))
    landed.validate(SOURCE)
    after = states()
    assert [after[load_id][0] for load_id in (shrunk, tiny, elsewhere)] == ["held", "accepted", "accepted"]
    assert (
        after[shrunk][1]
        == "重新交付的文件行数只有其上一版的一半或更少（rows_redelivered=10, rows_redelivered__least=11）"
    )
    enough = load(11, day=day)
    landed.validate(SOURCE)
    assert states()[enough][0] == "accepted"


def test_a_rule_that_cannot_be_tested_accepts_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    load_id = load(3)
    bad = landed._at_most("impossible_rule", "no_such_column", "无", "none")
    monkeypatch.setattr(landed, "rules", lambda declared: [bad])
    with pytest.raises(RuntimeError, match="no load was accepted"):
        landed.validate(SOURCE)
    assert states()[load_id][0] == "loaded"


def test_cut_short_it_can_be_run_again(monkeypatch: pytest.MonkeyPatch) -> None:
    load_id = load(3)

    def killed(*arguments: object, **named: object) -> None:
        raise SystemExit

    with monkeypatch.context() as patch, pytest.raises(SystemExit):
        patch.setattr(landed.ledger, "write", killed)
        landed.validate(SOURCE)
    assert states()[load_id][0] == "loaded" and query("select * from ops.checks") == []
    landed.validate(SOURCE)
    assert states()[load_id][0] == "accepted"


def test_nothing_was_ever_loaded() -> None:
    with connections.connect("loader") as connection:
        connection.execute(f"drop table {TABLE}")
    assert landed.validate(SOURCE).accepted == 0


def test_pages_stand_alone_and_escape_what_comes_from_data() -> None:
    load()
    load(change=blank("title", 0.5))
    landed.validate(SOURCE)
    [page] = [path for path in pages.folder().glob("*.html") if path.name != "index.html"]
    text = page.read_text(encoding="utf-8")
    assert "暂缓 held" in text and "发明名称（title）缺失过多" in text
    assert "&lt;b&gt;1.zip&lt;/b&gt;" in text and "<b>" not in text
    index = (pages.folder() / "index.html").read_text(encoding="utf-8")
    assert page.name in index and "未通过" in index
    for html in (text, index):
        assert not re.search(r"https?://|//[a-z]|<script|<link|<img|@import|url\(", html)


def test_the_index_keeps_a_number_of_pages(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from datetime import UTC, datetime

    monkeypatch.setattr(pages, "KEPT_PAGES", 3)
    rule = suite.Rule("a", lambda gxe: None, "<i>坏</i>", "bad")
    for second in range(5):
        pages.write_run(
            "marts", f"r{second}", title_zh="检查", title_en="check", passed=True,
            findings=[suite.Finding(rule, "fail", "<script>x</script>", 1)],
            started=datetime(2026, 1, 1, 0, 0, second, tzinfo=UTC),
        )  # fmt: skip
    kept = sorted(path.name for path in pages.folder().glob("2*.html"))
    assert [name.split("_")[-1] for name in kept] == ["r2.html", "r3.html", "r4.html"]
    assert "<script" not in (pages.folder() / kept[0]).read_text()


def test_the_reader_cannot_change_a_load() -> None:
    load_id = load(1)
    with connections.connect("auditor") as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
        connection.execute("update ops.loads set state = 'accepted' where load_id = %s", [load_id])
