"""The published figures of 2020 come out of the records: written feeds, loader, gate, dbt; under another seed too.

The one place, beside the plan's catalogue and the city's fit, where the figures stand.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from expectations import landed
from ingestion import declarations, loader, runs
from ingestion.sandbox.catalogue import FEEDS
from ingestion.sandbox.cli import main
from warehouse import connections, dbt_runner, release

PATENTS = {date(2015, 12, 31): 5_763, date(2020, 12, 31): 12_634}
INVENTIONS = {date(2020, 12, 31): 2_125}
TRADEMARKS = {date(2015, 12, 31): 7_653, date(2020, 12, 31): 15_259}
GROWTH = {"B02": Decimal("17.0"), "B03": Decimal("14.8")}  # percent a year, as the plan prints them


@dataclass(frozen=True)
class City:
    """A city, and the values that the warehouse computes for its district on the latest basis."""

    seed: int
    without: int
    values: dict[tuple[str, date], Decimal]

    def of(self, indicator: str) -> dict[date, Decimal]:
        return {day: value for (code, day), value in self.values.items() if code == indicator}


@pytest.fixture(params=[(1, 0), (20, 9)], ids=["seed 1", "seed 20, nine left out"])
def city(
    request: pytest.FixtureRequest, warehouse: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[City]:
    """Every feed of a whole city, written, loaded, judged and built."""
    seed, without = request.param
    monkeypatch.setenv("DBT_TARGET_PATH", str(tmp_path / "target"))
    monkeypatch.setenv("DBT_LOG_PATH", str(tmp_path / "logs"))
    for source_id in declarations.source_ids():
        loader.ensure_tables(connections.engine("loader"), declarations.declaration(source_id))
    for feed in FEEDS:
        source_id, folder = feed.source_id, tmp_path / feed.base
        options = ["--source", source_id, "--seed", str(seed), "--without", str(without), "--clock", "2024-06-30"]
        main(["write", "--to", str(folder), *options], standalone_mode=False)
        monkeypatch.setenv(f"AIRFLOW_CONN_SRC_{source_id.upper()}", f"file://{folder}")
        runs.pull(source_id)
        runs.load(source_id)
        assert landed.validate(source_id).held_loads == {}
    release_id = release.open_release("reconciliation")
    dbt_runner.build(release_id)
    with connections.connect("auditor") as connection:
        rows = connection.execute(
            """
            select indicator_code, period_end, value from build_candidate.indicator_values
            where area_code = '120110' and component_code = 'total' and basis = 'latest'
            """
        ).fetchall()
    yield City(seed, without, {(code, day): value for code, day, value in rows})


@pytest.mark.timeout(900)
def test_the_figures_of_2020_come_out_of_the_records(city: City) -> None:
    less = city.without  # every one of them is in force at the end of 2020
    patents, inventions, marks = city.of("B01"), city.of("H02"), city.of("H03")
    base, end = date(2015, 12, 31), date(2020, 12, 31)
    assert (patents[end], marks[end]) == (PATENTS[end] - less, TRADEMARKS[end] - less)
    assert city.of("B04")[end].quantize(Decimal("0.000001")) == round(10_000 * inventions[end] / 857_027, 6)
    if less:
        assert INVENTIONS[end] - less <= inventions[end] <= INVENTIONS[end]
        return
    assert (patents[base], marks[base], inventions[end]) == (PATENTS[base], TRADEMARKS[base], INVENTIONS[end])
    assert {code: round(city.of(code)[end], 1) for code in GROWTH} == GROWTH
    assert round(city.of("B04")[end], 1) == Decimal("24.8")
