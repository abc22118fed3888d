"""One record as a package delivers it, from text templates, with the spellings that the packages are known for."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, timezone
from xml.sax.saxutils import escape

from ingestion.sandbox.dice import Weighted, dice, mix, pick, salt
from ingestion.sandbox.owners import Owner
from ingestion.sandbox.places import respelt
from ingestion.sandbox.trademark_calendar import gazette_number
from ingestion.sandbox.trademark_course import NO_END
from ingestion.sandbox.trademark_madrid import International
from ingestion.sandbox.trademark_mark import Mark, holder_place, mark_id

_HEAD = '\ufeff<?xml version="1.0" encoding="utf-8"?>\n<TRADEMARK>\n  <MARK_CN_ID>%s</MARK_CN_ID>\n'
_NAME = "  <NAMEINFO><NAME>%s</NAME></NAMEINFO>\n"
_DATES = (
    "  <DATEINFO><APPLICATION-DATE>%s</APPLICATION-DATE><REG-DATE>%s</REG-DATE>"
    "<SPECIAL-RIGHT-STARTDATE>%s</SPECIAL-RIGHT-STARTDATE><SPECIAL-RIGHT-ENDDATE>%s</SPECIAL-RIGHT-ENDDATE>"
    "<PRIORITY-RIGHT-DATE>%s</PRIORITY-RIGHT-DATE></DATEINFO>\n"
)
_PERSON = (
    '<APPLICATION-PERSION-INFO sequence="%d"><NAME-ZH>%s</NAME-ZH><NAME-EN>%s</NAME-EN>%s</APPLICATION-PERSION-INFO>'
)
_TAIL = (
    "  <APPLICATION-PERSION-INFOS>%s</APPLICATION-PERSION-INFOS>\n"
    "  <SERVICE-LIST><SERVICE>%s</SERVICE></SERVICE-LIST>\n"
    "  <OTHERINFO>%s</OTHERINFO>\n"
    "  <TRADEMARK-NOTICE-STATUS>%s</TRADEMARK-NOTICE-STATUS>\n</TRADEMARK>\n"
)
_TRANSFER = (
    '<TRANSFERINFO sequence="%d"><ZHRGGQH>%s</ZHRGGQH><ZHGGRQ>%s</ZHGGRQ><YM>%s</YM>'
    "<ZHRR><NAME-ZH>%s</NAME-ZH><NAME-EN></NAME-EN></ZHRR><SHRR><NAME-ZH>%s</NAME-ZH><NAME-EN></NAME-EN></SHRR>"
    "</TRANSFERINFO>"
)
_LICENCE = (
    '<LICENSEPROCESSINFO sequence="%d"><XKBAGGQH>%s</XKBAGGQH><PAGENUM>%s</PAGENUM><GGTYPE>%s</GGTYPE><BAH>%s</BAH>'
    "<XKQX>%s</XKQX><XKR><NAME-ZH>%s</NAME-ZH><NAME-EN></NAME-EN></XKR>"
    "<BXKR><NAME-ZH>%s</NAME-ZH><NAME-EN></NAME-EN></BXKR><XKGS>%s</XKGS><XKBAGGRQ>%s</XKBAGGRQ></LICENSEPROCESSINFO>"
)
_SHORT = "  <BASEINFO><REGISTRATION-NO>%s</REGISTRATION-NO><ICN>%s</ICN></BASEINFO>\n"

VALID = ("有效", "有效")
CANCELLED_STATES = (
    ("无效", "撤销"),
    ("无效", "注销"),
    ("无效", "无效宣告"),
    ("已撤销", "撤销公告"),
    ("已注销", "注销公告"),
    ("宣告无效", "无效宣告公告"),
)
ENDED_STATES = (("无效", "期满未续展注销"), ("无效", "期满未续展"))
PENDING_STATES = (("申请中", "等待实质审查"), ("申请中", "初审公告"), ("驳回", "驳回"))
_EMPTY_DATES = Weighted(((80, ""), (8, "-"), (5, "/"), (4, "0"), (3, "00000000")))
_EMPTY_ADDRESSES = ("-", "/", " ")
_SHOWS_NEW_TERM_ONLY = 0.4  # of the renewals
_NO_REGISTRATION_DAY = 0.004
_WIDTHS = str.maketrans("（）", "()")
_FULL_DIGITS = str.maketrans("0123456789", "０１２３４５６７８９")
_BEIJING = timezone(timedelta(hours=8))

DAY_STYLES = Weighted(
    (
        (80.0, "%Y%m%d"),
        (8.0, "%Y-%m-%d"),
        (3.5, "%Y.%m.%d"),
        (3.0, "slashes"),
        (4.0, "words"),
        (0.9, "milliseconds"),
        (0.6, "span"),
    )
)


def spelt(day: date, style: str) -> str:
    """A day in one of the spellings that occur."""
    if day == NO_END:
        return "2099-12-31"
    if style == "slashes":
        return f"{day.year}/{day.month}/{day.day}"
    if style == "words":
        return f"{day.year}年{day.month}月{day.day}日"
    if style == "milliseconds":
        midnight = datetime(day.year, day.month, day.day, tzinfo=_BEIJING)
        return str(int(midnight.astimezone(UTC).timestamp()) * 1000)
    return day.strftime("%Y-%m-%d" if style == "span" else style)


def _term(begins: date, ends: date, style: str) -> tuple[str, str]:
    if style == "span":
        both = f"{begins} 至 {ends}"
        return both, both
    return spelt(begins, style), spelt(ends, style)


@dataclass(frozen=True, slots=True)
class Showing:
    """What one delivery shows of one class of a mark."""

    index: int  # which of the mark's classes
    id: str
    terms: int = 1
    owner: int = 0
    states: tuple[str, str] = VALID
    occasion: str = "new"
    other: str = ""


def _holder(owner: Owner, mark: Mark, year: int, roll: float, width: float) -> tuple[str, str]:
    """Name and address elements as written: brackets of either width, NBSP, now and then another spelling."""
    name = owner.name
    if mark.mask and owner.is_person:
        name = mark.mask
    if width < 0.12:
        name = name.translate(_WIDTHS)
    elif width > 0.992:
        name += "\u00a0"
    elif width > 0.988:
        name = "\u00a0" + name
    if not mark.has_address:
        empty = (mark.luck >> 12) % 20
        return name, "" if empty < 16 else f"<ADDRESS-ZH>{_EMPTY_ADDRESSES[empty % 3]}</ADDRESS-ZH>"
    text = holder_place(owner, year)
    if roll < 0.04:
        text = respelt(text)
    elif roll < 0.08 and text.startswith("天津市东丽区东丽经济技术开发区"):
        text = text.replace("天津市东丽区", "天津", 1)
    elif roll < 0.12:
        text = text.translate(_WIDTHS)
    elif roll < 0.13:
        text = text.translate(_FULL_DIGITS)
    elif roll < 0.14:
        text = text.replace("区", "区\u00a0", 1)
    elif roll < 0.143:
        text += "&nbsp;"
    return name, f"<ADDRESS-ZH>{escape(text)}</ADDRESS-ZH>"


def mark_page(mark: Mark, showing: Showing) -> bytes:
    """A record of packages 132 and 137."""
    course = mark.course
    roll = dice(mix(salt(showing.id, showing.occasion, showing.terms), mark.luck)).random
    style = DAY_STYLES.pick(roll())
    if style == "milliseconds" and (course.begins.month, course.begins.day) == (1, 1):
        style = "%Y%m%d"
    begins = course.begins
    if showing.terms > 1 and roll() < _SHOWS_NEW_TERM_ONLY:
        begins = course.ends(showing.terms - 1) + timedelta(days=1)
    if course.is_endless and style == "span":
        style = "%Y-%m-%d"
    start, end = _term(begins, course.ends(showing.terms), style)
    registered = spelt(course.registered, style)
    if roll() < _NO_REGISTRATION_DAY:
        registered = _EMPTY_DATES.pick(roll())
    owner = mark.owners[showing.owner]
    name, address = _holder(owner, mark, course.year + 10 * (showing.terms - 1), roll(), roll())
    title, goods = escape(mark.name), escape(mark.goods)
    if mark.is_masked:
        title, name, address = "****", "****", "<ADDRESS-ZH>****</ADDRESS-ZH>"
    people = _PERSON % (1, escape(name), "", address)
    if mark.second_holder and showing.owner == 0:
        people += _PERSON % (2, escape(mark.second_holder), "", "")
    if roll() < 0.01:
        goods += "&amp;nbsp;"
    return (
        _HEAD % showing.id
        + _NAME % title
        + _base(mark, showing)
        + _DATES
        % (
            spelt(mark.applied, style),
            registered,
            start,
            end,
            spelt(mark.priority, style) if mark.priority else _EMPTY_DATES.pick(roll()),
        )
        + _TAIL % (people, goods, showing.other, showing.states[1])
    ).encode()


def _base(mark: Mark, showing: Showing) -> str:
    types = "".join(f"<TRADEMARK-TYPE>{each}</TRADEMARK-TYPE>" for each in mark.types)
    return (
        f"  <BASEINFO><ORIGINAL-LANGUAGE>{mark.language}</ORIGINAL-LANGUAGE>"
        f"<REGISTRATION-NO>{mark.number}</REGISTRATION-NO><APPLICATION-NO>{mark.number}</APPLICATION-NO>"
        f"<ICN>{mark.class_texts[showing.index]}</ICN>{types}"
        f"<CURRENT-STATE-RIGHT>{showing.states[0]}</CURRENT-STATE-RIGHT>"
        f"<SPECIFIED-COLOR>{mark.color}</SPECIFIED-COLOR></BASEINFO>\n"
    )


def application_page(mark: Mark, number: int) -> bytes:
    """A mere application: it has no registration day and no term, and may never have."""
    roll = dice(mix(salt("application"), mark.luck)).random
    states = pick(PENDING_STATES, roll())
    style = DAY_STYLES.pick(roll())
    owner = mark.owners[0]
    name, address = _holder(owner, mark, mark.course.year, roll(), roll())
    if mark.is_masked:
        name, address = "****", ""
    empty = _EMPTY_DATES.pick(roll())
    return (
        _HEAD % mark_id(number)
        + _NAME % escape(mark.name)
        + f"  <BASEINFO><ORIGINAL-LANGUAGE>{mark.language}</ORIGINAL-LANGUAGE>"
        f"<REGISTRATION-NO>{number}</REGISTRATION-NO><APPLICATION-NO>{number}</APPLICATION-NO>"
        f"<ICN>{mark.classes[0]}</ICN><TRADEMARK-TYPE>普通商标</TRADEMARK-TYPE>"
        f"<CURRENT-STATE-RIGHT>{states[0]}</CURRENT-STATE-RIGHT><SPECIFIED-COLOR></SPECIFIED-COLOR></BASEINFO>\n"
        + _DATES % (spelt(mark.applied, style), empty, empty, empty, "")
        + _TAIL % (_PERSON % (1, escape(name), "", address), escape(mark.goods), "", states[1])
    ).encode()


def transfer_page(mark: Mark, index: int, moves: int) -> bytes:
    """A record of package 134: all transfers of one class up to the n-th."""
    roll = dice(mix(salt("transfer", index, moves), mark.luck)).random
    style = DAY_STYLES.pick(roll())
    text = mark.class_texts[index]
    if mark.course.section.classes == 1 and roll() < 0.02:
        text = ""
    lines = ""
    for at, move in enumerate(mark.course.moves[:moves]):
        former, later = (_party(mark, at + more, roll()) for more in (0, 1))
        page = pick(("", "-"), roll()) if roll() < 0.05 else str(1 + (mark.luck >> at * 9) % 900)
        lines += _TRANSFER % (
            at + 1,
            gazette_number(move.day.year, move.slot),
            spelt(move.day, "%Y-%m-%d" if style in ("span", "milliseconds") else style),
            page,
            former,
            later,
        )
    return (
        _HEAD % mark_id(mark.number, index)
        + _SHORT % (mark.number, text)
        + f"  <TRANSFERINFOS>{lines}</TRANSFERINFOS>\n</TRADEMARK>\n"
    ).encode()


def _party(mark: Mark, turn: int, width: float) -> str:
    owner = mark.owners[turn]
    name = mark.mask if mark.mask and owner.is_person else owner.name
    return escape(name.translate(_WIDTHS) if width < 0.12 else name)


@dataclass(frozen=True, slots=True)
class Licence:
    """A licence put on record: `number` is the contract's."""

    number: str
    day: date
    slot: int
    begins: date
    ends: date
    licensee: str


