"""Announcements of legal status → typed events. Pure functions: no input raises, and nothing is ever guessed.

An announcement has a code (`TR01`), a name (`专利权的转移`), a free text, or some of these. It becomes one event or
several, since a record can change several owners at once. What cannot be typed is an event of type `untyped` with its
reason. Whether a right is in force is not decided here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import lru_cache
from itertools import zip_longest
from typing import NamedTuple

from ingestion import text

#: the codes that the office's list names, and three that exist beside it (TA01, OL01, OL02)
CODES: dict[str, str] = {
    "AV01": "abandonment",
    "CB03": "bibliographic",
    "CD02": "correction",
    "CF01": "lapse",
    "CX01": "expiry",
    "CP01": "name_change",
    "CP02": "address_change",
    "CP03": "name_address_change",
    "DD01": "notice",
    "EC01": "licence_end",
    "EE01": "licence",
    "EM01": "licence_change",
    "GR01": "grant",
    "IP01": "invalidation_notice",
    "IW01": "invalidation",
    "PC01": "pledge_release",
    "PE01": "pledge",
    "PM01": "pledge_change",
    "PD01": "preservation_end",
    "PP01": "preservation",
    "RR01": "restoration",
    "TR01": "transfer",
    "TA01": "application_transfer",
    "OL01": "open_licence",
    "OL02": "open_licence_end",
}

EVENT_TYPES = frozenset(CODES.values()) - {"bibliographic"} | {
    "publication", "examination", "withdrawal", "rejection", "untyped",
}  # fmt: skip

# Kinds that a name or the title of a text tells, the first that fits. Older names hold two in one, such as
# 专利权的终止专利权有效期届满 and 其他有关事项避免重复授权放弃专利权: so the narrow ones stand before the wide ones.
# Three are no types of events: `either_transfer`, `bibliographic` and `termination` need a second witness.
_OPEN_END = (
    r"(?:撤回|撤销|终止|注销).{0,8}开放许可|开放许可(?:声明|期限)?(?:的|已|被)?(?:撤回|撤销|终止|失效|注销|届满)"
)
_NAMES = tuple(
    (re.compile(pattern), kind)
    for pattern, kind in (
        (r"更正|勘误", "correction"),
        (_OPEN_END, "open_licence_end"),
        (r"开放许可(?!.*合同)", "open_licence"),
        (r"强制许可", "notice"),
        (r"许可.*合同.*(?:注销|解除|终止)", "licence_end"),
        (r"许可.*合同.*变更", "licence_change"),
        (r"许可.*合同", "licence"),
        (r"质押.*(?:注销|解除)", "pledge_release"),
        (r"质押.*变更", "pledge_change"),
        (r"质押", "pledge"),
        (r"保全.*(?:解除|撤销|终止|注销)", "preservation_end"),
        (r"保全", "preservation"),
        (r"(?<!等)(?<!等待)恢复", "restoration"),
        (r"全部无效", "invalidation"),
        (r"无效", "invalidation_notice"),
        (r"期限?届满|届满终止|期满终止", "expiry"),
        (r"未缴纳?年费", "lapse"),
        (r"视为放弃取得", "withdrawal"),
        (r"放弃|避免重复授(?:权|予)", "abandonment"),
        (r"撤回", "withdrawal"),
        (r"驳回", "rejection"),
        (r"申请权[、或和及]+专利权的?(?:转移|转让)", "either_transfer"),
        (r"申请权?的?(?:转移|转让)", "application_transfer"),
        (r"专利权的?(?:转移|转让)", "transfer"),
        (r"代理.*变更|(?:发明|设计)人.*变更", "notice"),
        (r"(?:姓名|名称).*地址.*变更", "name_address_change"),
        (r"地址.*变更", "address_change"),
        (r"(?:姓名|名称).*变更", "name_change"),
        (r"著录(?:事项|项目)的?变更", "bibliographic"),
        (r"审查", "examination"),
        (r"授权|专利权的?授予", "grant"),
        (r"公开|公布", "publication"),
        (r"专利权的?终止|专利权终止", "termination"),
        (r"送达|其他有关事项|通知", "notice"),
    )
)

_OPEN_END_IN_TEXT = re.compile(_OPEN_END)
_LONGEST_NAME = 120  # what is longer is no name, and some patterns would take long over it

# --- the free text ---------------------------------------------------------------------------------------------------

_DAYS_OF: dict[str, tuple[str, ...]] = {
    "transfer": ("登记生效日", "变更生效日", "生效日"),
    "application_transfer": ("登记生效日", "变更生效日", "生效日"),
    "lapse": ("终止日期", "终止日", "专利权终止日期", "专利权终止日"),
    "expiry": ("期满终止日期", "有效期届满日", "届满日", "终止日期", "终止日"),
    "abandonment": ("放弃生效日", "主动放弃生效日", "生效日"),
    "licence": ("备案日期", "备案日", "合同备案日期", "登记生效日"),
    "licence_change": ("变更日期", "变更日", "变更生效日"),
    "licence_end": ("解除日", "解除日期", "注销日", "注销日期", "备案解除日"),
    "open_licence": ("声明生效日", "登记生效日", "生效日"),
    "open_licence_end": ("撤回生效日", "撤回日", "登记生效日", "生效日"),
    "pledge": ("登记生效日", "生效日", "登记日"),
    "pledge_change": ("变更日期", "变更日", "变更生效日"),
    "pledge_release": ("解除日", "解除日期", "登记解除日", "注销日", "注销日期"),
    "restoration": ("恢复日", "恢复日期", "恢复生效日", "生效日"),
    "preservation": ("保全登记生效日", "登记生效日", "保全起始日", "生效日"),
    "preservation_end": ("保全解除日", "解除日", "解除日期", "登记解除日"),
    "name_change": ("登记生效日", "变更生效日", "生效日"),
    "address_change": ("登记生效日", "变更生效日", "生效日"),
    "name_address_change": ("登记生效日", "变更生效日", "生效日"),
}
_FROM_OF = {"licence": ("许可人", "让与人"), "open_licence": ("许可人", "专利权人"), "pledge": ("出质人",)}
_TO_OF = {"licence": ("被许可人", "受让人"), "pledge": ("质权人",)}
_CONTRACT = ("合同备案号", "备案号", "登记号", "质押登记号", "质押合同登记号")
_KINDS = (("独占", "exclusive"), ("排他", "sole"), ("普通", "ordinary"))
_NUMBER = ("专利申请号", "申请号", "专利号")
_FILED = ("申请日",)
_ITEM = "变更事项"

# a label that directly follows the title of a text, without any separator: 专利权的转移IPC(主分类):H05K1/02
_KNOWN_LABELS = sorted(
    {
        label
        for labels in (*_DAYS_OF.values(), *_FROM_OF.values(), *_TO_OF.values(), _CONTRACT, _NUMBER, _FILED)
        for label in labels
    }
    | {_ITEM, "IPC(主分类)", "主分类号", "授权公告日", "申请公布日", "公开日", "许可种类", "发明名称", "无效宣告决定号"}
    | {"无效宣告决定日", "审查结论", "委内编号", "附加信息", "更正项目", "公告说明", "变更前", "变更后", "收件人"}
    | {f"变更{when}{who}" for when in "前后" for who in ("权利人", "专利权人", "申请人", "地址")}
    | {"使用外观设计的产品名称", "合同履行期限", "许可使用费", "文件名称", "当前权利人", "公告日", "法律状态公告日"},
    key=len,
    reverse=True,
)
_KNOWN = "|".join(re.escape(label) for label in _KNOWN_LABELS)
_COLON = "[:：﹕∶]"
_AFTER_TITLE = re.compile(rf"(?:{_KNOWN})\s*{_COLON}")
_LABEL = re.compile(rf"\s*([\u4e00-\u9fffA-Za-z][\u4e00-\u9fffA-Za-z()（）]{{0,13}})\s*{_COLON}")
_NEXT_LABEL = re.compile(rf"[ \u00a0\u3000](?=(?:{_KNOWN})\s*{_COLON})")
_BREAKS = re.compile(r"<\s*[Bb][Rr]\s*/?\s*>|\\r\\n|\\n|\\r|[\r\n\u2028\u2029]+")
_NBSP = re.compile(r"&(?:amp;)?nbsp;?", re.IGNORECASE)
_OPENING, _CLOSING = frozenset("(（[［【〔{｛「"), frozenset(")）]］】〕}｝」")
_FIELD_SIGNS, _NAME_SIGNS = (
    re.compile(f"[{re.escape(separators + ''.join(sorted(_OPENING | _CLOSING)))}]")
    for separators in (";；|\n", "、､;；\n")
)
_CHANGE = re.compile(r"变更(前|后)(.*)")
_ADDRESS = re.compile(r"地址|住所")
_PERSONS = re.compile(r"发明人|设计人|代理人|联系人")
_OWNERS = re.compile(r"权利人|专利权人|申请人|许可人|让与人|受让人|出质人|质权人")
_ABOUT_OWNERS = re.compile(r"国籍|国家|国别|邮编|邮政编码|代码|类型|电话")
_NOBODY = frozenset({"无", "空", "null", "NULL"})

#: an identity number: of a person (18 or 15 digits, the latter not inside a longer one) or a passport-like one is no
#: part of an announcement; the 15 digits of an application number begin with 10, 20, 30, 8 or 9 and stay
_IDENTITY = re.compile(
    r"(?<![0-9A-Za-z.])[1-9]\d{5}(?:(?:18|19|20)\d{2})(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])\d{3}[\dXx](?![0-9A-Za-z])",
    re.ASCII,
)
_IDENTITY_LABELLED = re.compile(r"((?:身份证|证件|护照)(?:件)?(?:号码?|编号)?\s*[:：]?\s*)[0-9A-Za-z]{6,20}")
SCRUBBED = "〔略〕"

EARLIEST, LATEST = date(1985, 4, 1), date(2099, 12, 30)


class Group(NamedTuple):
    """One change of a record: what is changed, before and after, as received."""

    item: str
    before: str | None
    after: str | None

    @property
    def kind(self) -> str:
        """owner, address, person or other."""
        if _ADDRESS.search(self.item):
            return "address"
        if _PERSONS.search(self.item):
            return "person"
        return "owner" if _OWNERS.search(self.item) and not _ABOUT_OWNERS.search(self.item) else "other"

    @property
    def change_item(self) -> str | None:
        """The item as it may be shown: a few words without what follows them unlabelled."""
        return text.clean_name(_first_part(self.item)[:30])


@dataclass(frozen=True, slots=True)
class Information:
    """A free text, taken apart: its title, its labelled values in order, and its groups of changes."""

    title: str | None
    fields: tuple[tuple[str, str], ...]
    groups: tuple[Group, ...]

    def first(self, labels: Sequence[str]) -> str | None:
        """The value of the first of these labels that the text holds, and that is not missing."""
        for wanted in labels:
            for label, value in self.fields:
                if label == wanted and (cleaned := text.clean_name(value)) is not None:
                    return cleaned
        return None

    @property
    def number(self) -> str | None:
        """The application number that the text states, as received."""
        return self.first(_NUMBER)

    @property
    def filed(self) -> str | None:
        return self.first(_FILED)


@dataclass(frozen=True, slots=True)
class Event:
    """One typed event of an announcement. Names are cleaned and in order; missing stays missing."""

    event_type: str
    effective_date: date | None
    contract_number: str | None = None
    licence_kind: str | None = None
    change_item: str | None = None
    group_no: int | None = None
    is_unchanged: bool | None = None
    from_names: tuple[str, ...] = ()
    to_names: tuple[str, ...] = ()
    from_address: str | None = None
    to_address: str | None = None
    start_date: date | None = None
    release_date: date | None = None
    untyped_reason: str | None = None
    flags: tuple[str, ...] = field(default=())


def typed(code: str | None, name: str | None, information: str | None, announced: date | None) -> list[Event]:
    """The events of one announcement, one at least. `announced` is the day of the gazette."""
    return events_of(code, name, read(information), information, announced)


def events_of(
    code: str | None, name: str | None, info: Information, information: str | None, announced: date | None
) -> list[Event]:
    """As `typed`, for a text that was already taken apart."""
    kind, reason, flags = _kind(text.clean_code(code), text.clean_name(name), info, information)
    if kind == "bibliographic":
        return _bibliographic(info, announced, flags)
    day, is_bad = _effective(kind, info, announced)
    if is_bad:
        return [Event("untyped", None, untyped_reason=f"bad_effective_date:{kind}", flags=flags)]
    if kind in ("transfer", "application_transfer"):
        return list(_changes(kind, info, day, flags))
    if kind in ("name_change", "address_change", "name_address_change"):
        return list(_changes(kind, info, day, flags))
    if kind in ("licence_change", "pledge_change") and info.groups:
        return list(_changes(kind, info, day, flags, contract=_contract(info)))
    family = kind.partition("_")[0] if not kind.startswith("open_") else "open_licence"
    first, second = _FROM_OF.get(family, ()), _TO_OF.get(family, ())
    return [
        Event(
            kind,
            day,
            contract_number=_contract(info) if family in ("licence", "pledge") else None,
            licence_kind=_licence_kind(info) if family == "licence" else None,
            change_item=info.groups[0].change_item if info.groups else None,
            from_names=split_parties(info.first(first)) if first else (),
            to_names=split_parties(info.first(second)) if second else (),
            start_date=day if kind in ("licence", "pledge", "open_licence") else None,
            release_date=day if kind in ("licence_end", "pledge_release", "open_licence_end") else None,
            untyped_reason=reason,
            flags=flags,
        )
    ]


def _kind(
    code: str | None, name: str | None, info: Information, information: str | None
) -> tuple[str, str | None, tuple[str, ...]]:
    """(type or `bibliographic`, why untyped, flags). The code leads; name, title and text speak where it is silent."""
    flags: list[str] = []
    named, titled = kind_of(name), kind_of(info.title)
    told = _resolved(named, titled, info)
    if code is not None and code not in CODES:
        flags.append("unknown_code")
    known = CODES.get(code or "")
    if known is not None and known.startswith("open_licence"):
        # these two are only described: what the announcement calls itself counts for more
        known = told if told in ("open_licence", "open_licence_end") else known
    if known is not None:
        if told is not None and told != known and not _compatible(known, told, named):
            flags.append("code_name_conflict")
        return known, None, tuple(flags)
    if told in (None, "notice") and information and "开放许可" in information:
        is_end = _OPEN_END_IN_TEXT.search(information)
        return "open_licence_end" if is_end else "open_licence", None, tuple(flags)
    if told == "termination":
        return "lapse", None, (*flags, "cause_not_stated")
    if told == "either_transfer":
        return "untyped", "transfer_of_application_or_patent", tuple(flags)
    if told is not None:
        return told, None, tuple(flags)
    if code is not None:
        return "untyped", "unknown_code" if name is None else "unknown_code_and_name", tuple(flags)
    return "untyped", "no_code_and_no_name" if name is None and info.title is None else "unknown_name", tuple(flags)


def _resolved(named: str | None, titled: str | None, info: Information) -> str | None:
    """What name and title tell together: a wide name is made precise by the title or by whose change it is."""
    told = named if named is not None else titled
    if told in ("either_transfer", "termination", "bibliographic", "notice", "invalidation_notice") and titled:
        told = titled if titled != "notice" else told
    if told == "either_transfer":
        items = " ".join(group.item for group in info.groups)
        is_application, is_patent = "申请人" in items, "专利权人" in items
        if is_application != is_patent:
            told = "application_transfer" if is_application else "transfer"
    return told


def _compatible(known: str, told: str, named: str | None) -> bool:
    """Whether a wide name leaves room for the code's kind."""
    if told == "either_transfer" or named == "either_transfer":
        return known in ("transfer", "application_transfer")
    if told == "termination":
        return known in ("lapse", "expiry", "abandonment")
    changes = ("name_change", "address_change", "name_address_change", "bibliographic", "notice")
    if told == "bibliographic" or known == "bibliographic":
        return known in changes and told in changes
    return told == "notice"


