"""Where owners sit, and how the feed spells it: districts, streets, zones, aliases, look-alikes, contradictions.

The districts, streets and zones are the true ones, in the shapes and shares of the true addresses. Roads, numbers and
firms are invented; the character 例 marks what does not exist.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from ingestion.sandbox.dice import Weighted, dice, mix, pick, salt
from ingestion.sandbox.targets import DISTRICTS, DONGLI, ELSEWHERE

# what an address tells about the place, for the census; the feed itself never says it
PLAIN, STREET, ZONE_OF_OTHER = "plain", "street", "zone_of_other"
CONTRADICTION, LOOKALIKE = "contradiction", "lookalike"
_COUNTY_OF_CONTRADICTIONS = "滨海新区"

# nobody can say from such an address whose it is: a zone of another district with a name that several zones have
DOUBTFUL_ZONE = "开发区西区"


@dataclass(frozen=True)
class Place:
    """An address as the office holds it. `text` has no post code; '' stands for a part that is not given."""

    province: str
    city: str
    county: str
    post_code: str
    text: str
    nature: str
    state: str = "CN"


_ROAD_HEADS = "津丽雪登成跃驯先福利汇平弘景华宝腾凯航开泰昆满旌栖程国"
_ROAD_TAILS = ("例路", "例道", "例经路", "例纬路", "例园路", "例泰道", "例公路", "例西道", "例环路", "例达道")
_BUILDINGS = (
    "",
    "",
    "",
    "",
    "",
    "",
    "",
    "A座",
    "2号楼",
    "办公楼301室",
    "G座2-3016室",
    "B座一层",
    "3号厂房",
    "4号楼2门",
    "(厂院内)",
)


def _road(roll: float, number: float) -> str:
    head = pick(_ROAD_HEADS, roll * 7 % 1)
    return f"{head}{pick(_ROAD_TAILS, roll)}{1 + int(number * number * 420)}号"


# (share in percent, spellings of the place after 东丽区, post codes, what it is)
_DONGLI: Weighted[tuple[tuple[str, ...], tuple[str, ...], str]] = Weighted(
    (share, (spellings, codes, nature))
    for share, spellings, codes, nature in (
        # another district administers these: thirteen in a hundred
        (
            6.6,
            ("空港经济区", "空港经济区", "空港经济区", "空港经济开发区", "空港区经济区", "天津空港经济区"),
            ("300308",),
            ZONE_OF_OTHER,
        ),
        (
            2.2,
            ("自贸试验区（空港经济区）", "天津自贸试验区(空港经济区)", "自贸试验区（空港经济区）"),
            ("300300", "300308"),
            ZONE_OF_OTHER,
        ),
        (1.0, ("航空物流区", "天津航空物流区"), ("300308",), ZONE_OF_OTHER),
        (0.8, ("综合保税区", "天津滨海新区综合保税区"), ("300308",), ZONE_OF_OTHER),
        (0.9, ("滨海高新区",), ("300457",), ZONE_OF_OTHER),
        (0.7, ("空港国际总部基地", "航例路空港国际总部基地A区"), ("300000", "300300"), ZONE_OF_OTHER),
        (0.8, ("开发区西区",), ("300457", "300462"), ZONE_OF_OTHER),
        (0.3, ("塘沽杭州道",), ("300451",), CONTRADICTION),
        # a third names its street, or the park that bears the street's name
        (5.0, ("华明高新技术产业区", "华明高新区", "华明高新园区", "华明工业园区"), ("300300", "300304"), STREET),
        (3.4, ("华明高新技术产业区", "华明工业园区", "华明高新区"), ("300300", "300000"), STREET),
        (5.6, ("华明街", "华明镇", "华明街道"), ("300300", "300304", "300000"), STREET),
        (4.2, ("军粮城街", "军粮城", "军粮城工业园区", "军粮城街道"), ("300301", "300000"), STREET),
        (3.2, ("新立街", "新立街道", "开发区新立街"), ("300300", "300000"), STREET),
        (3.2, ("无瑕街", "无瑕街道", "无暇街", "无霞街"), ("300301", "300300", "300000"), STREET),
        (3.0, ("东丽湖街道", "东丽湖", "东丽湖街", "东丽湖度假区"), ("300300", "300301"), STREET),
        (1.3, ("金桥街道", "金桥工业园", "金桥街"), ("300300", "300000"), STREET),
        (1.0, ("么六桥乡", "么六桥乡金桥工业园", "么六桥"), ("300300",), STREET),
        (1.0, ("金钟街", "金钟街道"), ("300240", "300000"), STREET),
        (0.9, ("万新街", "万新街道"), ("300162", "300000"), STREET),
        (0.6, ("张贵庄街", "张贵庄街道"), ("300300",), STREET),
        (0.4, ("丰年村街", "丰年村街道"), ("300300",), STREET),
        (0.4, ("华新街", "华新街道"), ("300300",), STREET),
        # and the rest names a park of the district's own, or only a road
        (
            9.5,
            ("东丽开发区", "东丽经济技术开发区", "经济开发区", "开发区", "东丽经济开发区"),
            ("300300", "300399"),
            PLAIN,
        ),
        (3.0, ("滨海重机工业园",), ("300301",), PLAIN),
        (1.6, ("临空经济区",), ("300300",), PLAIN),
        (0.6, ("航空新城",), ("300300",), PLAIN),
        (38.8, ("",), ("300300", "300300", "300300", "300000", "300301", "300163"), PLAIN),
    )
)

STREETS = (
    "张贵庄街道",
    "丰年村街道",
    "万新街道",
    "无瑕街道",
    "新立街道",
    "华明街道",
    "金钟街道",
    "军粮城街道",
    "金桥街道",
    "华新街道",
    "东丽湖街道",
)

# the true street and park behind each line of _DONGLI, in its order, as a register has them: the address may name
# neither. '' is none; a street of '?' is one of STREETS, by the owner's own luck.
_QUARTERS: tuple[tuple[str, str], ...] = (
    ("", "天津空港经济区"),
    ("", "天津空港经济区"),
    ("", "天津航空物流区"),
    ("", "天津综合保税区"),
    ("", "天津滨海高新区"),
    ("", "天津空港经济区"),
    ("", "天津开发区西区"),
    ("", ""),
    ("华明街道", "华明高新技术产业区"),
    ("华明街道", "华明高新技术产业区"),
    ("华明街道", ""),
    ("军粮城街道", "军粮城工业园区"),
    ("新立街道", ""),
    ("无瑕街道", ""),
    ("东丽湖街道", "东丽湖旅游度假区"),
    ("金桥街道", "金桥工业园"),
    ("金桥街道", "金桥工业园"),
    ("金钟街道", ""),
    ("万新街道", ""),
    ("张贵庄街道", ""),
    ("丰年村街道", ""),
    ("华新街道", ""),
    ("新立街道", "东丽经济技术开发区"),
    ("军粮城街道", "滨海重机工业园"),
    ("金钟街道", "临空经济区"),
    ("华新街道", "航空新城"),
    ("?", ""),
)

_TOWNS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "和平区": (("", "南营门街", "小白楼街", "劝业场街"), ("300020", "300000", "300041")),
    "河东区": (("", "大王庄街", "中山门街", "东新街"), ("300170", "300000", "300162")),
    "河西区": (("", "友谊路街", "大营门街", "陈塘科技商务区"), ("300202", "300000", "300210")),
    "南开区": (("", "", "学府街", "华苑街", "科技广场", "水上公园街"), ("300072", "300000", "300192", "300071")),
    "河北区": (("", "望海楼街", "金家窑大街", "建昌道街"), ("300140", "300000", "300150")),
    "红桥区": (("", "丁字沽街", "西于庄街"), ("300131", "300130", "300000")),
    "西青区": (
        ("", "杨柳青镇", "中北镇", "海泰工业园", "大寺镇", "张家窝镇", "王稳庄镇"),
        ("300384", "300387", "300380", "300000"),
    ),
    "津南区": (("", "海河教育园区", "双港镇", "咸水沽镇", "八里台镇", "北闸口镇"), ("300350", "300354", "300000")),
    "北辰区": (("", "双口镇", "北辰科技园区", "西堤头镇", "青光镇", "小淀镇"), ("300401", "300400", "300000")),
    "武清区": (("武清开发区", "", "下朱庄街", "京滨工业园", "王庆坨镇", "汊沽港镇"), ("301700", "301799", "301725")),
    "宝坻区": (("", "林亭口镇西", "节能环保工业区", "九园工业园", "塑料制品工业区"), ("301800", "301802")),
    "宁河区": (("", "现代产业区", "芦台镇", "潘庄工业区"), ("301500", "300000")),
    "静海区": (
        ("", "大邱庄镇", "蔡公庄镇", "双塘镇", "子牙循环经济产业区", "静海开发区"),
        ("301600", "301606", "301605"),
    ),
    "蓟州区": (("", "官庄镇", "邦均镇", "上仓镇工业园"), ("301900", "301914")),
}

_BINHAI: Weighted[tuple[str, tuple[str, ...]]] = Weighted(
    (share, (prefix, codes))
    for share, prefix, codes in (
        (24, "天津市滨海新区开发区", ("300457",)),
        (10, "天津市滨海新区高新区华苑产业区", ("300384", "300392")),
        (9, "天津市滨海新区经济技术开发区", ("300457", "300462")),
        (8, "天津市滨海新区塘沽", ("300450", "300451")),
        (7, "天津市滨海新区大港", ("300270", "300280")),
        (4, "天津市滨海新区汉沽", ("300480",)),
        (4, "天津市滨海新区中新生态城", ("300467",)),
        (5, "天津市滨海新区开发区西区", ("300462",)),
        (9, "天津市滨海新区空港经济区", ("300308",)),
        (3, "天津市滨海新区天津自贸试验区（空港经济区）", ("300308",)),
        (2, "天津市滨海新区自贸试验区（东疆保税港区）", ("300463",)),
        (2, "天津市滨海新区自贸试验区（中心商务区）", ("300450",)),
        (3, "天津市塘沽区", ("300450", "300451")),
        (4, "天津市大港区", ("300270",)),
        (6, "天津市滨海新区", ("300457", "300000")),
    )
)

_ELSEWHERE = Weighted(
    (share, place)
    for share, place in (
        (10, Place("北京市", "市辖区", "朝阳区", "100020", "北京市朝阳区", PLAIN)),
        (10, Place("北京市", "市辖区", "昌平区", "102200", "北京市昌平区", PLAIN)),
        (9, Place("江苏省", "徐州市", "泉山区", "221000", "江苏省徐州市泉山区", PLAIN)),
        (9, Place("河北省", "唐山市", "丰南区", "063300", "河北省唐山市丰南区", PLAIN)),
        (8, Place("辽宁省", "沈阳市", "铁西区", "110020", "辽宁省沈阳市铁西区", PLAIN)),
        (8, Place("山东省", "青岛市", "黄岛区", "266000", "山东省青岛市黄岛区", PLAIN)),
        (8, Place("广东省", "深圳市", "南山区", "518057", "广东省深圳市南山区", PLAIN)),
        (6, Place("安徽省", "合肥市", "蜀山区", "230031", "安徽省合肥市蜀山区", PLAIN)),
        (5, Place("", "", "", "", "日本东京都", PLAIN, "JP")),
        (4, Place("", "", "", "", "韩国京畿道", PLAIN, "KR")),
        (3, Place("", "", "", "", "德国慕尼黑", PLAIN, "DE")),
        # they only look like the district; the firm's name goes with the place
        (5, Place("", "", "", "", "日本东京都", LOOKALIKE, "JP")),
        (5, Place("江苏省", "南通市", "崇川区", "226010", "江苏省南通市经济技术开发区瑞例路301号", LOOKALIKE)),
        (5, Place("山东省", "青岛市", "黄岛区", "266000", "山东省青岛市黄岛区隐例街道车轮例路南端", LOOKALIKE)),
        (
            5,
            Place(
                "广东省",
                "深圳市",
                "龙岗区",
                "518000",
                "广东省深圳市龙岗区大鹏新区葵例街道东丽观海山庄C例型5栋",
                LOOKALIKE,
            ),
        ),
    )
)
LOOKALIKE_NAMES = {
    "日本东京都": "东丽例丝株式会社",
    "江苏省南通市经济技术开发区瑞例路301号": "东丽例织染（南通）有限公司",
    "山东省青岛市黄岛区隐例街道车轮例路南端": "山东丽例环境科技发展有限公司",
    "广东省深圳市龙岗区大鹏新区葵例街道东丽观海山庄C例型5栋": "深圳市宝例环保设备有限公司",
}

_COUNTIES_UNTIL = {"宁河区": ("宁河县", 2015), "静海区": ("静海县", 2015), "蓟州区": ("蓟县", 2016)}
_GOLDEN = 0.6180339887498949


def _stratified(salted: int, index: int) -> float:
    """Rolls that fill [0, 1) evenly as the index grows, so that shares hold for few owners as well as for many."""
    return (salted / 2**64 + index * _GOLDEN) % 1.0


@lru_cache(maxsize=20_000)
def seat(seed: int, district: int, index: int) -> tuple[Place, int]:
    """The address of one owner and which of the place's spellings it uses by habit."""
    rolls = dice(mix(salt(seed, "seat"), district, index)).random
    where = _stratified(salt(seed, "place", district), index)
    habit = int(rolls() * 60)
    number, road, building = rolls(), rolls(), pick(_BUILDINGS, rolls())
    code_roll = rolls()
    if district == ELSEWHERE:
        place = _ELSEWHERE.pick(where)
        if place.state == "CN" and place.nature == PLAIN:
            place = Place(
                place.province, place.city, place.county, place.post_code, place.text + _road(road, number), PLAIN
            )
        return place, habit
    county = DISTRICTS[district].name
    if county == "滨海新区":
        prefix, codes = _BINHAI.pick(where)
        text = prefix + _road(road, number) + building
        return Place("天津市", "市辖区", county, pick(codes, code_roll), text, PLAIN), habit
    if district == DONGLI:
        spellings, codes, nature = _DONGLI.pick(where)
        text = f"天津市东丽区{pick(spellings, habit / 60)}{_road(road, number)}{building}"
        if nature == CONTRADICTION:  # the office knows better than the one who wrote the address
            county = _COUNTY_OF_CONTRADICTIONS
        return Place("天津市", "市辖区", county, pick(codes, code_roll), text, nature), habit
    towns, codes = _TOWNS[county]
    text = f"天津市{county}{pick(towns, where)}{_road(road, number)}{building}"
    return Place("天津市", "市辖区", county, pick(codes, code_roll), text, PLAIN), habit


