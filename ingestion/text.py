"""Cleaning of texts, dates and codes. What stands for nothing becomes None; amounts and counts never come here."""

from __future__ import annotations

import re
from datetime import date, timedelta
from functools import lru_cache

#: in texts, dates and codes these stand for nothing; an amount or a count of 0 is a value
MISSING = frozenset({"", "-", "/", "0", "00000000", "0000000000"})

#: "no end"; never a real day
NO_END = date(2099, 12, 31)

_EPOCH = date(1970, 1, 1)

_SPACES = "\u00a0\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000\t\r\n\v\f\u0085"
_DROPPED = "\u200b\u200c\u200d\u2060\ufeff\u00ad"
_TABLE: dict[int, str | None] = {
    **{ord(char): " " for char in _SPACES},
    **{ord(char): None for char in _DROPPED},
    **{code: None for code in range(0x20) if chr(code) not in _SPACES},
    **{code: None for code in range(0x7F, 0xA0) if chr(code) not in _SPACES},
    0x2011: "-",  # non-breaking hyphen
    **{0xFF10 + i: str(i) for i in range(10)},
    **{0xFF21 + i: chr(0x41 + i) for i in range(26)},
    **{0xFF41 + i: chr(0x61 + i) for i in range(26)},
}
# searched first: to look up each character of each text in a table is what takes time
_UNCLEAN = re.compile(
    "[\x00-\x1f\x7f-\xa0\xad\u2000-\u200d\u2011\u202f\u205f\u2060\u3000\ufeff\uff10-\uff19\uff21-\uff3a\uff41-\uff5a]"
)
_WIDE_BRACKET = re.compile("[（）［］｛｝]")
_BRACKETS = str.maketrans({"（": "(", "）": ")", "［": "[", "］": "]", "｛": "{", "｝": "}"})
_BLANKS = re.compile(r" {2,}")
_NBSP = re.compile(r"&(?:amp;)?nbsp;?", re.IGNORECASE)
_MARKUP = re.compile(r"""</?[A-Za-z][\w:.-]*(?:\s+[\w:.-]+\s*=\s*(?:"[^"<>]*"|'[^'<>]*'))*\s*/?>""")
_SEPARATORS = re.compile(r"[;；]")
_TRAILING = re.compile(r"[\s;；]+$")
_HAN = "\u3400-\u4dbf\u4e00-\u9fff"
_HAN_BLANK = re.compile(rf"(?<=[{_HAN}()]) +(?=[{_HAN}()])")

_PLAIN_POST_CODE = re.compile(r"\d{6}", re.ASCII)
_IPC = re.compile(
    r"([A-H])\s*(\d{2})\s*([A-Z])\s*(\d{1,4})\s*/\s*(\d{1,6})(?:\s*\(\d{4}\.\d{2}\))?\s*[A-Z]{0,2}", re.ASCII
)
_LOCARNO = re.compile(r"(\d{2})-(\d{2})(?:\s*\(\d{1,2}\))?", re.ASCII)
_AGENCY_CODE = re.compile(r"\s*\d{4,6}$", re.ASCII)

_DATE = re.compile(r"(\d{4})(?:(\d{2})(\d{2})|([./-])(\d{1,2})\4(\d{1,2})|年(\d{1,2})月(\d{1,2})日?)", re.ASCII)
_DATE_SIGNS = str.maketrans("．／－", "./-", " ")
_TIME = re.compile(r"[ T]\d{1,2}:\d{2}(?::\d{2}(?:\.\d+)?)?$", re.ASCII)
_MILLISECONDS = re.compile(r"-?\d{11,13}", re.ASCII)
_PERIOD = re.compile(r"(.+?)\s*(?:至|~|～|—{1,2})\s*(.+)")


# nothing of what is cleaned away: most texts are like this, and one look at them is cheaper than ten
_PLAIN = re.compile(r"[A-Za-z0-9\u3400-\u9fff.,、，。()-]+")


def clean(text: str | None) -> str | None:
    """One line of text: half-width digits and letters, plain blanks, no control characters; None if missing."""
    if text is None or text in MISSING:
        return None
    if _PLAIN.fullmatch(text):
        return text
    if "&" in text:
        text = _NBSP.sub(" ", text)
    if _UNCLEAN.search(text):
        text = text.translate(_TABLE)
    if "  " in text:
        text = _BLANKS.sub(" ", text)
    text = text.strip()
    if text[-1:] in ";；":
        text = _TRAILING.sub("", text)
    return None if text in MISSING else text


def clean_title(text: str | None) -> str | None:
    """A title with its markup stripped to text: `Al<base:Sup>3+</base:Sup>` → `Al3+`."""
    if text is not None and "<" in text:
        text = _MARKUP.sub("", text)
    return clean(text)


def clean_name(text: str | None) -> str | None:
    """A name or an address: as clean, and brackets half width, blanks between Chinese characters removed.

    Full- and half-width brackets mix within one document, so one owner would be two without this.
    """
    if text is not None and _PLAIN.fullmatch(text):
        return None if text in MISSING else text
    text = clean(text)
    if text is None:
        return None
    if _WIDE_BRACKET.search(text):
        text = text.translate(_BRACKETS)
    if " " in text:
        text = _HAN_BLANK.sub("", text)
    if text.startswith("??"):  # an EN SPACE that did not survive the crawler's encoding
        text = text[2:].strip()
    return None if text in MISSING else text


