"""Announcements of legal status → typed events: each shape in use, each rule, and what no text may do."""

from __future__ import annotations

import re
from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingestion import legal_events
from ingestion.legal_events import CODES, EVENT_TYPES, Event, read, scrubbed, split_parties, typed
from ingestion.text import clean

GAZETTE = date(2020, 12, 18)
GROUP = "变更事项:{item};变更前权利人:{before};变更后权利人:{after};"


def only(code: str | None, name: str | None, text: str | None, day: date | None = GAZETTE) -> Event:
    [event] = typed(code, name, text, day)
    return event


# --- shapes ----------------------------------------------------------------------------------------------------------

SEVERAL_GROUPS = (
    "专利权的转移IPC(主分类):A41D   1/00;"
    + GROUP.format(item="专利权人", before="例甲股份有限公司", after="例甲股份有限公司")
    + GROUP.format(item="地址", before="中国台湾台北县例乡例路127号4楼", after="中国台湾台北县例乡例路127号4楼")
    + GROUP.format(item="专利权人", before="例乙创新股份有限公司", after="英属例岛商例丙控股股份有限公司")
    + "登记生效日:20121116;"
)


def test_several_groups_in_one_record() -> None:
    first, second = typed(None, "专利申请权、专利权的转移", SEVERAL_GROUPS, date(2012, 12, 19))
    assert {first.event_type, second.event_type} == {"transfer"}
    assert (first.group_no, first.from_names, first.to_names) == (1, ("例甲股份有限公司",), ("例甲股份有限公司",))
    assert first.is_unchanged is True
    assert first.from_address == first.to_address == "中国台湾台北县例乡例路127号4楼"
    assert (second.group_no, second.from_names, second.is_unchanged) == (2, ("例乙创新股份有限公司",), False)
    assert second.to_names == ("英属例岛商例丙控股股份有限公司",)
    assert (second.from_address, second.to_address) == (None, None)
    assert first.effective_date == second.effective_date == date(2012, 11, 16)


def test_owner_and_address_groups_are_paired_in_order() -> None:
    text = "".join(
        GROUP.format(item=item, before=before, after=after)
        for item, before, after in (
            ("专利权人", "甲公司", "乙公司"), ("专利权人", "丙公司", "丁公司"), ("地址", "甲路1号", "乙路1号"),
            ("地址", "丙路1号", "丁路1号"),
        )
    )  # fmt: skip
    events = typed("TR01", "专利权的转移", text, GAZETTE)
    assert [(e.from_names[0], e.to_names[0], e.from_address, e.to_address) for e in events] == [
        ("甲公司", "乙公司", "甲路1号", "乙路1号"),
        ("丙公司", "丁公司", "丙路1号", "丁路1号"),
    ]


def test_flattened_one_line_form_with_nbsp_literals() -> None:
    event = only(None, "实质审查的生效", "实质审查的生效IPC(主分类):G01M   7/08;&nbsp;&nbsp;申请日:20150409;")
    assert (event.event_type, event.effective_date) == ("examination", GAZETTE)
    info = read("实质审查的生效IPC(主分类):G01M   7/08;&nbsp;&nbsp;申请日:20150409;")
    assert (info.title, info.filed) == ("实质审查的生效", "20150409")


def test_newline_separated_form_of_the_interface() -> None:
    info = read("IPC(主分类): C01B 32/184\\n专利申请号: 201010263656.4\\n申请日: 2010.08.25")
    assert (info.number, info.filed, info.title) == ("201010263656.4", "2010.08.25", None)
    assert read("IPC(主分类): C01B 32/184\n专利申请号: 201010263656.4").number == "201010263656.4"


def test_chinese_punctuation_form_without_change_item() -> None:
    text = "登记生效日：20201130；变更前申请人：例控股有限公司；变更后申请人：例行网络(香港)有限公司。"
    event = only(None, "专利申请权、专利权的转移", text)
    assert event.event_type == "application_transfer"
    assert (event.from_names, event.to_names) == (("例控股有限公司",), ("例行网络(香港)有限公司",))
    assert event.effective_date == date(2020, 11, 30)


def test_template_of_the_gazette() -> None:
    text = (
        "专利权质押合同登记的注销\n专利号:ZL201510022747.1\n登记号:2018990000001\n解除日:20200102\n"
        "出质人:例甲公司\n质权人:例银行"
    )
    for shape in (text, text.replace("\n", "\\n"), text.replace("\n", "<BR>")):
        event = only(None, None, shape)
        assert (event.event_type, event.contract_number) == ("pledge_release", "2018990000001")
        assert event.effective_date == event.release_date == date(2020, 1, 2)
        assert (event.from_names, event.to_names) == (("例甲公司",), ("例银行",))
        assert read(shape).number == "ZL201510022747.1"