def quarter(seed: int, district: int, index: int) -> tuple[str, str]:
    """Street and park of the seat, by their official names: what a register knows and an address often leaves out."""
    where = _stratified(salt(seed, "place", district), index)
    if district == DONGLI:
        street, park = Weighted((share, known) for (share, _), known in zip(_DONGLI, _QUARTERS, strict=True)).pick(
            where
        )
        if street == "?":
            street = pick(STREETS, mix(salt(seed, "street"), index) / 2**64)
        return street, park
    towns = _TOWNS.get(DISTRICTS[district].name)
    town = pick(towns[0], where) if towns else ""
    is_park = any(word in town for word in ("区", "园", "广场"))
    return ("", town) if is_park else (town, "")


# one writer's other spelling of the same place, now and then
_RESPELT = (
    ("空港经济区", "空港区经济区"),
    ("华明高新技术产业区", "华明高新区"),
    ("华明高新区", "华明工业园区"),
    ("无瑕街", "无暇街"),
    ("军粮城街", "军粮城镇"),
    ("东丽经济技术开发区", "东丽开发区"),
    ("东丽开发区", "东丽区开发区"),
    ("自贸试验区（空港经济区）", "自贸试验区(空港经济区)"),
)


def respelt(text: str) -> str:
    for usual, other in _RESPELT:
        if usual in text and other not in text:
            return text.replace(usual, other, 1)
    return text


def as_of(place: Place, year: int) -> Place:
    """Three districts were counties until 2015 and 2016, and two districts were merged into one in 2009."""
    former = _COUNTIES_UNTIL.get(place.county)
    if former and year <= former[1]:
        text = place.text.replace("市" + place.county, "市" + former[0], 1)
        return Place(place.province, "县", former[0], place.post_code, text, place.nature)
    if place.county == "滨海新区":
        for old in ("塘沽区", "大港区"):
            if place.text.startswith("天津市" + old):
                if year <= 2017:  # the old names lived on for years
                    return Place(place.province, place.city, old, place.post_code, place.text, place.nature)
                text = place.text.replace("市" + old, "市滨海新区" + old[:2], 1)
                return Place(place.province, place.city, place.county, place.post_code, text, place.nature)
    return place