def kind_of(name: str | None) -> str | None:
    """What a name tells: a type of events, `either_transfer`, `bibliographic` or `termination`; None if nothing."""
    return _kind_of(name[:_LONGEST_NAME]) if name else None


@lru_cache(maxsize=4096)
def _kind_of(name: str) -> str | None:
    plain = name.replace(" ", "")
    for pattern, kind in _NAMES:
        if pattern.search(plain):
            return kind
    return None


def _effective(kind: str, info: Information, announced: date | None) -> tuple[date | None, bool]:
    """(effective day, whether the printed one is no day). A full invalidation counts from its announcement."""
    for label in _DAYS_OF.get(kind, ()):
        printed = info.first((label,))
        if printed is None:
            continue
        found = printed_day(_first_part(printed))
        return (found, False) if found else (None, True)
    return announced, False


def printed_day(value: str | None) -> date | None:
    """A day that a text prints, in any spelling; None when there is none or when it can be none of a patent."""
    try:
        found = text.parse_date(value.rstrip("。. ") if value else None)
    except text.BadDate:
        return None
    return found if found is not None and EARLIEST <= found <= LATEST else None


def _changes(
    kind: str, info: Information, day: date | None, flags: tuple[str, ...], contract: str | None = None
) -> Iterator[Event]:
    """One event an owner group, with the address group of the same rank; what has no partner stands alone."""
    owners = [group for group in info.groups if group.kind == "owner"]
    addresses = [group for group in info.groups if group.kind == "address"]
    pairs: list[tuple[Group | None, Group | None]] = list(zip_longest(owners, addresses))
    if kind in ("transfer", "application_transfer"):  # of a party, never of an address alone
        if not owners:
            flags = (*flags, "parties_missing")
            pairs = pairs[:1]
        elif len(addresses) > len(owners):
            flags = (*flags, "more_addresses_than_owners")
            pairs = pairs[: len(owners)]
    elif not info.groups:
        flags = (*flags, "no_groups")
    for group_no, (owner, address) in enumerate(pairs, 1):
        before = split_parties(owner.before) if owner else ()
        after = split_parties(owner.after) if owner else ()
        named = owner or address
        yield Event(
            kind,
            day,
            contract_number=contract,
            change_item=named.change_item if named else None,
            group_no=group_no,
            is_unchanged=before == after if before and after else None,
            from_names=before,
            to_names=after,
            from_address=text.clean_name(address.before) if address else None,
            to_address=text.clean_name(address.after) if address else None,
            flags=flags if owner is None or (before and after) else (*flags, "party_missing"),
        )
    if not pairs:
        item = info.groups[0].change_item if info.groups else None
        yield Event(kind, day, contract_number=contract, change_item=item, flags=flags)