def test_short_labels_of_a_change() -> None:
    event = only("CP01", None, "主分类号:10-05\n变更事项:专利权人\n变更前:例旧公司\n变更后:例新公司")
    assert (event.event_type, event.from_names, event.to_names) == ("name_change", ("例旧公司",), ("例新公司",))


# --- codes, names, texts ---------------------------------------------------------------------------------------------

LISTED = {
    "AV01": ("专利权的主动放弃", "abandonment"),
    "CD02": ("外观设计专利公报更正", "correction"),
    "CF01": ("未缴年费专利权终止", "lapse"),
    "CX01": ("专利权有效期届满", "expiry"),
    "CP01": ("专利权人的姓名或者名称的变更", "name_change"),
    "CP02": ("专利权人的地址的变更", "address_change"),
    "CP03": ("专利权人的姓名或者名称、地址的变更", "name_address_change"),
    "DD01": ("文件的公告送达", "notice"),
    "EC01": ("专利实施许可合同备案的注销", "licence_end"),
    "EE01": ("专利实施许可合同备案的生效", "licence"),
    "EM01": ("专利实施许可合同备案的变更", "licence_change"),
    "GR01": ("外观设计专利权授予", "grant"),
    "IP01": ("无效公告", "invalidation_notice"),
    "IW01": ("专利权全部无效", "invalidation"),
    "PC01": ("专利权质押合同登记的注销", "pledge_release"),
    "PE01": ("专利权质押合同登记的生效", "pledge"),
    "PM01": ("专利权质押合同登记的变更", "pledge_change"),
    "PD01": ("专利权保全的解除", "preservation_end"),
    "PP01": ("专利权的保全", "preservation"),
    "RR01": ("权利的恢复", "restoration"),
    "TR01": ("专利权的转移", "transfer"),
}


@pytest.mark.parametrize("code", LISTED)
def test_each_listed_code_and_its_name_tell_the_same(code: str) -> None:
    name, kind = LISTED[code]
    for event in (only(code, name, None), only(code, None, None), only(None, name, None)):
        assert event.event_type == kind
        assert not {"code_name_conflict", "unknown_code"} & set(event.flags)


def test_all_twenty_two_listed_codes_are_known() -> None:
    assert set(LISTED) | {"CB03"} | {"TA01", "OL01", "OL02"} == set(CODES)


def test_ta01_is_an_assigned_application() -> None:
    assert only("TA01", None, GROUP.format(item="申请人", before="甲", after="乙")).event_type == "application_transfer"


def test_ol01_and_ol02_are_open_licence() -> None:
    assert only("OL01", None, None).event_type == "open_licence"
    assert only("OL02", None, None).event_type == "open_licence_end"
    # they are only described, so what the announcement calls itself counts for more
    assert only("OL02", "专利开放许可声明", None).event_type == "open_licence"
    assert only("OL01", "专利开放许可声明的撤回", None).event_type == "open_licence_end"


def test_open_licence_declaration_without_a_code_is_told_by_its_text() -> None:
    text = "附加信息:专利权人例甲有限公司声明对本专利实行开放许可;"
    assert only(None, None, text).event_type == "open_licence"
    assert only("DD01", "文件的公告送达", text).event_type == "notice"  # the code leads
    assert only(None, "其他有关事项", text).event_type == "open_licence"
    assert only(None, None, "附加信息:专利权人撤回开放许可声明").event_type == "open_licence_end"
    # the contract under such a declaration is a licence like others
    assert only(None, "专利开放许可实施合同备案", None).event_type == "licence"


def test_unknown_codes_are_told_by_their_names() -> None:
    event = only("ZZ99", "专利权的转移", None)
    assert (event.event_type, "unknown_code" in event.flags) == ("transfer", True)
    event = only("ZZ99", None, "专利权有效期届满IPC(主分类):A41D1/00;")
    assert (event.event_type, "unknown_code" in event.flags) == ("expiry", True)
    event = only("ZZ99", "例不明事项", "例不明")
    assert (event.event_type, event.untyped_reason) == ("untyped", "unknown_code_and_name")


