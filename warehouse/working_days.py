"""The seed of working days: the holidays and the make-up days of each year, as the State Council arranged them.

    python -m warehouse.working_days [--until 2026] [--check]

writes `dbt_project/seeds/reference/special_days.csv` from the library chinese-calendar. A year's arrangement is
announced in the autumn before it; a year that the library does not know yet is refused and never guessed. Once a year:
raise the library, run this with the new year, commit the file.
"""

from __future__ import annotations

import csv
import io
from datetime import date
from pathlib import Path

import click

SEED = Path(__file__).parents[1] / "dbt_project" / "seeds" / "reference" / "special_days.csv"
FIRST_YEAR = 2015
LAST_YEAR = 2026


class UnknownYear(ValueError):
    """The arrangement of a year that was asked for is not known."""


def special_days(first_year: int, last_year: int) -> list[tuple[date, bool, str, str]]:
    """(day, is it a working day, holiday in Chinese, in English) of all holidays and make-up days, by day.

    Raises UnknownYear when one of the years is none of the library's.
    """
    from chinese_calendar import Holiday, constants

    # the year's last holiday: a year of which only the first days are known is not known
    known = {day.year for day, name in constants.holidays.items() if name == Holiday.national_day.value}
    for year in range(first_year, last_year + 1):
        if year not in known:
            raise UnknownYear(
                f"没有 {year} 年的节假日安排：chinese-calendar 只有 {min(known)} 至 {max(known)} 年，请先升级该库。"
                f" The arrangement of {year} is not known: chinese-calendar has {min(known)} to {max(known)};"
                " raise the library first. Nothing was written."
            )
    names = {one.value: one.chinese for one in Holiday}
    listed = [(day, False, name) for day, name in constants.holidays.items()]
    listed += [(day, True, name) for day, name in constants.workdays.items()]
    return [
        (day, is_working, names[name], name)
        for day, is_working, name in sorted(listed)
        if first_year <= day.year <= last_year
    ]


def as_csv(first_year: int = FIRST_YEAR, last_year: int = LAST_YEAR) -> str:
    """The text of the seed."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["day", "is_working_day", "holiday_name_zh", "holiday_name_en"])
    for day, is_working, zh, en in special_days(first_year, last_year):
        writer.writerow([day.isoformat(), str(is_working).lower(), zh, en])
    return text.getvalue()


@click.command()
@click.option("--until", "last_year", type=int, default=LAST_YEAR, show_default=True, help="The last year.")
@click.option("--check", is_flag=True, help="Write nothing; fail when the committed file is another.")
def main(last_year: int, check: bool) -> None:
    """Write the seed of working days, or check that it is what would be written."""
    try:
        made = as_csv(last_year=last_year)
    except UnknownYear as error:
        raise click.ClickException(str(error)) from error
    if not check:
        SEED.write_text(made, encoding="utf-8")
    elif SEED.read_text(encoding="utf-8") != made:
        raise click.ClickException(f"{SEED.name} 不是现在会生成的内容 is not what would be written now")
    click.echo(f"{SEED.name}: {made.count(chr(10)) - 1} days, {FIRST_YEAR}-{last_year}")


if __name__ == "__main__":
    main(prog_name="python -m warehouse.working_days")