def _bibliographic(info: Information, announced: date | None, flags: tuple[str, ...]) -> list[Event]:
    """著录事项变更: what it is, its groups tell. A change that is neither of names nor of addresses is a notice."""
    kinds = {group.kind for group in info.groups} & {"owner", "address"}
    if not kinds:
        item = info.groups[0].change_item if info.groups else None
        if item is None and not info.groups:
            return [Event("untyped", announced, untyped_reason="change_of_what", flags=flags)]
        return [Event("notice", announced, change_item=item, flags=flags)]
    kind = "name_address_change" if len(kinds) == 2 else "name_change" if "owner" in kinds else "address_change"
    day, is_bad = _effective(kind, info, announced)
    if is_bad:
        return [Event("untyped", None, untyped_reason=f"bad_effective_date:{kind}", flags=flags)]
    return list(_changes(kind, info, day, flags))


def _contract(info: Information) -> str | None:
    found = info.first(_CONTRACT)
    return None if found is None else text.clean_code(_first_part(found))


def _first_part(value: str) -> str:
    """A value without what follows it unlabelled, which is no list here."""
    return value.partition(";")[0]


def _licence_kind(info: Information) -> str | None:
    said = info.first(("许可种类",)) or ""
    kinds = [kind for word, kind in _KINDS if word in said]
    return kinds[0] if len(kinds) == 1 else None