def test_codes_that_contradict_their_names_are_kept_and_flagged() -> None:
    event = only("CF01", "权利的恢复", "终止日期:20200112;")
    assert (event.event_type, event.flags) == ("lapse", ("code_name_conflict",))
    assert event.effective_date == date(2020, 1, 12)


def test_ip01_alone_ends_nothing_whatever_its_text_says() -> None:
    event = only("IP01", "无效公告", "专利权全部无效;无效宣告决定号:1;")
    assert (event.event_type, "code_name_conflict" in event.flags) == ("invalidation_notice", True)


@pytest.mark.parametrize(
    ("name", "text", "kind"),
    [
        ("专利权的终止", "专利权的终止专利权有效期届满授权公告日:20120926", "expiry"),
        ("专利权的终止", "未缴年费专利权终止IPC(主分类):A41D1/00;终止日期:20200112;", "lapse"),
        ("专利权的无效、部分无效宣告", "专利权全部无效;无效宣告决定号:1;", "invalidation"),
        ("其他有关事项", "其他有关事项避免重复授权放弃专利权;放弃生效日:20200112;", "abandonment"),
        ("被视为撤回的申请视为放弃取得专利权的权利", None, "withdrawal"),
        ("发明专利申请公布后的视为撤回", None, "withdrawal"),
        ("发明专利申请公布后的驳回", None, "rejection"),
        ("专利实施的强制许可", None, "notice"),
        ("实质审查的生效", None, "examination"),
        ("公开", None, "publication"),
        ("授权", "授权", "grant"),
    ],
)
def test_older_names_hold_two_in_one(name: str, text: str | None, kind: str) -> None:
    assert only(None, name, text).event_type == kind


def test_a_termination_without_its_cause_ends_the_right_and_is_flagged() -> None:
    event = only(None, "专利权的终止", "专利权的终止IPC(主分类):A41D1/00;终止日期:20200112;")
    assert (event.event_type, event.flags) == ("lapse", ("cause_not_stated",))


def test_a_transfer_of_nobody_knows_what_stays_untyped() -> None:
    event = only(None, "专利申请权、专利权的转移", GROUP.format(item="地址", before="甲路", after="乙路"))
    assert (event.event_type, event.untyped_reason) == ("untyped", "transfer_of_application_or_patent")


def test_a_bibliographic_change_is_what_its_groups_change() -> None:
    name, address = (
        GROUP.format(item="申请人", before="旧", after="新"),
        GROUP.format(item="地址", before="甲", after="乙"),
    )
    assert only("CB03", "著录事项变更", name).event_type == "name_change"
    assert only("CB03", "著录事项变更", address).event_type == "address_change"
    assert only("CB03", "著录事项变更", name + address).event_type == "name_address_change"
    assert only("CB03", "著录事项变更", "变更事项:代理机构;变更前:甲;变更后:乙;").event_type == "notice"
    assert only("CB03", "著录事项变更", None).untyped_reason == "change_of_what"


def test_nothing_at_all_is_untyped_with_a_reason() -> None:
    for nothing in (None, "", "-", "/", "0"):
        event = only(nothing, nothing, nothing)
        assert (event.event_type, event.untyped_reason) == ("untyped", "no_code_and_no_name")


# --- licences and pledges --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("word", "kind"), [("独占", "exclusive"), ("排他", "sole"), ("普通", "ordinary")])
def test_licence_with_number_licensor_licensee_and_kind(word: str, kind: str) -> None:
    text = (
        "专利实施许可合同备案的生效IPC(主分类):B08B3/02;合同备案号:2012120000001;让与人:例甲;受让人:例乙公司、例丙公司;"
        f"发明名称:一种例装置;许可种类:{word}许可;备案日期:2012.11.21;"
    )
    event = only("EE01", "专利实施许可合同备案的生效", text)
    assert (event.contract_number, event.licence_kind) == ("2012120000001", kind)
    assert (event.from_names, event.to_names) == (("例甲",), ("例乙公司", "例丙公司"))
    assert event.effective_date == event.start_date == date(2012, 11, 21)


def test_a_licence_of_two_kinds_or_of_none_has_no_kind() -> None:
    assert only("EE01", None, "许可种类:独占许可或排他许可").licence_kind is None
    assert only("EE01", None, "许可种类:分许可").licence_kind is None