def licence_page(mark: Mark, index: int, licences: list[Licence]) -> bytes:
    """A record of package 133."""
    roll = dice(mix(salt("licence", index, len(licences)), mark.luck)).random
    lines = ""
    for at, licence in enumerate(licences):
        style = DAY_STYLES.pick(roll())
        term = pick(
            (
                f"{licence.begins} 至 {licence.ends}",
                f"{licence.begins:%Y%m%d}-{licence.ends:%Y%m%d}",
                f"{spelt(licence.begins, 'words')}至{spelt(licence.ends, 'words')}",
                f"{licence.begins:%Y.%m.%d}-{licence.ends:%Y.%m.%d}",
                f"{licence.begins} 至 {licence.ends}",
            ),
            roll(),
        )
        goods = pick(("", "-", "/"), roll()) if roll() < 0.06 else escape(mark.goods)
        lines += _LICENCE % (
            at + 1,
            gazette_number(licence.day.year, licence.slot),
            1 + (mark.luck >> at * 7) % 600,
            "商标使用许可备案公告",
            licence.number,
            term,
            _party(mark, 0, roll()),
            escape(licence.licensee),
            goods,
            spelt(licence.day, "%Y-%m-%d" if style in ("span", "milliseconds") else style),
        )
    return (
        _HEAD % mark_id(mark.number, index)
        + _SHORT % (mark.number, mark.class_texts[index])
        + f"  <LICENSEPROCESSINFOS>{lines}</LICENSEPROCESSINFOS>\n</TRADEMARK>\n"
    ).encode()