# --- taking a text apart ---------------------------------------------------------------------------------------------


def read(information: str | None) -> Information:
    """Title, labelled values and groups of a free text in any of the shapes in use."""
    if information is None or information in text.MISSING:
        return _NOTHING
    if "&" in information:
        information = _NBSP.sub(" ", information)
    if "\\" in information or "<" in information or "\n" in information or "\r" in information:
        information = _BREAKS.sub("\n", information)
    title: str | None = None
    fields: list[tuple[str, str]] = []
    for number, segment in enumerate(_split(information, _FIELD_SIGNS)):
        if number == 0:
            found = _AFTER_TITLE.search(segment)
            start = found.start() if found else len(segment) if not _LABEL.match(segment) else 0
            title = text.clean_name(segment[:start].strip("\ufeff#　 。"))
            segment = segment[start:]
            if not segment:
                continue
        for part in _NEXT_LABEL.split(segment):
            label = _LABEL.match(part)
            if label:
                name = label[1].replace("（", "(").replace("）", ")")
                fields.append((name, part[label.end() :].strip().rstrip("。").strip()))
            elif fields and part.strip():
                # no label of its own: one more name of the value before, 变更前权利人:甲公司;乙公司
                last, value = fields[-1]
                fields[-1] = (last, f"{value};{part.strip().rstrip('。')}" if value else part.strip().rstrip("。"))
    return Information(title, tuple(fields), tuple(_groups(fields)))


