"""A second reading of the concordance in plain Python: one document, one rule, one code at a time; no SQL shared."""

from __future__ import annotations

from dataclasses import dataclass, field

LETTERS_AND_DIGITS = set("abcdefghijklmnopqrstuvwxyz0123456789+#")
CUT = ("…", "⋯", "..")
DESCRIBING = ("的", "及", "或", "和", "与", "相关", "领域", "关键词", "用于", "不含", "以外", "除")
# 等 is part of the word
LIKE_BEFORE = "高中初同均相平对优"
LIKE_AFTER = (
    "离子",
    "温",
    "压",
    "效",
    "静",
    "径",
    "轴",
    "高",
    "速",
    "位",
    "距",
    "电",
    "比",
    "量",
    "级",
    "规",
    "熵",
    "张",
)


@dataclass(frozen=True)
class Rule:
    industry_no: str
    rule_no: int
    taken_in: tuple[str, ...]
    taken_out: tuple[str, ...] = ()
    keyword: str | None = None


@dataclass(frozen=True)
class Document:
    version: str
    codes: tuple[str, ...]
    title: str | None


@dataclass
class Condition:
    kind: str
    words: list[str] = field(default_factory=list)


def split_symbol(symbol: str) -> tuple[str, str, str | None, str | None]:
    """(class, subclass, main group, subgroup); group parts None where the symbol does not go that far."""
    head, tail = symbol[:4], symbol[4:]
    group, slash, subgroup = tail.partition("/")
    return head[:3], head[3:], group or None, subgroup if slash else None


def covers(pattern: str, code: str) -> bool:
    """Does a pattern take a document's code in: level by level, as the classification is built."""
    star = pattern.endswith("*")
    wanted, given = split_symbol(pattern.rstrip("*")), split_symbol(code)
    if wanted[0] != given[0]:
        return False
    if wanted[1] and wanted[1] != given[1]:
        return False
    if wanted[2] is None:
        return True
    if wanted[2] != given[2]:
        return False
    if wanted[3] is None:
        return True
    assert given[3] is not None
    return given[3].startswith(wanted[3]) if star else given[3] == wanted[3]


def condition(keyword: str | None) -> Condition:
    if keyword is None or not keyword.strip():
        return Condition("none")
    items, current = [], ""
    for sign in keyword:
        if sign in "、，,；;|":
            items.append(current)
            current = ""
        else:
            current += sign
    items.append(current)
    is_list = len(items) > 1
    words, is_open = [], False
    for item in (one.strip() for one in items):
        if not item:
            continue
        at = _and_the_like(item)
        if at is not None:
            is_open = True
            if not is_list:
                continue
            item = item[:at].strip()
        if _is_word(item, is_list):
            words.append(item.lower())
        else:
            is_open = True
    if not words:
        return Condition("description")
    return Condition("open_list" if is_open else "closed_list", words)


def _and_the_like(item: str) -> int | None:
    for at, sign in enumerate(item):
        before, after = item[:at], item[at + 1 :]
        if sign == "等" and not (before and before[-1] in LIKE_BEFORE) and not after.startswith(LIKE_AFTER):
            return at
    return None


def _is_word(item: str, is_list: bool) -> bool:
    if any(sign in item for sign in CUT) or any(word in item for word in DESCRIBING):
        return False
    if 2 <= len(item) <= (8 if is_list else 4):
        return True
    return item.isascii() and len(item) > 1 and item[0].isalnum() and (item[-1].isalnum() or item[-1] in "+#")


def occurs(word: str, title: str) -> bool:
    """A word of Latin letters stands alone; any other wherever it stands, blanks aside."""
    title = title.lower()
    if word.isascii():
        return _tokens(word) != [] and _holds(_tokens(title), _tokens(word))
    return word.replace(" ", "") in title.replace(" ", "")


def _tokens(text: str) -> list[str]:
    return "".join(sign if sign in LETTERS_AND_DIGITS else " " for sign in text).split()


def _holds(tokens: list[str], wanted: list[str]) -> bool:
    return any(tokens[at : at + len(wanted)] == wanted for at in range(len(tokens) - len(wanted) + 1))


def judge(rules: list[Rule], document: Document) -> dict[str, tuple[str, str | None, int, str | None]]:
    """industry → (decision, reason, rule, word found) of one document."""
    answers: dict[str, tuple[str, str | None, int, str | None]] = {}
    for rule in sorted(rules, key=lambda one: (one.industry_no, one.rule_no)):
        codes = [
            code
            for code in document.codes
            if any(covers(one, code) for one in rule.taken_in) and not any(covers(one, code) for one in rule.taken_out)
        ]
        if not codes:
            continue
        asked = condition(rule.keyword)
        found = next((word for word in asked.words if document.title and occurs(word, document.title)), None)
        if asked.kind == "none" or found:
            answer = ("matched", None, rule.rule_no, found)
        else:
            reason = {
                "description": "keyword_is_description",
                "open_list": "keyword_list_is_open",
                "closed_list": "keyword_not_in_title",
            }[asked.kind]
            answer = ("undecided", reason, rule.rule_no, None)
        kept = answers.get(rule.industry_no)
        if kept is None or (kept[0] == "undecided" and answer[0] == "matched"):
            answers[rule.industry_no] = answer
    return answers
