"""Both COPY forms against a real Postgres: what goes in as Arrow comes out of the table as it was."""

from __future__ import annotations

import json
from datetime import date, timedelta
from typing import Any

import psycopg
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg import sql

from ingestion import copying
from ingestion.copying import Constants, copy_form
from ingestion.declarations import arrow_type
from warehouse import connections

TYPES = {
    "t": "text",
    "b": "bigint",
    "i": "integer",
    "d": "date",
    "f": "double precision",
    "o": "boolean",
    "j": "jsonb",
    "u": "text",
}
CONSTANTS: Constants = [("c_id", "bigint", 7), ("c_day", "date", date(2017, 8, 22)), ("c_text", "text", "文")]

_text = st.none() | st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=8)
_rows = st.lists(
    st.fixed_dictionaries(
        {
            "t": _text,
            "b": st.none() | st.integers(-(2**63), 2**63 - 1),
            "i": st.none() | st.integers(-(2**31), 2**31 - 1),
            "d": st.none() | st.dates(date(1, 1, 1), date(9999, 12, 31)),
            "f": st.none() | st.floats(allow_nan=False),
            "o": st.none() | st.booleans(),
            "j": st.none()
            | st.lists(
                st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=4), max_size=3
            ),
            "u": _text,
        }
    ),
    min_size=1,
    max_size=12,
)


def _batch(rows: list[dict[str, Any]], types: dict[str, str]) -> pa.RecordBatch:
    schema = pa.schema([(name, arrow_type(kind)) for name, kind in types.items()])
    written = [
        {**row, "j": None if row["j"] is None else json.dumps(row["j"], ensure_ascii=False)} if "j" in row else row
        for row in rows
    ]
    return pa.RecordBatch.from_pylist(written, schema=schema)


def _round_trip(connection: psycopg.Connection, types: dict[str, str], batches: list[pa.RecordBatch]) -> list[Any]:
    every = {**types, **{name: kind for name, kind, _ in CONSTANTS}}
    connection.execute("drop table if exists copied")
    connection.execute(f"create temporary table copied (at serial, {', '.join(f'{n} {k}' for n, k in every.items())})")
    form = copy_form(types, CONSTANTS)
    columns = sql.SQL(", ").join(map(sql.Identifier, form.columns))
    with connection.cursor().copy(
        sql.SQL("copy copied ({}) from stdin ({})").format(columns, sql.SQL(form.options))
    ) as copy:
        copy.write(form.header)
        for batch in batches:
            for chunk in form.encode(batch):
                copy.write(chunk)
        copy.write(form.trailer)
    return connection.execute(f"select {', '.join(every)} from copied order by at").fetchall()


@pytest.fixture(scope="module")
def connection(warehouse_server: dict[str, str]) -> Any:
    with connections.connect("operator") as one:
        yield one


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=_rows, cut=st.integers(0, 12), more=st.booleans())
def test_every_value_survives(connection: psycopg.Connection, rows: list[dict[str, Any]], cut: int, more: bool) -> None:
    types = {**TYPES, "n": "numeric"} if more else TYPES  # a numeric column makes it CSV
    given_rows = [{**row, "n": "1.50"} for row in rows] if more else rows
    whole = _batch(given_rows, types)
    found = _round_trip(connection, types, [whole.slice(0, cut), whole.slice(cut)])
    assert copy_form(types, CONSTANTS).options == ("format csv" if more else "format binary")
    expected = [(*(row[name] for name in TYPES), 7, date(2017, 8, 22), "文") for row in rows]
    kept = [(*one[: len(TYPES)], *one[-3:]) for one in found]
    assert kept == expected


def test_large_batches_are_cut_into_pieces(connection: psycopg.Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(copying, "_MOST_BYTES", 64)
    rows = [{"t": "字" * 20, "d": date(2020, 1, 1) + timedelta(days=at)} for at in range(50)]
    types = {"t": "text", "d": "date"}
    batch = _batch(rows, types)
    assert len(list(copy_form(types, CONSTANTS).encode(batch))) > 20
    assert [one[1] for one in _round_trip(connection, types, [batch])] == [row["d"] for row in rows]


def test_null_and_empty_are_told_apart_in_csv() -> None:
    batch = pa.RecordBatch.from_pydict({"a": ["", None, '双 "引", 号', "换\n行"], "n": ["1", None, "3", "4"]})
    [chunk] = copy_form({"a": "text", "n": "numeric"}, [("_layout", "text", "x")]).encode(batch)
    assert bytes(chunk).decode() == '"","1","x"\n,,"x"\n"双 ""引"", 号","3","x"\n"换\n行","4","x"\n'