_NOTHING = Information(None, (), ())


def _split(value: str, signs: re.Pattern[str]) -> list[str]:
    """Parts between separators, those inside of brackets left alone; brackets that do not match are no brackets.

    signs: finds the separators and the brackets.
    """
    outside: list[int] = []
    every: list[int] = []
    depth = 0
    for found in signs.finditer(value):
        sign = found[0]
        if sign in _OPENING:
            depth += 1
        elif sign in _CLOSING:
            depth -= 1
            if depth < 0:
                depth = len(value) + 1  # can no longer match
        else:
            every.append(found.start())
            if depth == 0:
                outside.append(found.start())
    cuts = outside if depth == 0 else every
    starts = [0, *(cut + 1 for cut in cuts)]
    return [part for start, end in zip(starts, [*cuts, None], strict=True) if (part := value[start:end]).strip()]


def _groups(fields: Sequence[tuple[str, str]]) -> Iterator[Group]:
    """变更事项, 变更前…, 变更后… in their order; a value met a second time begins the next group."""
    item, before, after = "", None, None
    is_open = False
    for label, value in fields:
        if label == _ITEM:
            if is_open and (before is not None or after is not None):
                yield Group(item, before, after)
            item, before, after, is_open = value, None, None, True
            continue
        found = _CHANGE.fullmatch(label)
        if not found or found[2] in ("生效日", "日期", "日"):
            continue
        when, who = found[1], found[2]
        if (before if when == "前" else after) is not None or (when == "前" and after is not None):
            yield Group(item, before, after)
            item, before, after = "", None, None
        item = item or who or "权利人"
        is_open = True
        if when == "前":
            before = value
        else:
            after = value
    if is_open and (item or before is not None or after is not None):
        yield Group(item, before, after)