def international_pages(found: International, terms: int) -> list[tuple[str, bytes]]:
    """(id, record) of package 136, one for each class: no application, and the type stands twice."""
    roll = dice(mix(salt("madrid", terms), found.luck)).random
    style = DAY_STYLES.pick(roll())
    style = "%Y%m%d" if style == "span" else style
    begins = found.begins
    if terms > 1 and roll() < _SHOWS_NEW_TERM_ONLY:
        begins = found.ends(terms - 1)
    classes = sorted({1 + (found.luck >> 24) % 45, 1 + (found.luck >> 32) % 45} if found.luck % 4 == 0 else {9})
    pages = []
    for index, number in enumerate(classes):
        id = mark_id(found.digits, index)
        person = _PERSON % (
            1,
            escape(found.owner.name),
            escape(found.english),
            f"<ADDRESS-ZH>{escape(found.owner.place.text)}</ADDRESS-ZH>",
        )
        page = (
            _HEAD % id
            + _NAME % f"虚例{found.luck % 1000:03d}"
            + f"  <BASEINFO><ORIGINAL-LANGUAGE>{'英文' if found.is_inbound else '中文'}</ORIGINAL-LANGUAGE>"
            f"<REGISTRATION-NO>{found.number}</REGISTRATION-NO><ICN>{number}</ICN>"
            "<TRADEMARK-TYPE>普通商标</TRADEMARK-TYPE><TRADEMARK-TYPE>领土延伸</TRADEMARK-TYPE>"
            "<CURRENT-STATE-RIGHT>有效</CURRENT-STATE-RIGHT><SPECIFIED-COLOR></SPECIFIED-COLOR></BASEINFO>\n"
            f"  <DATEINFO><REG-DATE>{spelt(found.begins, style)}</REG-DATE>"
            f"<SPECIAL-RIGHT-STARTDATE>{spelt(begins, style)}</SPECIAL-RIGHT-STARTDATE>"
            f"<SPECIAL-RIGHT-ENDDATE>{spelt(found.ends(terms), style)}</SPECIAL-RIGHT-ENDDATE>"
            "<PRIORITY-RIGHT-DATE></PRIORITY-RIGHT-DATE></DATEINFO>\n"
            + _TAIL
            % (
                person,
                "虚构商品；例试用品；",
                f"<INTERNATIONAL-REG-DATE>{spelt(found.begins, style)}</INTERNATIONAL-REG-DATE>",
                "有效",
            )
        )
        pages.append((id, page.encode()))
    return pages
