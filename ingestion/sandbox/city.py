"""The synthetic city as its registers would know it: enterprises, schools, institutes and persons. Nothing is stored.

Further feeds (copyright, penalties, credit, finance, reports) build on this module:

    city = City(World(seed=1, scale=1.0))
    for firm in city.enterprises(DONGLI): ...       # targets.DONGLI; also schools(), persons()
    city.lookup("0/17")                             # by `Owner.key`; None when there is no such owner
    firm.name_on(day), firm.code, firm.seat, firm.seat_on(day), firm.street, firm.park, firm.industry

Everything is a pure function of seed, scale, district and index. The firms' codes are right by GB 32100 and GB 11714;
no code, name, person or address here exists (例 marks it).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from ingestion.sandbox import owners, places
from ingestion.sandbox.dice import mix, salt
from ingestion.sandbox.owners import Owner
from ingestion.sandbox.places import CONTRADICTION, LOOKALIKE, ZONE_OF_OTHER, Place
from ingestion.sandbox.targets import DISTRICTS, DONGLI, ELSEWHERE
from ingestion.sandbox.world import World

ENTERPRISE, UNIVERSITY, INSTITUTE, PERSON = "enterprise", "university", "institute", "person"

# class of GB/T 4754 and its name, by the trade in the firm's name
_INDUSTRIES: dict[str, tuple[str, str]] = {
    "科技": ("M75", "科技推广和应用服务业"),
    "机械": ("C34", "通用设备制造业"),
    "电缆": ("C38", "电气机械和器材制造业"),
    "汽车部件": ("C36", "汽车制造业"),
    "化工": ("C26", "化学原料和化学制品制造业"),
    "生物医药": ("C27", "医药制造业"),
    "仪器": ("C40", "仪器仪表制造业"),
    "环保设备": ("C35", "专用设备制造业"),
    "新材料": ("C30", "非金属矿物制品业"),
    "包装": ("C22", "造纸和纸制品业"),
    "自动化": ("C40", "仪器仪表制造业"),
    "钢管": ("C31", "黑色金属冶炼和压延加工业"),
    "电气": ("C38", "电气机械和器材制造业"),
    "软件": ("I65", "软件和信息技术服务业"),
    "食品": ("C14", "食品制造业"),
    "建筑工程": ("E48", "土木工程建筑业"),
    "轴承": ("C34", "通用设备制造业"),
    "航空设备": ("C37", "铁路、船舶、航空航天和其他运输设备制造业"),
    "阀门": ("C34", "通用设备制造业"),
    "照明": ("C38", "电气机械和器材制造业"),
    "焊接材料": ("C33", "金属制品业"),
    "物流装备": ("C35", "专用设备制造业"),
    "医疗器械": ("C35", "专用设备制造业"),
    "模具": ("C35", "专用设备制造业"),
    "水处理": ("D46", "水的生产和供应业"),
}
_MOVED_IN, _MOVED_OUT = 0.11, 0.015  # of the firms of the district, and of those of the others
_LETTERED_SINCE = 2016  # organisation codes begin with MA0 since the codes were unified
_SAFE = "0123456789ABCDEFGHJKLMNPQRTUWXY"  # no I, O, S, V, Z  # pragma: allowlist secret
_CODE_WEIGHTS = (1, 3, 9, 27, 19, 26, 16, 17, 20, 29, 25, 13, 8, 24, 10, 30, 28)
_ORGANISATION_WEIGHTS = (3, 7, 9, 10, 5, 8, 4, 2)
_NUMBERS, _LETTERS = 80_000_000, 31**5


def organisation_check(body: str) -> str:
    """GB 11714: digits count as themselves, A as 10 and so on; eleven less the rest, ten is X and eleven 0."""
    rest = 11 - sum(weight * int(letter, 36) for weight, letter in zip(_ORGANISATION_WEIGHTS, body, strict=True)) % 11
    return {10: "X", 11: "0"}.get(rest, str(rest))


def code_check(body: str) -> str:
    """GB 32100: the last of eighteen characters makes the weighted sum a multiple of 31."""
    rest = sum(weight * _SAFE.index(letter) for weight, letter in zip(_CODE_WEIGHTS, body, strict=True)) % 31
    return _SAFE[-rest % 31]


def _organisation_code(number: int, seed: int, founded: int) -> str:
    """One for each number: multiplying by what is prime to the room never meets itself."""
    if founded < _LETTERED_SINCE:
        body = f"{10_000_000 + (number * 48_271 + salt(seed, 'organisations')) % _NUMBERS:08d}"
    else:
        left, body = (number * 48_271 + salt(seed, "organisations")) % _LETTERS, ""
        for _ in range(5):
            left, digit = divmod(left, 31)
            body = _SAFE[digit] + body
        body = "MA0" + body
    return body + organisation_check(body)


def _unified_code(category: str, division: str, organisation: str) -> str:
    body = category + division + organisation
    return body + code_check(body)


@dataclass(frozen=True)
class Registered:
    """An owner as a register has it. '' stands for what it does not have; `code` is '' for persons and abroad.

    `seat` is the last seat; `came_from` is an earlier one in another district and the day on which it was left.
    """

    owner: Owner
    kind: str
    district: int
    code: str
    organisation_code: str
    founded: date
    street: str
    park: str
    industry_code: str
    industry: str
    came_from: tuple[Place, date] | None = None

    @property
    def key(self) -> str:
        return self.owner.key

    @property
    def name(self) -> str:
        return self.owner.name

    @property
    def former_names(self) -> tuple[tuple[str, date], ...]:
        """Earlier names, oldest first, each with the day from which the next one held."""
        return self.owner.former

    def name_on(self, day: date) -> str:
        return self.owner.name_on(day)

    @property
    def seat(self) -> Place:
        return self.owner.place

    def seat_on(self, day: date) -> Place:
        if self.came_from and day < self.came_from[1]:
            return self.came_from[0]
        return self.owner.place


class City:
    """The registers of one world."""

    def __init__(self, world: World) -> None:
        self.world = world

    def enterprises(self, district: int) -> Iterator[Registered]:
        """All enterprises of a district, each once, in the order of their index."""
        seen: set[str] = set()
        for index in range(owners.firms(district, self.world.scale)):
            found = self.enterprise(district, index)
            if found.key not in seen:  # elsewhere some few look-alikes hold several indices
                seen.add(found.key)
                yield found

    def enterprise(self, district: int, index: int) -> Registered:
        """The n-th enterprise of a district."""
        seed = self.world.seed
        owner = owners.firm(seed, district, index)
        luck = mix(salt(seed, "register"), district, index)
        trade = owners.trade_of(seed, district, index)
        industry_code, industry = _INDUSTRIES[trade]
        year = owners.appears(district, index, self.world.scale) - luck % 9
        if owner.former:
            year = min(year, owner.former[0][1].year - 1)
        founded = date(year, 1 + (luck >> 8) % 12, 1 + (luck >> 12) % 28)
        street, park = places.quarter(seed, district, index)
        home = owner.place
        code = organisation = ""
        came_from = None
        if home.state == "CN" and home.nature != LOOKALIKE:
            organisation = _organisation_code(index * len(DISTRICTS) + district, seed, year)
            division, former = self._division(district, home, luck)
            if former is not None:
                earlier, _ = places.seat(seed, former, 60_000 + index)
                left = date(year, 12, 28) if year < 2006 else date(year, founded.month, 28)
                came_from = (earlier, left)
            code = _unified_code("91", division, organisation)
        elif home.state == "CN":
            organisation = _organisation_code(index * len(DISTRICTS) + district, seed, year)
            code = _unified_code("91", "320600", organisation)
            street = park = ""
        return Registered(
            owner, ENTERPRISE, district, code, organisation, founded, street, park, industry_code, industry, came_from
        )

    def _division(self, district: int, home: Place, luck: int) -> tuple[str, int | None]:
        """Six digits of the district that registered the firm, and that district when the firm has since moved."""
        roll = (luck >> 20) % 10_000 / 10_000
        if district == ELSEWHERE:
            return {"北京市": "110105", "江苏省": "320311", "河北省": "130207", "辽宁省": "210106"}.get(
                home.province, "370211"
            ), None
        if district == DONGLI:
            if home.nature in (ZONE_OF_OTHER, CONTRADICTION):
                return "120116" if roll < 0.8 else "120118", None
            if roll < _MOVED_IN:
                former = 1 + (luck >> 40) % (len(DISTRICTS) - 2)
                return DISTRICTS[former].code, former
        elif roll < _MOVED_OUT:
            return DISTRICTS[DONGLI].code, DONGLI
        return DISTRICTS[district].code, None

    def schools(self, district: int) -> Iterator[Registered]:
        """Universities and institutes of a district."""
        for index in range(owners.schools(district)):
            owner = owners.school(self.world.seed, district, index)
            is_university = owner.name.endswith("大学")
            number = 60_000_000 + index * len(DISTRICTS) + district
            organisation = _organisation_code(number, self.world.seed, 1950)
            division = DISTRICTS[district].code or "100000"
            yield Registered(
                owner,
                UNIVERSITY if is_university else INSTITUTE,
                district,
                _unified_code("12", division, organisation),
                organisation,
                date(1951 + index * 4, 9, 1),
                "",
                "",
                "P83" if is_university else "M73",
                "教育" if is_university else "研究和试验发展",
            )

    def persons(self, district: int) -> Iterator[Registered]:
        """Natural persons that may own something: no code, no industry."""
        for index in range(owners.persons(district, self.world.scale)):
            owner = owners.person(self.world.seed, district, index)
            yield Registered(owner, PERSON, district, "", "", date(1970, 1, 1), "", "", "", "")

    def lookup(self, key: str) -> Registered | None:
        """By `Owner.key`; None when the world has no such owner."""
        where, _, which = key.partition("/")
        if not where.isdecimal() or int(where) >= len(DISTRICTS):
            return None
        district = int(where)
        if which.startswith(("s", "p")) and which[1:].isdecimal():
            everybody = self.schools(district) if which[0] == "s" else self.persons(district)
            return next((found for found in everybody if found.key == key), None)
        if which.isdecimal():
            inside = int(which) < owners.firms(district, self.world.scale)
            found = self.enterprise(district, int(which)) if inside else None
            return found if found is not None and found.key == key else None
        return next((found for found in self.enterprises(district) if found.key == key), None)