def test_pledge_with_number_pledgor_pledgees_and_start() -> None:
    text = "专利权质押合同登记的生效登记号:Y2020120000001;登记生效日:20201204;出质人:例甲;质权人:例银行;例担保公司;"
    event = only("PE01", "专利权质押合同登记的生效", text)
    assert (event.contract_number, event.from_names) == ("Y2020120000001", ("例甲",))
    assert event.to_names == ("例银行", "例担保公司")  # several of one value, parted by the separator of the fields
    assert event.start_date == event.effective_date == date(2020, 12, 4)
    assert event.release_date is None


# --- days ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "spelling", ["20190709", "2019.07.09", "2019-07-09", "2019/7/9", "2019年7月9日", "２０１９.07.09", "2019.07.09。"]
)
def test_days_in_all_spellings(spelling: str) -> None:
    assert only("CF01", None, f"终止日期:{spelling};").effective_date == date(2019, 7, 9)


@pytest.mark.parametrize(
    ("code", "label"),
    [("CF01", "终止日期"), ("AV01", "放弃生效日"), ("TR01", "登记生效日"), ("EE01", "备案日期"), ("PC01", "解除日"),
     ("EC01", "解除日"), ("PD01", "解除日"), ("PP01", "登记生效日"), ("PE01", "登记生效日")],
)  # fmt: skip
def test_effective_day_is_the_one_printed_else_the_gazette_day(code: str, label: str) -> None:
    assert only(code, None, f"{label}:20190709;").effective_date == date(2019, 7, 9)
    assert only(code, None, "授权公告日:20120926;").effective_date == GAZETTE
    assert only(code, None, f"{label}:-;").effective_date == GAZETTE


def test_a_full_invalidation_counts_from_its_announcement() -> None:
    assert only("IW01", None, "无效宣告决定日:20200601;").effective_date == GAZETTE


@pytest.mark.parametrize("printed", ["20201301", "不详", "18990101", "2099-12-31"])
def test_a_printed_day_that_is_none_is_not_replaced_by_a_guess(printed: str) -> None:
    event = only("CF01", None, f"终止日期:{printed};")
    assert (event.event_type, event.effective_date) == ("untyped", None)
    assert event.untyped_reason == "bad_effective_date:lapse"


# --- parties ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "names"),
    [
        ("甲公司、乙公司", ("甲公司", "乙公司")),
        ("甲公司；乙公司", ("甲公司", "乙公司")),
        ("甲公司; 乙公司;", ("甲公司", "乙公司")),
        ("甲公司､乙公司", ("甲公司", "乙公司")),
        ("例（天津、北京）公司、乙(一;二)公司", ("例(天津、北京)公司", "乙(一;二)公司")),
        ("甲公司(乙公司、丙公司", ("甲公司(乙公司", "丙公司")),
        ("EXAMPLE CO., LTD", ("EXAMPLE CO., LTD",)),
        ("无", ()),
        ("-", ()),
        (None, ()),
    ],
)
def test_parties_are_split_on_the_separators_of_real_texts(value: str | None, names: tuple[str, ...]) -> None:
    assert split_parties(value) == names


def test_co_owners_of_one_value_are_kept_in_order() -> None:
    text = GROUP.format(item="专利权人", before="丙公司;甲公司", after="乙公司;例某;丁公司") + "登记生效日:20201130;"
    event = only("TR01", None, text)
    assert event.from_names == ("丙公司", "甲公司")
    assert event.to_names == ("乙公司", "例某", "丁公司")


def test_a_transfer_without_parties_is_kept_and_flagged() -> None:
    assert only("TR01", None, "登记生效日:20201130;").flags == ("parties_missing",)
    assert only("TR01", None, "变更事项:专利权人;变更前权利人:甲公司;").flags == ("party_missing",)


# --- what may be kept ------------------------------------------------------------------------------------------------


def test_identity_numbers_are_scrubbed() -> None:
    for text in ("出质人:例某 120110199001011234;登记号:X", "出质人:例某(身份证号:12011019900101123X);登记号:X"):
        kept = scrubbed(text)
        assert kept is not None
        assert "1990" not in kept
        assert "登记号:X" in kept
    assert (
        scrubbed("申请号:102015000022747;登记号:2018120000000001;") == "申请号:102015000022747;登记号:2018120000000001"
    )


def test_names_of_inventors_are_scrubbed_and_others_stay() -> None:
    text = (
        "著录事项变更变更事项:发明人;变更前:例发明;变更后:例发明;例设计;变更事项:专利权人;变更前:甲公司;变更后:乙公司;"
    )
    kept = scrubbed(text) or ""
    assert "例发明" not in kept
    assert "例设计" not in kept
    assert "甲公司" in kept
    assert "乙公司" in kept
    events = typed("CB03", "著录事项变更", text, GAZETTE)
    assert "例发明" not in repr(events)


