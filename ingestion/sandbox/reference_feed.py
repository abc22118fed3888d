"""The reference feed: an invented concordance of industries and IPC, one file a year.

The numbers of the industries are none of the true table's, their names say that they are synthetic, and which patterns
belong to them is made up: nobody may take a figure of the sandbox for a reading of the true classification.
"""

from __future__ import annotations

import json
from datetime import date
from functools import partial

from ingestion.sandbox.dice import dice, salt
from ingestion.sandbox.feeds import Entry, Feed, at
from ingestion.sandbox.world import World

_FIRST_YEAR = 2021
_EDITION = 2021
_ISSUED = (3, 15)  # month and day of each year's file
_MARK = "（合成示例）"

# number, name, and rules of (patterns, exclusions, keywords); eight domains, so that the table looks whole
_INDUSTRIES: tuple[tuple[str, str, tuple[tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]], ...]], ...] = (
    ("1.91", "虚拟语音与数据业", ((("G06N20*", "G06F16*"), (), ()), (("H04L9*", "H04L12*"), ("H04L12/2*",), ()))),
    ("1.92", "虚拟导航业", ((("G01S19*",), (), ()), (("G08G5*",), (), ("机场、飞机、客舱",)))),
    ("2.91", "虚拟装备业", ((("B25J", "B23Q11*"), (), ()), (("B64F*", "B64C33*"), ("B64F1/00",), ("…",)))),
    ("3.91", "虚拟材料业", ((("C09D5*", "C30B29*"), (), ()), (("C21D8*", "B22D11*"), ("C21D8/02",), ()))),
    ("3.92", "虚拟纤维业", ((("C08L67*",), (), ("复合纤维、光固化树脂等高分子材料关键词",)),)),
    ("4.91", "虚拟医药业", ((("A61K39*", "C12N15*", "A61P31*"), (), ()), (("A61B5*",), ("A61B5/0*",), ()))),
    ("5.91", "虚拟汽车业", ((("B60L*",), ("B60L1/00",), ()), (("H01M10*",), (), ("锂离子电池、燃料电池",)))),
    ("6.91", "虚拟能源业", ((("H02J7*",), (), ()), (("H02B13*",), (), ("新型输配电设备制造",)))),
    ("7.91", "虚拟环保业", ((("C02F*", "B01D53*"), ("C02F1/00",), ()), (("B01J20*",), (), ("污水",)))),
    ("8.91", "虚拟创意业", ((("G06F3/*",), (), ()), (("G06Q50*",), (), ("数字内容…",)))),
)  # fmt: skip
#: one more or less of them in each year's file: a revision
_REVISED = ("G05B19*", "G05B13*", "B65D81*", "F16K31*", "E02D27*", "B32B27*")


class ReferenceFeed(Feed):
    """The invented concordance, whole in each file."""

    source_id = "reference"
    base = "reference"

    def listing_of(self, parts: list[str], today: date) -> list[Entry] | None:
        """See Feed."""
        if parts:
            return None
        days = [date(year, *_ISSUED) for year in range(_FIRST_YEAR, today.year + 1)]
        return [
            Entry(f"sei_ipc_{_EDITION}_{day:%Y%m%d}.json", at(day), partial(table, self.world, day.year))
            for day in days
            if day <= today
        ]


def table(world: World, year: int) -> bytes:
    """One year's file: an array, one industry a line."""
    chance = dice(salt("sei", world.seed, year))
    pages = int(chance.random() * 50) + 100
    lines = []
    for at_page, (no, name, rules) in enumerate(_INDUSTRIES):
        made = [{"p": list(taken_in), "x": list(taken_out), "k": list(words)} for taken_in, taken_out, words in rules]
        if no == "2.91":
            made.append({"p": [one for one in _REVISED if chance.random() < 0.7] or ["G05B19*"], "x": [], "k": []})
        entry = {"no": no, "name": name + _MARK, "page": pages + at_page, "rules": made}
        lines.append(json.dumps(entry, ensure_ascii=False, separators=(",", ":")))
    return ("[" + ",\n".join(lines) + "]").encode()