@lru_cache(maxsize=16384)
def clean_place_name(text: str | None) -> str | None:
    """As clean_name, remembered: for the few thousand names of provinces, cities and counties."""
    return clean_name(text)


def split_names(text: str | None) -> list[str]:
    """Names of one cell, `A;??B；` → [A, B], in order."""
    if text is None:
        return []
    if ";" not in text and "；" not in text and "&" not in text:
        name = clean_name(text)
        return [] if name is None else [name]
    return [name for part in _SEPARATORS.split(_NBSP.sub(" ", text)) if (name := clean_name(part)) is not None]


def clean_code(text: str | None) -> str | None:
    """A code: as clean, without any blank, upper case."""
    if text is None or text in MISSING:
        return None
    text = clean(text)
    return None if text is None else text.replace(" ", "").upper()


def split_post_code(text: str | None) -> tuple[str | None, str | None]:
    """`300300天津市东丽区…` → (`300300`, `天津市东丽区…`); no post code in front → (None, the address)."""
    if text is not None and text[6:7] == " " and _PLAIN_POST_CODE.match(text):  # as the XML feed writes it
        return (None if text.startswith("000000") else text[:6]), clean_name(text[7:])
    text = clean_name(text)
    if text is None:
        return None, None
    code = text[:6]
    if len(code) < 6 or not (code.isascii() and code.isdigit()) or text[6:7].isdecimal():
        return None, text
    rest = text[6:].strip()
    return (None if code == "000000" else code), (None if rest in MISSING else rest)


def post_code(text: str | None) -> str | None:
    """Six digits, else None: `0` and shortened ones are nothing."""
    if text is None or text in MISSING:
        return None
    if not _PLAIN_POST_CODE.fullmatch(text):
        text = clean_code(text)
    return text if text is not None and _PLAIN_POST_CODE.fullmatch(text) and text != "000000" else None


def ipc_codes(text: str | None) -> list[str]:
    """`G01C21/32(2006.01)I;??H05K 1/02` → [`G01C21/32`, `H05K1/02`]. What is no IPC symbol is left out."""
    if text is None:
        return []
    codes = []
    for part in _SEPARATORS.split(text):
        code = ipc_code(part)
        if code is not None and code not in codes:
            codes.append(code)
    return codes


@lru_cache(maxsize=65536)
def ipc_code(text: str | None) -> str | None:
    """The normal form of one symbol, `H05K    1/02    (2006.01)` → `H05K1/02`; None when it is none."""
    cleaned = clean(text)
    if cleaned is None:
        return None
    found = _IPC.fullmatch(cleaned.lstrip("? ").upper())
    return f"{found[1]}{found[2]}{found[3]}{found[4]}/{found[5]}" if found else None


def locarno_codes(text: str | None) -> list[str]:
    """`07-02 (12);??08-05 (12)` → [`07-02`, `08-05`]. What is no Locarno class is left out."""
    if text is None:
        return []
    codes = []
    for part in _SEPARATORS.split(text):
        found = _LOCARNO.fullmatch((clean(part) or "").lstrip("? "))
        if found and (code := f"{found[1]}-{found[2]}") not in codes:
            codes.append(code)
    return codes


@lru_cache(maxsize=16384)
def agency_name(text: str | None) -> str | None:
    """`某某专利代理有限公司 44334` → without the agency's code."""
    text = clean_name(text)
    if text is None or not text[-1].isdecimal():
        return text
    return clean_name(_AGENCY_CODE.sub("", text))


class BadDate(ValueError):
    """A text that is not missing and is no day of the calendar."""


@lru_cache(maxsize=65536)
def parse_date(text: str | None) -> date | None:
    """A day in any of the shapes in use; None when missing; BadDate when it is something else.

    `20190709`, `2019.07.09`, `2019-07-09`, `2019/7/9`, `2019年7月9日`, with or without a time of day, and milliseconds
    since 1970 (the day in Beijing). `2099-12-31` comes back as it is: see NO_END.
    """
    cleaned = clean_code_of_date(text)
    if cleaned is None:
        return None
    found = _DATE.fullmatch(cleaned)
    if found:
        year, month, day = found[1], found[2] or found[5] or found[7], found[3] or found[6] or found[8]
        try:
            return date(int(year), int(month), int(day))
        except ValueError:
            raise BadDate(text) from None
    if _MILLISECONDS.fullmatch(cleaned):
        try:
            # Beijing has been at UTC+8 without summer time since 1992
            return _EPOCH + timedelta(milliseconds=int(cleaned) + 8 * 3_600_000)
        except OverflowError:
            raise BadDate(text) from None
    raise BadDate(text)


def parse_period(text: str | None) -> tuple[date | None, date | None]:
    """`2012-11-21 至 2022-11-20` → both days; an end of 2099-12-31 means no end and is None. One day alone = start."""
    cleaned = clean(text)
    if cleaned is None:
        return None, None
    found = _PERIOD.fullmatch(cleaned)
    start, end = (found[1], found[2]) if found else (cleaned, None)
    end_day = parse_date(end)
    return parse_date(start), None if end_day == NO_END else end_day


def clean_code_of_date(text: str | None) -> str | None:
    """The day part of a date text without blanks; None if missing."""
    cleaned = clean(text)
    if cleaned is None:
        return None
    if ":" in cleaned:
        cleaned = _TIME.sub("", cleaned)
    return cleaned.translate(_DATE_SIGNS)
