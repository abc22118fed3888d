"""Who owns the patents: invented enterprises, schools, institutes and persons, a few busy ones and a long tail."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache

from ingestion.sandbox.dice import mix, pick, salt
from ingestion.sandbox.places import CONTRADICTION, DOUBTFUL_ZONE, LOOKALIKE, LOOKALIKE_NAMES, Place, seat
from ingestion.sandbox.targets import DISTRICTS, DONGLI, ELSEWHERE

_SYLLABLES = "子丑寅卯辰巳午未申酉戌亥甲乙丙丁戊己庚辛壬癸宇宙洪荒盈昃列张寒暑秋收冬藏闰余律吕"
_TRADES = (
    "科技",
    "机械",
    "电缆",
    "汽车部件",
    "化工",
    "生物医药",
    "仪器",
    "环保设备",
    "新材料",
    "包装",
    "自动化",
    "钢管",
    "电气",
    "软件",
    "食品",
    "建筑工程",
    "轴承",
    "航空设备",
    "阀门",
    "照明",
    "焊接材料",
    "物流装备",
    "医疗器械",
    "模具",
    "水处理",
)
_GIVEN = "安宁文博雅清怡然子涵一诺思远嘉禾景行知秋若水明哲望舒长青"
_NAMES = 40 * 40 * 25  # two syllables and a trade
_FIRMS_OF_DONGLI = 1150
_FIRST_FIRMS = 0.22  # share of the firms that were there in 2006; the others appear year by year
_TAIL = 2.3

# invented schools and institutes, and the share of the district's inventions that is theirs
_SCHOOLS: dict[str, tuple[float, tuple[str, ...]]] = {
    "东丽区": (0.26, ("中国例航大学", "天津例技研究院", "中国例航集团第九八七研究所", "清例高端装备研究院（天津）")),
    "南开区": (0.62, ("例开大学", "天津例学大学", "中国例器集团第九一八研究所")),
    "西青区": (0.40, ("天津例工大学", "天津例师大学")),
    "津南区": (0.35, ("例开大学", "天津例职大学")),
    "北辰区": (0.30, ("例北工业大学", "天津例商大学")),
    "河西区": (0.25, ("天津例科大学", "天津例医大学")),
    "红桥区": (0.55, ("中国例船集团第九〇七研究所", "天津例化设计院有限公司")),
    "滨海新区": (0.08, ("天津例科大学滨海研究院", "例海石油研究院（天津）有限公司")),
    "外省市": (0.20, ("中国例业大学", "例东大学")),
}


@dataclass(frozen=True)
class Owner:
    """Who owns something; `key` is unique in the synthetic world. `name` is the last one, of today and later.

    `former` are the names before it, oldest first, each with the day from which the next one held.
    """

    key: str
    name: str
    place: Place
    is_person: bool = False
    former: tuple[tuple[str, date], ...] = ()

    def name_on(self, day: date) -> str:
        """The name as of a day."""
        return next((name for name, until in self.former if day < until), self.name)


def firms(district: int, scale: float) -> int:
    """How many enterprises a district has at that scale: `firm(seed, district, 0)` up to this number."""
    return _scaled(district, scale)


def persons(district: int, scale: float) -> int:
    """How many natural persons may own something in a district at that scale."""
    return 2 * _scaled(district, scale)


def appears(district: int, index: int, scale: float) -> int:
    """The first year in which the firm may own a patent."""
    share = index / _scaled(district, scale)
    return 2006 + max(0, int(20 * (share - _FIRST_FIRMS) / (1 - _FIRST_FIRMS)))


def _scaled(district: int, scale: float) -> int:
    weight = DISTRICTS[district].weight
    return max(12, round(_FIRMS_OF_DONGLI * weight * scale))


def _word_and_trade(seed: int, district: int, index: int) -> tuple[str, int]:
    """Together unique by construction: the number of the firm, shuffled, is written in syllables and a trade."""
    block, number = divmod(index * len(DISTRICTS) + district, _NAMES)
    number = (number * 7919 + salt(seed, "names")) % _NAMES
    first, number = number % 40, number // 40
    second, trade = number % 40, number // 40
    return f"例{_SYLLABLES[first]}{_SYLLABLES[second]}{_syllables(block)}", trade


def trade_of(seed: int, district: int, index: int) -> str:
    """What the firm's name says that it does."""
    return _TRADES[_word_and_trade(seed, district, index)[1]]