def split_parties(value: str | None) -> tuple[str, ...]:
    """The parties of a value in their order: 甲公司、乙公司; 丙(天津、北京)公司 is one."""
    if value is None:
        return ()
    if "&" in value:
        value = _NBSP.sub(" ", value)
    names = (text.clean_name(part.strip("。,，")) for part in _split(value, _NAME_SIGNS))
    return tuple(name for name in names if name is not None and name not in _NOBODY)


# --- what may be kept ------------------------------------------------------------------------------------------------


def scrubbed(information: str | None) -> str | None:
    """The free text as it may be kept: one line, without identity numbers and without names of inventors, designers
    and agents."""
    if information is None:
        return None
    if "&" in information:
        information = _NBSP.sub(" ", information)
    kept = scrubbed_identity(information)
    if _PERSONS.search(kept):
        kept = _without_persons(kept)
    return text.clean(kept)


def scrubbed_identity(value: str) -> str:
    """A text without identity numbers."""
    if "证" in value or "护照" in value:
        value = _IDENTITY_LABELLED.sub(lambda found: f"{found[1]}{SCRUBBED}", value)
    return _IDENTITY.sub(SCRUBBED, value)


_PARTS = re.compile(rf"([;；|\r\n]+|\\r?\\?n|<[^<>]{{0,8}}>|[ \u00a0\u3000](?=(?:{_KNOWN})\s*{_COLON}))")


def _without_persons(value: str) -> str:
    """Values that name a person by trade are replaced: of a change of inventors, and of a label such as 发明人."""
    kept: list[str] = []
    is_group = is_value = False
    for number, part in enumerate(_PARTS.split(value)):
        found = _AFTER_TITLE.search(part) or _LABEL.match(part)
        if number % 2 or not part.strip() or (found is None and not is_value):
            kept.append(part)
            continue
        if found is None:  # goes on with the value before
            kept.append(SCRUBBED)
            continue
        label, rest = found[0], part[found.end() :]
        if _ITEM in label:
            is_group, is_value = bool(_PERSONS.search(rest)), False
        else:
            is_change = "变更前" in label or "变更后" in label
            is_group = is_group and is_change
            is_value = is_group or bool(_PERSONS.search(label))
        kept.append(part[: found.end()] + (SCRUBBED if is_value and rest.strip() else rest))
    return "".join(kept)