# --- properties ------------------------------------------------------------------------------------------------------

PIECES = st.sampled_from(
    ["变更事项:专利权人;", "变更事项:地址;", "变更前权利人:", "变更后权利人:", "甲公司", "、", ";", "；", "(", "）",
     "\\n", "\n", "&nbsp;", "登记生效日:", "20201130", "2020年13月1日", "专利权的转移", "开放许可", "撤回", "发明人:",
     "例某", "：", "|", "120110199001011234"]
)  # fmt: skip
TEXTS = st.one_of(st.none(), st.text(max_size=60), st.lists(PIECES, max_size=30).map("".join))
NAMES = st.one_of(st.none(), st.text(max_size=12), st.sampled_from([name for name, _ in LISTED.values()]))
ANY_CODE = st.one_of(st.none(), st.sampled_from(sorted(CODES)), st.text(max_size=5))


@given(ANY_CODE, NAMES, TEXTS, st.one_of(st.none(), st.dates()))
@settings(max_examples=400)
def test_every_announcement_becomes_events_and_none_raises(
    code: str | None, name: str | None, text: str | None, day: date | None
) -> None:
    events = typed(code, name, text, day)
    assert events
    for event in events:
        assert event.event_type in EVENT_TYPES
        assert (event.event_type == "untyped") == (event.untyped_reason is not None)
        assert all(party and party == party.strip() for party in event.from_names + event.to_names)
        if event.effective_date is not None:
            assert event.effective_date == day or date(1985, 4, 1) <= event.effective_date <= date(2099, 12, 30)
    kept = scrubbed(text)
    assert kept is None or not re.search(r"(?<![0-9A-Za-z.])120110199001011234(?![0-9A-Za-z])", kept)
    if legal_events.SCRUBBED not in (kept or ""):
        assert kept == clean((text or "").replace("&nbsp;", " "))  # nothing else goes


@given(
    TEXTS,
    st.sampled_from([";", "；", "\n", "\\n", "|"]),
    st.sampled_from(["发明人", "设计人", "变更后发明人", "代理人"]),
)
@settings(max_examples=400)
def test_a_person_named_by_trade_is_scrubbed_wherever_it_stands(before: str | None, separator: str, label: str) -> None:
    text = f"{before or ''}{separator}{label}:赵例钱{separator}孙例李{separator}登记号:5"
    assert "赵例钱" not in (scrubbed(text) or "")
    assert "孙例李" not in (scrubbed(text) or "")
    assert "登记号:5" in (scrubbed(text) or "")


@given(st.lists(st.sampled_from(["甲公司", "乙(天津、北京)公司", "例某", "EXAMPLE INC."]), min_size=1, max_size=5),
       st.sampled_from(["、", "；", ";", "､"]))  # fmt: skip
def test_joined_parties_come_apart_again(names: list[str], separator: str) -> None:
    assert split_parties(separator.join(names)) == tuple(names)


@given(st.lists(st.tuples(st.sampled_from("甲乙丙丁"), st.sampled_from("戊己庚辛")), min_size=1, max_size=6))
def test_every_owner_group_becomes_one_transfer_in_order(pairs: list[tuple[str, str]]) -> None:
    text = "".join(GROUP.format(item="专利权人", before=a + "公司", after=b + "公司") for a, b in pairs)
    events = typed("TR01", None, text, GAZETTE)
    assert [(e.group_no, e.from_names, e.to_names) for e in events] == [
        (number, (a + "公司",), (b + "公司",)) for number, (a, b) in enumerate(pairs, 1)
    ]


# a pattern that goes over such a text twice would need hours: the limit of the test is no measurement
@pytest.mark.timeout(60)
@pytest.mark.parametrize(
    "evil",
    ["许可" * 100_000, "变更事项:发明人;" * 20_000, "(;" * 50_000, " " * 200_000, "1" * 200_000, "证件" * 100_000],
)
def test_a_hostile_text_of_any_length_is_read_in_one_pass(evil: str) -> None:
    assert typed(None, evil, evil, GAZETTE)
    assert scrubbed(evil) is None or len(scrubbed(evil) or "") <= len(evil)
    assert legal_events.kind_of(evil) in EVENT_TYPES | {None}