def _former(seed: int, district: int, index: int) -> tuple[tuple[str, date], ...]:
    """Names before the last one: none for most, one for some, two for a few. As unique as the name itself."""
    luck = mix(salt(seed, "former names"), district, index)
    changes = 2 if luck % 1000 < 12 else 1 if luck % 1000 < 75 else 0
    if not changes:
        return ()
    word, trade = _word_and_trade(seed, district, index)
    begin = date(2008, 3, 1) + timedelta(days=(luck >> 12) % 5000)
    where = "" if district == ELSEWHERE else "天津市"
    oldest = f"{where}{word}{_TRADES[trade]}厂"
    if changes == 1 and luck >> 60 & 1:
        oldest = f"{where}{word}{_TRADES[trade]}有限责任公司"
    if changes == 1:
        return ((oldest, begin),)
    return ((oldest, begin), (f"{where}{word}{_TRADES[trade]}有限责任公司", begin + timedelta(days=900)))


def _name(seed: int, district: int, index: int) -> str:
    word, trade = _word_and_trade(seed, district, index)
    form = mix(salt(seed, "form"), district, index) % 20
    if district == ELSEWHERE:
        city = ("北京", "唐山", "青岛", "沈阳", "合肥", "深圳")[form % 6]
        return f"{city}{word}{_TRADES[trade]}有限公司"
    if form < 3:
        return f"{word}（天津）{_TRADES[trade]}有限公司"
    if form == 3:
        return f"天津市{word}{_TRADES[trade]}集团（控股）有限公司"
    if form < 7:
        return f"天津市{word}{_TRADES[trade]}有限公司"
    if form == 7:
        return f"天津{word}{_TRADES[trade]}股份有限公司"
    return f"天津{word}{_TRADES[trade]}有限公司"


def _syllables(number: int) -> str:
    word = ""
    while number:
        word += _SYLLABLES[number % 40]
        number //= 40
    return word


@lru_cache(maxsize=20_000)
def firm(seed: int, district: int, index: int) -> Owner:
    place, _ = seat(seed, district, index)
    if place.nature == LOOKALIKE:
        name = LOOKALIKE_NAMES[place.text]
        return Owner(f"{district}/{name}", name, place)
    return Owner(f"{district}/{index}", _name(seed, district, index), place, former=_former(seed, district, index))


def schools(district: int) -> int:
    """How many universities and institutes the district has."""
    found = _SCHOOLS.get(DISTRICTS[district].name)
    return len(found[1]) if found else 0


def school(seed: int, district: int, index: int) -> Owner:
    """A university or an institute of the district."""
    return _school(seed, district, index)


def _is_contradicted(place: Place) -> bool:
    return place.nature == CONTRADICTION


def _is_doubtful(place: Place) -> bool:
    return place.county == DISTRICTS[DONGLI].name and DOUBTFUL_ZONE in place.text


@lru_cache(maxsize=200)
def _firms_where(seed: int, test: Callable[[Place], bool]) -> tuple[int, ...]:
    """The first few firms of the district whose address is of that kind."""
    return tuple([index for index in range(2_000) if test(seat(seed, DONGLI, index)[0])][:9])


def contradicted_firm(seed: int, luck: int) -> Owner:
    """A firm whose county says one place and whose address says another."""
    indices = _firms_where(seed, _is_contradicted)
    return firm(seed, DONGLI, indices[luck % len(indices)])


