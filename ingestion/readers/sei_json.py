"""JSON of the concordance of strategic emerging industries and IPC: one row a pattern of a rule.

An array of industries, each `{"no", "name", "page", "rules": [{"p": [...], "x": [...], "k": [...]}]}`: p are patterns,
x patterns that are taken out again, k keyword conditions. A rule whose exclusions or keywords cannot be read is not
loaded at all, since without them it would claim patents that are not its own; a bad pattern costs itself only.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ingestion import text
from ingestion.archives import Bounds
from ingestion.declarations import declaration
from ingestion.readers import BATCH_ROWS, Limits, Parsed, Refusal
from ingestion.readers.rows import Batch, RowProblem

_DEEPEST = 8  # the layout itself has five levels
_INDUSTRY_FIELDS = frozenset({"no", "name", "page", "rules"})
_RULE_FIELDS = frozenset({"p", "x", "k"})
# a string that never ends is one token as well: to look for its end again from each quote would take for ever
_BRACKETS = re.compile(r'"(?:[^"\\]++|\\.)*+"?|[\[\]{}]', re.DOTALL)
_INDUSTRY_NO = re.compile(r"[1-9](?:\.\d{1,2}){0,3}", re.ASCII)
_PAGE = re.compile(r"\d{1,4}", re.ASCII)
# class, subclass, main group, subgroup or its beginning, star
_PATTERN = re.compile(r"([A-H]\d{2})(?:([A-Z])(?:0*([1-9]\d{0,3})(?:/(\d{0,6}))?)?)?(\*?)", re.ASCII)
_SIGNS = str.maketrans({"＊": "*", "﹡": "*", "∗": "*", "／": "/", " ": None})


class _Repeated(ValueError):
    """An object that has a field twice."""


def read(path: Path, *, limits: Limits | None = None) -> Iterator[Parsed]:
    """Batches of one file; see ingestion.readers."""
    limits = limits or Bounds()
    industries = _parsed(_decoded(path, limits))
    names = _names(industries)
    batch = Batch(declaration("reference").table_of("sei_json").schema)
    seen: set[tuple[object, ...]] = set()
    rules_of: dict[str, int] = {}
    row_no = 0
    for place, rows in _rules(industries, names, rules_of):
        for where, outcome in rows:
            row_no += 1
            batch.rows_read += 1
            if row_no > limits.max_members:
                raise Refusal(
                    "too_many_rows", f"多于 {limits.max_members} 个分类号", f"more than {limits.max_members} patterns"
                )
            if isinstance(outcome, RowProblem):
                batch.rejects.append(outcome.reject(f"{place}{where}", None))
            elif outcome in seen:
                batch.duplicates += 1
            else:
                seen.add(outcome)
                batch.add(row_no, f"{place}{where}", outcome, path.name)
        if len(batch.rows) >= BATCH_ROWS or len(batch.rejects) >= BATCH_ROWS:
            yield batch.take()
    if batch.rows_read:
        yield batch.take()


_Rows = list[tuple[str, "tuple[object, ...] | RowProblem"]]


def _rules(industries: list[Any], names: dict[str, set[str]], rules_of: dict[str, int]) -> Iterator[tuple[str, _Rows]]:
    """(place, rows of one rule), or what is wrong with a whole industry."""
    for number, industry in enumerate(industries, 1):
        place = f"第{number}项"
        try:
            no, name, page, rules = _industry(industry, names)
        except RowProblem as problem:
            yield place, [("", problem)]
            continue
        for at, rule in enumerate(rules, 1):
            rule_no = rules_of[no] = rules_of.get(no, 0) + 1
            yield f"{place}（{no}）·规则{at}", _rule_rows((no, name, page, rule_no), rule)


def _industry(industry: Any, names: dict[str, set[str]]) -> tuple[str, str, int | None, list[Any]]:
    if not isinstance(industry, dict):
        raise RowProblem("", _shown(industry), "not_an_object", "一项应为对象", "an entry must be an object")
    _known_fields(industry, _INDUSTRY_FIELDS)
    no, name = _string("industry_no", industry.get("no")), _string("industry_name", industry.get("name"))
    if no is None or not _INDUSTRY_NO.fullmatch(no):
        raise RowProblem("industry_no", no, "bad_industry_no", "产业编号格式不符", "this is no number of an industry")
    if name is None:
        raise RowProblem("industry_name", no, "missing_name", "缺少产业名称", "the name of the industry is missing")
    if len(names[no]) > 1:
        both = "、".join(sorted(names[no]))
        raise RowProblem(
            "industry_name", name, "conflict",
            f"产业编号 {no} 有不同名称（{both}），全部隔离，不取最后一个",
            f"{no} has different names ({both}): all are quarantined",
        )  # fmt: skip
    page = _string("industry_page", industry.get("page"))
    if page is not None and not _PAGE.fullmatch(page):
        raise RowProblem("industry_page", page, "bad_page", "页码不是数字", "the page is no number")
    rules = industry.get("rules")
    if not isinstance(rules, list) or not rules:
        raise RowProblem("", no, "no_rules", "产业没有规则", "the industry has no rules")
    return no, name, None if page is None else int(page), rules


def _rule_rows(head: tuple[str, str, int | None, int], rule: Any) -> _Rows:
    """The rows of one rule: its patterns, its exclusions; or what is wrong with it."""
    try:
        if not isinstance(rule, dict):
            raise RowProblem("", _shown(rule), "not_an_object", "规则应为对象", "a rule must be an object")
        _known_fields(rule, _RULE_FIELDS)
        lists = {name: _list(rule, name) for name in ("p", "x", "k")}
        if not lists["p"]:
            raise RowProblem("pattern", None, "no_pattern", "规则没有分类号", "the rule has no pattern")
        keyword = _keyword(lists["k"])
    except RowProblem as problem:
        return [("", problem)]
    found = [
        (f"·{name}[{at}]", name == "x", _pattern(value))
        for name in ("p", "x")
        for at, value in enumerate(lists[name], 1)
    ]
    broken = next((where for where, is_out, one in found if is_out and isinstance(one, RowProblem)), None)
    rows: _Rows = []
    for where, is_exclusion, pattern in found:
        if isinstance(pattern, RowProblem):
            rows.append((where, pattern))
        elif broken:
            reason_zh = f"同一规则的排除项 {broken[1:]} 无法识别，整条规则不装载，否则会多算"
            reason_en = (
                f"the exclusion {broken[1:]} of this rule cannot be read: without it the rule would claim too much"
            )
            rows.append((where, RowProblem("pattern", pattern, "rule_incomplete", reason_zh, reason_en)))
        else:
            rows.append((where, (*head, pattern, is_exclusion, keyword)))
    return rows


def _list(rule: dict[str, Any], name: str) -> list[Any]:
    value = rule.get(name)
    if value is None:
        return []
    if not isinstance(value, list):
        raise RowProblem("", _shown(value), "not_a_list", f"{name} 应为列表", f"{name} must be a list")
    return value


def _keyword(entries: list[Any]) -> str | None:
    """The condition in one line; None when the rule has none."""
    words = [_string("keyword", entry) for entry in entries]
    if entries and None in words:
        raise RowProblem(
            "keyword",
            "",
            "blank_keyword",
            "关键词条件为空白，规则的条件已丢失",
            "a keyword is blank: a condition is lost",
        )
    return "、".join(word for word in words if word) or None


def _pattern(value: Any) -> str | RowProblem:
    """A pattern in its normal form, `G06F40*`, `A61B5/0476`."""
    try:
        received = _string("pattern", value)
    except RowProblem as problem:
        return problem
    symbol = (received or "").translate(_SIGNS).upper()
    if re.fullmatch(r"[A-H]\*?", symbol):
        return RowProblem(
            "pattern",
            received,
            "too_wide",
            "只写到部，会圈入八分之一的专利",
            "a whole section: an eighth of all patents",
        )
    found = _PATTERN.fullmatch(symbol)
    if found is None or (found[4] is not None and not found[5] and len(found[4]) < 2):
        return RowProblem(
            "pattern", _shown(value), "bad_pattern",
            "不是国际专利分类号，也不是以 * 结尾的分类号", "neither an IPC symbol nor one that ends with *",
        )  # fmt: skip
    section, subclass, group, subgroup, star = found.groups()
    return section + (subclass or "") + (group or "") + ("" if subgroup is None else f"/{subgroup}") + star


def _string(field: str, value: Any) -> str | None:
    """A cleaned text; None when it is missing. Numbers come here as they were written."""
    if value is None:
        return None
    if not isinstance(value, str):
        raise RowProblem(field, _shown(value), "not_a_text", "应为文本", "must be a text")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise RowProblem(field, _shown(value), "bad_text", "含不成对的代理字符", "holds half a character") from None
    return text.clean(value)


def _known_fields(value: dict[str, Any], known: frozenset[str]) -> None:
    if unknown := sorted(set(value) - known):
        raise RowProblem(
            "", "、".join(unknown), "unknown_field",
            f"有未约定的字段，含义不明：{'、'.join(unknown)}",
            f"fields that were not agreed, of unknown meaning: {', '.join(unknown)}",
        )  # fmt: skip


def _names(industries: list[Any]) -> dict[str, set[str]]:
    """All names that the file gives to each number."""
    names: dict[str, set[str]] = {}
    for industry in industries:
        if isinstance(industry, dict) and isinstance(industry.get("no"), str):
            no, name = text.clean(industry["no"]), industry.get("name")
            names.setdefault(no or "", set()).add((text.clean(name) if isinstance(name, str) else None) or "")
    return names


def _decoded(path: Path, limits: Limits) -> str:
    size = path.stat().st_size
    if size == 0:
        raise Refusal("empty_file", "文件为空", "the file is empty")
    if size > limits.max_file_bytes:
        raise Refusal(
            "too_large",
            f"文件大于 {limits.max_file_bytes} 字节的上限",
            f"the file is larger than the limit of {limits.max_file_bytes} bytes",
        )
    raw = path.read_bytes()
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        around = raw[max(error.start - 8, 0) : error.start + 8].hex(" ")
        raise Refusal(
            "wrong_encoding", "编码不是约定的 UTF-8", "the encoding is not UTF-8 as agreed",
            place=f"第{raw.count(10, 0, error.start) + 1}行", value=around,
        ) from None  # fmt: skip


def _parsed(content: str) -> list[Any]:
    _check_depth(content)
    try:
        # numbers stay as they were written: 1.10 is no 1.1
        found = json.loads(
            content, object_pairs_hook=_object, parse_int=str, parse_float=str, parse_constant=_no_constant
        )
    except _Repeated as error:
        raise Refusal(
            "repeated_field", "同一对象内字段重复，不取最后一个", "an object has a field twice", value=str(error)
        ) from None
    except json.JSONDecodeError as error:
        raise Refusal(
            "bad_json",
            f"第 {error.lineno} 行第 {error.colno} 列起不是 JSON，文件可能被截断或不是数据",
            f"no JSON from line {error.lineno}, column {error.colno} on: cut short, or another kind of file",
            place=f"第{error.lineno}行",
            value=content[max(error.pos - 40, 0) : error.pos + 40],
        ) from None
    if not isinstance(found, list):
        raise Refusal("not_a_list", "应为产业的列表", "must be a list of industries", value=content[:200])
    if not found:
        raise Refusal("no_rows", "列表为空", "the list is empty")
    return found


def _check_depth(content: str) -> None:
    """Before parsing: a thousand brackets must not reach the parser."""
    depth = 0
    for token in _BRACKETS.finditer(content):
        sign = token.group()
        if sign in "[{":
            depth += 1
            if depth > _DEEPEST:
                raise Refusal(
                    "too_deep", f"嵌套超过 {_DEEPEST} 层", f"nested deeper than {_DEEPEST} levels",
                    place=f"第{content.count(chr(10), 0, token.start()) + 1}行",
                )  # fmt: skip
        elif sign in "]}":
            depth -= 1


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) < len(pairs):
        names = [name for name, _ in pairs]
        raise _Repeated("、".join(sorted({name for name in names if names.count(name) > 1})))
    return made


def _no_constant(name: str) -> None:
    raise json.JSONDecodeError(f"{name} is no JSON", name, 0)


def _shown(value: Any) -> str | None:
    return (
        None if value is None else json.dumps(value, ensure_ascii=True)[:500] if not isinstance(value, str) else value
    )
