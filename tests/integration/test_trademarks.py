"""Five trademark packages from a folder to the states of their marks: the real loader, the landed gate, dbt."""

from __future__ import annotations

import json
import shutil
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from expectations import landed
from ingestion import declarations, loader, runs
from tests.fixtures import make_trademarks as made
from warehouse import connections, dbt_runner, release

SOURCE = "cnipa_trademarks"
MODELS = "+dim_owners +int_trademark_owners +int_trademark_states"
TREE = Path(__file__).parents[1] / "fixtures" / "trademarks"


@pytest.fixture
def address(warehouse: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is the source's address, with the synthetic tree in it."""
    folder = tmp_path / "来源"
    shutil.copytree(TREE, folder, copy_function=shutil.copyfile)
    monkeypatch.setenv("AIRFLOW_CONN_SRC_CNIPA_TRADEMARKS", f"file://{folder}")
    monkeypatch.setenv("DBT_TARGET_PATH", str(tmp_path / "target"))
    monkeypatch.setenv("DBT_LOG_PATH", str(tmp_path / "logs"))
    monkeypatch.setenv("DBT_INDIRECT_SELECTION", "cautious")  # no test of a model that is not built here
    for source_id in declarations.source_ids():
        loader.ensure_tables(connections.engine("loader"), declarations.declaration(source_id))
    return folder


def ask(statement: str, *values: Any) -> list[tuple[Any, ...]]:
    with connections.connect("auditor") as connection:
        return connection.execute(statement, values).fetchall()  # type: ignore[arg-type]


def load() -> runs.LoadResult:
    runs.pull(SOURCE)
    return runs.load(SOURCE)


def rows() -> dict[str, int]:
    tables = declarations.declaration(SOURCE).tables
    return {table.entity.name: ask(f"select count(*) from raw.{table.name}")[0][0] for table in tables}


def build() -> None:
    assert landed.validate(SOURCE).held == 0
    dbt_runner.build(release.open_release("test"), select=MODELS)


def in_force(day: str, known_on: str) -> list[str]:
    """Marks whose right runs on a day, as known on another."""
    found = ask(
        """
        select trademark_id from core.int_trademark_states
        where
            origin = 'national' and in_force_from <= %s and (in_force_to is null or in_force_to > %s)
            and known_from <= %s and (known_to is null or known_to > %s)
        order by 1
        """,
        day, day, known_on, known_on,
    )  # fmt: skip
    return [trademark_id for (trademark_id,) in found]


def holders(trademark_id: str, known_on: str) -> list[tuple[Any, ...]]:
    """(name, where the address comes from, held from, held to) of each segment."""
    return ask(
        """
        select dim_owners.owner_name_shown, owners.address_source, owners.held_from, owners.held_to
        from core.int_trademark_owners as owners
        left join core.dim_owners on owners.first_owner_key = dim_owners.owner_key
        where
            owners.trademark_id = %s and owners.known_from <= %s and (owners.known_to is null or owners.known_to > %s)
        order by owners.segment_no
        """,
        trademark_id, known_on, known_on,
    )  # fmt: skip


def history() -> list[list[str]]:
    """The marks in force on some days, as known on some days."""
    days = ("2015-12-31", "2020-12-31", "2021-12-31", "2031-05-13")
    return [in_force(day, known_on) for day in days for known_on in ("2019-12-31", "2021-12-31", "2099-12-31")]


def test_every_record_of_five_packages_arrives_once(address: Path) -> None:
    loaded = load()
    expected = json.loads((TREE / "expected.json").read_text(encoding="utf-8"))
    assert (loaded.files, loaded.rows_loaded, loaded.rows_rejected) == (7, sum(expected.values()), 0)
    assert rows() == expected
    assert ask("select distinct _known_at from raw.cnipa_trademarks__marks order by 1") == [
        (date(2019, 6, 21),), (date(2021, 3, 1),), (date(2024, 4, 10),),
    ]  # fmt: skip
    load()
    assert rows() == expected
    # a right that ends in ten years is no impossible day
    assert landed.validate(SOURCE).counts() == {"accepted": 7, "held": 0, "warnings": 0}


def test_bad_documents_are_quarantined_with_their_place_and_the_rest_goes_on(address: Path) -> None:
    bad = "132_商标基本信息/20240417/bad.zip"
    number = 21000077
    (address / bad).parent.mkdir()
    (address / bad).write_bytes(
        made.packed(
            made.in_folder(number, made.mark(number, registered="20110231")),
            made.in_folder(number + 1, made.mark(number)),
            *made.images(number + 2),
            made.in_folder(number + 3, made.mark(number + 3)[:-9]),
            made.in_folder(number + 4, made.mark(number + 4)),
        )
    )
    loaded = load()
    found = ask("select rule, place, field from ops.rejected_rows where source_id = %s order by 1, 2", SOURCE)
    folder = "包/01/CN000000210000"
    assert found == [
        ("bad_date", f"{folder}77/CN00000021000077.xml", "registration_date"),
        ("missing_document", f"{folder}79", None),
        ("name_disagrees", f"{folder}78/CN00000021000078.xml", "mark_id"),
        ("xml_malformed", f"{folder}80/CN00000021000080.xml", None),
    ]
    assert loaded.rows_rejected == 4
    assert ask("select registration_number from raw.cnipa_trademarks__marks where _known_at = '2024-04-17'") == [
        ("21000081",)
    ]


def test_scope_of_the_city_keeps_what_shows_no_address(address: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOURCE_SCOPE_CNIPA_TRADEMARKS", "tianjin")
    load()
    left_out = set(range(21000001, 21000010)) - {
        int(number) for (number,) in ask("select coalesce(registration_number, application_number)"
                                         " from raw.cnipa_trademarks__marks")
    }  # fmt: skip
    assert left_out == {21000008}  # the firm in Beijing; 21000006 shows no address
    assert rows()["transfers"] == 3


def test_states_and_owners_of_every_mark(address: Path) -> None:
    load()
    build()
    nine = ["21000001-09", "21000002-09", "21000002-35", "21000003-07", "21000004-07", "21000005-42", "21000006-09",
            "21000007-09", "21000008-09"]  # fmt: skip
    now = "2024-12-31"
    # one registration number and class counts once whatever the ids, a blank class is that of its id
    assert in_force("2020-12-31", now) == in_force("2020-12-31", "2020-12-31") == nine
    # the last day is in, the next is not
    assert "21000002-35" in in_force("2021-05-13", now) and "21000002-35" not in in_force("2021-05-14", now)
    # cancelled from the delivery that shows it, and known only from then on
    assert "21000003-07" in in_force("2021-02-28", now) and "21000003-07" not in in_force("2021-03-01", now)
    assert "21000003-07" in in_force("2021-12-31", "2021-02-28")
    # a renewal does not erase the former period, and is not known before it is delivered
    assert "21000001-09" in in_force("2015-12-31", now) and "21000001-09" in in_force("2021-12-31", now)
    assert "21000001-09" not in in_force("2021-12-31", "2024-04-09")
    # no end, and a pending one
    assert "21000007-09" in in_force("2090-12-31", now) and "21000009-09" not in in_force("2020-12-31", now)

    one, two = date(2020, 2, 27), date(2021, 2, 27)
    assert holders("21000005-42", now) == [
        (made.FIRM, "record", None, one), (made.OTHER, "none", one, two), (made.FAR, "none", two, None),
    ]  # fmt: skip
    assert holders("21000005-42", "2021-02-28") == [(made.FIRM, "record", None, None)]
    assert holders("21000008-09", now) == [(made.FAR, "record", None, two), (made.FIRM, "transfer", two, None)]
    assert holders("21000006-09", now) == [(made.OTHER, "none", None, None)]
    # a person is a key and a masked name, and the address ends before its first number
    assert holders("21000007-09", now) == [("例*", "record", None, None)]
    assert ask("select address_text from core.int_trademark_owners where trademark_id = '21000007-09'") == [
        ("天津市东丽区例民路",)
    ]
    assert ask("select is_inbound, registration_number from staging.stg_cnipa_trademarks__madrid_marks order by 2") == [
        (False, "932057A"), (True, "G1234567"),
    ]  # fmt: skip
    assert ask("select trademark_id from core.int_trademark_states where origin = 'international' order by 1") == [
        ("G1234567-09",), ("G932057A-09",),
    ]  # fmt: skip


def test_order_and_repetition_of_deliveries_change_nothing(address: Path, tmp_path: Path) -> None:
    """Late first, then everything, then the same content once more in another packing."""
    late = sorted(address.glob("132*/*"))[-1]
    rest = tmp_path / "rest"
    shutil.copytree(address, rest)
    for folder in address.iterdir():
        if folder.is_dir():
            for day in folder.iterdir():
                if day != late:
                    shutil.rmtree(day)
    load()
    build()
    assert in_force("2015-12-31", "2024-12-31") == ["21000001-09"]  # the day of registration tells of the former period
    shutil.copytree(rest, address, dirs_exist_ok=True)
    load()
    build()
    before = history()
    # folders so far behind the newest one are known from the day they were found
    assert in_force("2020-12-31", "2024-12-31") == ["21000001-09"]
    assert len(in_force("2020-12-31", "2099-12-31")) == 9
    again = address / "132_商标基本信息" / "20190621" / "again.zip"
    again.write_bytes(made.packed(made.in_folder(21000002, made.mark(21000002, icn="09", name="虚例二"), "新")))
    load()
    build()
    assert history() == before