def doubtful_firm(seed: int, luck: int) -> Owner:
    """A firm of which nobody can say from its address whose it is."""
    indices = _firms_where(seed, _is_doubtful)
    return firm(seed, DONGLI, indices[luck % len(indices)])


def plain_firm(seed: int, district: int, index: int) -> Owner:
    """The firm, or the next one whose address contradicts nothing and leaves no doubt."""
    found = firm(seed, district, index)
    is_odd = _is_contradicted(found.place) or _is_doubtful(found.place)
    return firm(seed, district, index + 1) if is_odd else found


@lru_cache(maxsize=200)
def _school(seed: int, district: int, index: int) -> Owner:
    name = _SCHOOLS[DISTRICTS[district].name][1][index]
    if district == DONGLI:
        # the four of the district have their seats by hand: they hold a quarter of its inventions
        text, code, nature = (
            ("天津市东丽区津例公路2898号", "300300", "plain"),
            ("天津市东丽区空港经济区西例道32号", "300308", "zone_of_other"),
            ("天津市东丽区程例庄道65号", "300162", "plain"),
            ("天津市东丽区华明高新技术产业区华例路6号F座", "300300", "street"),
        )[index]
        return Owner(f"{district}/s{index}", name, Place("天津市", "市辖区", "东丽区", code, text, nature))
    # a school has a plain address: the first seats of the list that are not look-alikes
    for at in range(10_000 + index * 50, 10_050 + index * 50):
        place, _ = seat(seed, district, at)
        if place.nature != LOOKALIKE and place.state == "CN":
            return Owner(f"{district}/s{index}", name, place)
    raise AssertionError("fifty seats in a row abroad")


def _person(seed: int, district: int, index: int) -> Owner:
    number = mix(salt(seed, "person"), district, index)
    name = "例" + pick(_GIVEN, number % 9973 / 9973) + pick(_GIVEN, number // 9973 % 9967 / 9967)
    place, _ = seat(seed, district, 20_000 + index)
    if place.nature == LOOKALIKE:
        place, _ = seat(seed, district, 30_000)
    elif _is_contradicted(place) or _is_doubtful(place):
        place, _ = seat(seed, district, 20_001 + index)
    return Owner(f"{district}/p{index}", name, place, True)


def person(seed: int, district: int, index: int) -> Owner:
    """A natural person; the names are invented and begin with 例."""
    return _person(seed, district, index)


def first_owner(
    seed: int, scale: float, family: str, district: int, year: int, roll: Callable[[], float], is_design: bool
) -> Owner:
    """Draws the first owner of one document. Uses three rolls always, so that what follows stays where it was."""
    kind, which, which_person = roll(), roll(), roll()
    schools = _SCHOOLS.get(DISTRICTS[district].name)
    by_persons = 0.33 if is_design else 0.15 if family == "utility" else 0.10
    if kind < by_persons:
        return _person(seed, district, int(which_person * persons(district, scale)))
    share = 0.0
    if schools:
        share = schools[0] * (1.0 if family in ("published", "granted") else 0.0 if is_design else 0.12)
    if schools and kind < by_persons + share:
        return _school(seed, district, int(which * which * len(schools[1])))
    there = min(1.0, max(_FIRST_FIRMS, _FIRST_FIRMS + (1 - _FIRST_FIRMS) * (year - 2006) / 20))
    return plain_firm(seed, district, int(_scaled(district, scale) * there * which**_TAIL))


def co_owner(seed: int, scale: float, district: int, roll: Callable[[], float], day: date) -> str:
    """The name, on a day, of a second or third owner: often next door, sometimes a mother company or a person."""
    kind, which = roll(), roll()
    if kind < 0.45:
        return firm(seed, district, int(_scaled(district, scale) * which)).name_on(day)
    if kind < 0.80:
        other = int(which * len(DISTRICTS))
        return firm(seed, other, int(_scaled(other, scale) * (which * 977 % 1) ** 2)).name_on(day)
    return _person(seed, district, int(which * persons(district, scale))).name
