"""Lives of patents and the legal status feed: exact for every seed, honest about its clock, built like the example."""

from __future__ import annotations

import io
import os
import re
import time
import zipfile
from collections import Counter, defaultdict
from collections.abc import Callable
from datetime import date, timedelta
from functools import lru_cache, partial
from pathlib import Path

import pytest
from click.testing import CliRunner
from lxml import etree

from ingestion.sandbox import census, lives
from ingestion.sandbox.cli import main
from ingestion.sandbox.issues import issues_of, issues_until
from ingestion.sandbox.legal import Life, Record
from ingestion.sandbox.legal_feed import LegalStatusFeed, Shard, records_of, shard_bytes, shards_of
from ingestion.sandbox.lives import RIGHTS, Patent
from ingestion.sandbox.patent_feed import PatentFeed
from ingestion.sandbox.targets import DISTRICTS, DONGLI, FIRST_YEAR, documents
from ingestion.sandbox.world import Document, World, document, documents_of

EXAMPLES = Path(__file__).parent / "sandbox_examples"
TODAY = date(2026, 11, 22)
SMALL = World(seed=1, scale=0.3)
YEAR_ENDS = [date(year, 12, 31) for year in range(2010, 2026)]

# the list that circulates, as it is
CODES = """AV01 专利权的主动放弃
CB03 著录事项变更
CD02 外观设计专利公报更正
CF01 未缴年费专利权终止
CX01 专利权有效期届满
CP01 专利权人的姓名或者名称的变更
CP02 专利权人的地址的变更
CP03 专利权人的姓名或者名称、地址的变更
DD01 文件的公告送达
EC01 专利实施许可合同备案的注销
EE01 专利实施许可合同备案的生效
EM01 专利实施许可合同备案的变更
GR01 外观设计专利权授予
IP01 无效公告
IW01 专利权全部无效
PC01 专利权质押合同登记的注销
PE01 专利权质押合同登记的生效
PM01 专利权质押合同登记的变更
PD01 专利权保全的解除
PP01 专利权的保全
RR01 权利的恢复
TR01 专利权的转移"""


@lru_cache(maxsize=1)
def everything() -> list[tuple[Document, Record]]:
    return [pair for family in RIGHTS for issue in issues_until(family, TODAY) for pair in records_of(SMALL, issue)]


def told(kind: str) -> list[tuple[Document, Record]]:
    found = [(made, record) for made, record in everything() if record.kind == kind]
    assert found, kind
    return found


def members(shard: Shard, world: World = SMALL) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(shard_bytes(world, shard))) as archive:
        assert archive.testzip() is None
        found = {name: archive.read(name) for name in archive.namelist()}
    if shard.is_nested:
        (inner,) = found.values()
        with zipfile.ZipFile(io.BytesIO(inner)) as archive:
            return {name: archive.read(name) for name in archive.namelist()}
    return found


def all_shards(world: World = SMALL) -> list[Shard]:
    return [
        shard
        for family in RIGHTS
        for issue in issues_until(family, TODAY)
        if family != "utility" or issue.day.year > 2006
        for shard in shards_of(world, issue)
    ]


# -- the fit


@pytest.mark.parametrize("seed", [1, 2, 77, 20_261_124])
def test_the_year_ends_of_the_plan_are_exact_for_every_seed(seed: int) -> None:
    asked = [date(2015, 12, 31), date(2020, 12, 31), date(2024, 12, 31), date(2025, 12, 31)]
    stock = census.in_force(World(seed), DONGLI, asked, TODAY)
    assert sum(stock[asked[0]].values()) == 5_763
    assert sum(stock[asked[1]].values()) == 12_634
    assert stock[asked[1]]["granted"] == 2_125
    assert stock[asked[2]]["granted"] == pytest.approx(2_450, abs=5)
    assert stock[asked[3]]["granted"] == pytest.approx(2_560, abs=5)


def test_what_is_known_later_never_moves_a_year_end_after_two_years() -> None:
    for year in (2015, 2020):
        day = date(year, 12, 31)
        early = census.in_force(World(), DONGLI, [day], date(year + 2, 12, 31))
        assert early == census.in_force(World(), DONGLI, [day])
        at_once = census.in_force(World(), DONGLI, [day], day)
        assert sum(at_once[day].values()) > sum(early[day].values())  # lapses are announced months later


def test_in_force_by_another_way_of_counting() -> None:
    """From the records alone, with the rules of the sources page: not a word of `lives.standing`."""
    world = World(5, 0.1)
    ends: dict[Patent, list[date]] = defaultdict(list)
    undone: Counter[Patent] = Counter()
    lapses: dict[Patent, list[date]] = defaultdict(list)
    moves: dict[Patent, list[tuple[date, int]]] = defaultdict(list)
    for family in RIGHTS:
        for issue in issues_until(family, date(2027, 12, 31)):
            for _, record in records_of(world, issue):
                if record.kind in ("wrong", "again"):
                    continue
                if record.code == "CF01":
                    lapses[record.patent].append(record.effective)
                elif record.code == "RR01":
                    undone[record.patent] += 1
                elif record.code in ("AV01", "IW01"):
                    ends[record.patent].append(record.effective)
                elif record.code == "TR01" and record.before != record.after:
                    moves[record.patent].append((record.effective, record.after))
    counted: Counter[tuple[date, str]] = Counter()
    for family in RIGHTS:
        for year in range(FIRST_YEAR, 2026):
            for issue in issues_of(family, year):
                for made in documents_of(world, issue, 0, issue.total(world.scale)):
                    patent = Patent(family, made.district, made.year, made.ordinal)
                    years = {"granted": 20, "utility": 10}.get(family, 15 if made.filed >= date(2021, 6, 1) else 10)
                    term = made.filed.replace(year=made.filed.year + years)  # no 29 February: days stop at 28
                    lapsed = sorted(lapses[patent])[undone[patent] :]
                    end = min([term, *ends[patent], *lapsed])
                    for day in YEAR_ENDS:
                        home = made.district if made.place.nature != "contradiction" else -1
                        for moved, to in sorted(moves[patent]):
                            home = to if moved <= day else home
                        counted[day, family] += home == DONGLI and made.day <= day < end
    stock = census.in_force(world, DONGLI, YEAR_ENDS)
    assert {(day, family): stock[day][family] for day in YEAR_ENDS for family in RIGHTS} == dict(counted)


def test_what_only_looks_like_the_district_is_not_counted() -> None:
    """All places that contradict themselves are left out, and no look-alike is ever inside."""
    inside = sum(documents(family, DONGLI, year, 1.0) for family in RIGHTS for year in range(FIRST_YEAR, 2021))
    contradicted = [
        patent
        for family in RIGHTS
        for year in range(FIRST_YEAR, 2021)
        for ordinal in range(documents(family, DONGLI, year, 1.0))
        for patent in (Patent(family, DONGLI, year, ordinal),)
        if lives.is_contradicted(patent, 1.0)
    ]
    assert 0.001 < len(contradicted) / inside < 0.006
    for patent in contradicted[:12]:
        life = Life(World(), patent)
        assert life.document.place.nature == "contradiction"
        assert {record.kind for record in life.records()} <= {"CF01", "CX01", "AV01", "IW01", "RR01", "again", "wrong"}
    for made, record in told("TR01"):
        if record.after == DONGLI:
            place = Life(SMALL, record.patent)
            list(place.records())
            assert "东丽区" in place.place.text or place.home != DONGLI or made.place.nature != "lookalike"


def test_what_nobody_can_place_is_in_force_at_neither_year_end_of_the_plan() -> None:
    """开发区西区 may be counted or not: the figures of 2015 and 2020 are the same."""
    found: Counter[int] = Counter()
    for family in ("utility", "design"):
        for year in range(FIRST_YEAR, 2026):
            for ordinal in range(documents(family, DONGLI, year, 1.0)):
                patent = Patent(family, DONGLI, year, ordinal)
                if "开发区西区" in (life := Life(World(), patent)).document.place.text:
                    granted, ends, moved = lives.standing(World(), patent, date.max)
                    assert moved is None
                    assert lives.is_odd(patent, 1.0)
                    for day in (date(2015, 12, 31), date(2020, 12, 31), date(2024, 12, 31)):
                        found[day.year] += granted <= day < ends
                    assert not {record.kind for record in life.records()} & {"TR01", "PE01", "EE01"}
    assert found[2015] == found[2020] == 0
    assert found[2024] > 10


def test_every_year_has_lapses_restorations_and_transfers_over_the_border_both_ways() -> None:
    found = census.events(World(), DONGLI, TODAY)
    for year in range(2015, 2026):
        for kind in ("CF01", "RR01", "AV01", "in", "out", "within"):
            assert found[year][kind], (year, kind)
    total: Counter[str] = Counter()
    for row in found.values():
        total += row
    assert all(total[kind] for kind in census.EVENTS)
    assert total["CF01"] > 4_000


@pytest.mark.parametrize("number", [1, 25])
def test_what_is_taken_out_lowers_every_figure_by_exactly_that_number(number: int) -> None:
    asked = [date(2015, 12, 31), date(2020, 12, 31), date(2023, 12, 31), date(2025, 12, 31)]
    full, less = World(1, 0.3), World(1, 0.3, number)
    one, two = (census.in_force(world, DONGLI, asked, TODAY) for world in (full, less))
    fallen = [sum(one[day].values()) - sum(two[day].values()) for day in asked]
    assert fallen == [0, number, number, number]
    missing = set(lives.lasting(full, DONGLI, number))
    stands = [
        {Patent(family, m.district, m.year, m.ordinal) for m in documents_of(world, issue)}
        for world in (full, less)
        for family, year in {(patent.family, patent.year) for patent in missing}
        for issue in issues_of(family, year)
    ]
    half = len(stands) // 2
    assert missing <= set().union(*stands[:half])
    assert set().union(*stands[:half]) - set().union(*stands[half:]) == missing


def test_what_is_taken_out_is_told_of_nowhere() -> None:
    full, less = World(1, 0.3), World(1, 0.3, 60)
    checked = 0
    for patent in lives.lasting(full, DONGLI, 60):
        for record in Life(full, patent).records():
            if checked < 6 and record.delivered.year < 2030:
                checked += 1
                (issue,) = [
                    one for one in issues_of(patent.family, record.delivered.year) if one.day == record.delivered
                ]
                before = [one.prs_id for _, one in records_of(full, issue)]
                after = [one.prs_id for _, one in records_of(less, issue)]
                assert record.prs_id in before
                assert record.prs_id not in after
                assert set(after) < set(before)
    assert checked == 6
    publications = {
        (made.family, made.number)
        for patent in lives.lasting(full, DONGLI, 60)
        if patent.family == "granted"
        for made in (document(full, *patent),)
    }
    assert publications
    told_of = {
        ("granted", made.number)
        for year in (2016, 2017)
        for issue in issues_of("published", year)
        for made in documents_of(less, issue)
    }
    assert not publications & told_of


def test_without_can_be_said_on_the_command_line() -> None:
    run = CliRunner()
    lines = {}
    for number in ("0", "3"):
        result = run.invoke(
            main, ["census", "--scale", "0.1", "--without", number, "--clock", "2026-11-22", "--on", "2020-12-31"]
        )
        assert result.exit_code == 0, result.output
        lines[number] = next(line for line in result.output.splitlines() if line.startswith("  2020-12-31"))
    assert int(lines["0"].split()[-1]) - int(lines["3"].split()[-1]) == 3


# -- the records


def test_every_code_of_the_list_is_told_and_some_that_are_not_on_it() -> None:
    codes = Counter(record.code for _, record in everything())
    listed = dict(line.split(" ") for line in CODES.split("\n"))
    assert len(listed) == 22
    others = {"TA01", "OL01", "OL02", "DC01", "XX00", ""}
    assert set(listed) | others >= {*codes, "DD01"}  # DD01: the notices for others, see below
    assert {*codes, "DD01"} >= {*listed, "TA01", "OL01", ""}
    values = {(record.code, record.value) for _, record in everything() if record.code in listed}
    assert values - set(listed.items()) == {("TR01", "专利申请权、专利权的转移")}  # the longer name of former years
    untyped = codes["DC01"] + codes["XX00"] + codes["CB03"] + codes["CD02"]
    assert 0 < untyped / len(everything()) < 0.02


def test_texts_have_all_the_shapes_of_the_true_ones() -> None:
    texts = [record.text for _, record in everything()]
    for shape in (
        r"授权",
        r"公开",
        r"专利权有效期届满IPC\(主分类\):[A-H]\d\d[A-Z]\d+/\d+;授权公告日:\d{8};",
        r"专利权的转移IPC\(主分类\):[A-H]\d\d[A-Z] +\d+/\d+;变更事项:专利权人;变更前权利人:[^;]+;变更后权利人:[^;]+;"
        r"变更事项:地址;变更前权利人:[^;]+;变更后权利人:[^;]+;(变更事项:专利权人;变更前权利人:[^;]+;"
        r"变更后权利人:[^;]+;)+登记生效日:\d{8};",
        r"实质审查的生效IPC\(主分类\):[A-H]\d\d[A-Z] *\d+/\d+;&nbsp;&nbsp;申请日:\d{8};",
        r"IPC\(主分类\): [A-H]\d\d[A-Z] *\d+/\d+\n专利申请号: \d{12}\.[\dX]\n(.+\n)*终止日期: \d{4}\.\d\d\.\d\d",
        r"登记生效日：\d{8}；变更前申请人：[^；]+；变更后申请人：[^；]+。",
        r"专利权质押合同登记的注销\n专利号:\d{12}\.[\dX]\n登记号:[^\n]+\n解除日:\d{8}\n出质人:[^\n]+\n质权人:[^\n]+",
    ):
        assert any(re.fullmatch(shape, text) for text in texts), shape
    share = sum("&nbsp;" in text for text in texts) / len(texts)
    assert 0.03 < share < 0.15


def test_a_transfer_record_may_hold_several_groups_and_a_second_owner_alone_moves_nothing() -> None:
    groups = Counter(record.text.count("变更前权利人") for _, record in told("TR01"))
    assert groups[2] > groups[3] > 0
    for _, record in told("second owner"):
        before, after = re.findall(r"变更[前后](?:权利人|申请人)[:：] ?([^;；\n&。]+)", record.text)[:2]
        assert before == after
        assert record.before == record.after


def test_a_change_over_the_border_always_says_both_addresses() -> None:
    into = out = 0
    for _, record in told("TR01"):
        if record.before != record.after:
            assert "变更事项" in record.text
            assert record.text.count("地址") >= 1
            if record.after == DONGLI:
                into += 1
                assert "天津市东丽区" in record.text
            else:
                out += 1
                assert record.before == DONGLI
    assert into > 30
    assert out > 30


def test_lapses_take_effect_on_the_anniversary_and_are_announced_months_later() -> None:
    for made, record in told("CF01"):
        assert (record.effective.month, record.effective.day) == (made.filed.month, made.filed.day)
        assert timedelta(days=200) < record.published - record.effective < timedelta(days=500)
        assert made.day < record.effective


def test_a_restoration_follows_its_lapse() -> None:
    lapsed = {(record.patent, record.published) for _, record in everything() if record.kind in ("CF01", "wrong")}
    for _, record in told("RR01"):
        assert any(patent == record.patent and day < record.published for patent, day in lapsed)


def test_one_registration_holds_several_patents_of_one_owner() -> None:
    held: dict[str, set[Patent]] = defaultdict(set)
    owners: dict[str, set[str]] = defaultdict(set)
    kinds: dict[str, str] = {}
    world = World()
    for year in range(2012, 2021):
        for ordinal in range(documents("utility", DONGLI, year, world.scale)):
            life = Life(world, Patent("utility", DONGLI, year, ordinal))
            for record in life.records():
                if record.kind in ("PE01", "EE01"):
                    held[record.contract].add(record.patent)
                    owners[record.contract].add(life.document.owner.key)
                    kinds[record.contract] = record.kind
    sizes = Counter((kinds[contract], len(patents)) for contract, patents in held.items())
    assert sizes["PE01", 1] > 20
    assert sizes["PE01", 3] > 10
    assert sizes["EE01", 1] > 10
    assert sizes["EE01", 2] > 3
    assert all(len(found) == 1 for found in owners.values())


def test_what_ends_or_changes_a_deal_names_its_number() -> None:
    for begin, *rest in (("PE01", "PM01", "PC01"), ("EE01", "EM01", "EC01")):
        begun = {(record.patent, record.contract): record.effective for _, record in told(begin)}
        for kind in rest:
            for _, record in told(kind):
                assert begun[record.patent, record.contract] < record.effective
                assert record.contract in record.text


def test_kinds_of_licence_and_open_licences_by_text_alone() -> None:
    kinds = Counter(re.findall("(独占|排他|普通)许可", " ".join(record.text for _, record in told("EE01"))))
    assert set(kinds) == {"独占", "排他", "普通"}
    offers = told("OL01")
    assert {record.code for _, record in offers} == {"OL01", ""}
    assert all(record.value == "专利开放许可声明" and record.published > date(2021, 6, 1) for _, record in offers)


def test_the_university_transfers_licenses_and_keeps_what_sleeps() -> None:
    kinds: Counter[str] = Counter()
    silent = 0
    for year in range(2012, 2024):
        for ordinal in range(documents("granted", DONGLI, year, 1.0)):
            life = Life(World(), Patent("granted", DONGLI, year, ordinal))
            if life.document.owner.name == "中国例航大学":
                found = {record.kind for record in life.records()}
                kinds.update(found)
                silent += not found & {"TR01", "EE01", "OL01", "PE01"}
    assert min(kinds["TR01"], kinds["EE01"], kinds["OL01"]) >= 3
    assert silent > 100


def test_names_change_as_the_register_says() -> None:
    for _, record in told("CP01"):
        life = Life(SMALL, record.patent)
        former = [name for name, _ in life.document.owner.former]
        if former and "例" in record.text:
            texts = record.text.translate(str.maketrans("()", "（）"))
            assert any(name in texts for name in (*former, life.document.owner.name))


def test_an_assigned_application_is_granted_to_its_new_owner() -> None:
    for made, record in told("TA01"):
        assert record.published < made.day
        after = re.findall(r"变更后(?:权利人|申请人)[:：] ?([^;；\n&。]+)", record.text)[0]
        assert after.translate(str.maketrans("()", "（）")) in (made.owner.name, *(n for n, _ in made.owner.former))


def test_the_same_content_comes_again_under_another_id() -> None:
    by_text: dict[tuple[Patent, str, str, date], list[Record]] = defaultdict(list)
    for _, record in everything():
        by_text[record.patent, record.code, record.text, record.published].append(record)
    twice = [found for found in by_text.values() if len(found) > 1]
    assert len(twice) == len(told("again"))
    for first, second in twice:
        assert first.prs_id != second.prs_id
        assert first.delivered < second.delivered
    assert 0.001 < len(twice) / len(everything()) < 0.01


def test_a_correction_has_the_id_of_what_it_corrects() -> None:
    by_id: dict[str, list[Record]] = defaultdict(list)
    for _, record in everything():
        by_id[record.prs_id].append(record)
    several = [found for found in by_id.values() if len(found) > 1]
    assert len(several) == sum(record.status == "R" for _, record in everything()) > 10
    for wrong, right in (sorted(found, key=lambda one: one.delivered) for found in several):
        assert (wrong.status, right.status) == ("C", "R")
        assert (wrong.patent, wrong.code, wrong.published) == (right.patent, right.code, right.published)
        assert wrong.text != right.text
        assert wrong.delivered < right.delivered


# -- the feed


def paths(xml: bytes) -> list[str]:
    parser = etree.XMLParser(resolve_entities=False, load_dtd=False, no_network=True)
    root = etree.fromstring(xml.removeprefix("\ufeff".encode()), parser)
    found: list[str] = []

    def walk(element: etree._Element, above: str) -> None:
        name = etree.QName(element)
        here = f"{above}/{'business' if 'business' in (name.namespace or '') else 'base'}:{name.localname}"
        found.append(here + "".join(f"@{etree.QName(key).localname}" for key in element.attrib))
        for child in element:
            walk(child, here)

    walk(root, "")
    return found


def test_records_are_built_like_the_example() -> None:
    example = (EXAMPLES / "legal_status_PRS.xml").read_bytes()
    expected = paths(example)
    head = example.split(b" dateProduced=")[0]
    swapped = 0
    for shard in all_shards()[::23]:
        if shard.is_unreadable:
            continue
        for name, xml in members(shard).items():
            folder, file = name.split("/")
            assert file == folder + ".XML"
            assert re.fullmatch(r"PRS\d{13}", folder)
            assert xml.startswith(head)
            assert f'PRSID="{folder}"'.encode() in xml
            made = paths(xml)
            if made != expected:  # the two number forms come in either order
                swapped += 1
                made[3], made[8] = made[8], made[3]
            assert sorted(made) == sorted(expected)
    assert swapped


@pytest.mark.skipif(not os.environ.get("REAL_SAMPLES"), reason="REAL_SAMPLES is not set: no example here")
def test_the_example_kept_here_is_the_one_of_the_samples() -> None:
    real = Path(os.environ["REAL_SAMPLES"]) / "formats" / "examples" / "legal_status_PRS.xml"
    assert real.read_bytes() == (EXAMPLES / "legal_status_PRS.xml").read_bytes()


def test_tree_and_products() -> None:
    tree = LegalStatusFeed(SMALL, lambda: TODAY)
    files = [path for path, _ in tree.walk("CN")]
    assert {path.split("/")[1].partition("_")[0] for path in files} == {
        "CN-PA-PRSS-10",
        "CN-PA-PRSS-20",
        "CN-PA-PRSS-30",
    }
    assert all(re.fullmatch(r"CN/CN-PA-PRSS-[123]0_\w+/data/\d{8}/[\w-]+\.zip", path) for path in files)
    days = {date.fromisoformat(path.split("/")[3]) for path in files}
    assert days == {issue.day for family in RIGHTS for issue in issues_until(family, TODAY)}
    assert tree.find("SYNTHETIC.txt") is not None
    assert tree.listing("CN/none") is None


def test_application_numbers_are_those_of_the_patent_feed() -> None:
    granted = {
        made.application.original
        for family in RIGHTS
        for issue in issues_until(family, TODAY)
        for made in documents_of(SMALL, issue, 0, issue.total(SMALL.scale))
    }
    assert {made.application.original for made, _ in everything() if made.day <= TODAY} <= granted
    designs = [made for made, record in told("GR01") if made.family == "design"]
    assert len(designs) == sum(issue.total(0.3) for issue in issues_until("design", TODAY))


def test_notices_for_others_name_an_end_and_belong_to_nobody_here() -> None:
    granted = {made.application.original for made, _ in everything()}
    notices = 0
    for shard in all_shards()[::31]:
        if shard.is_unreadable:
            continue
        content = members(shard)
        assert content
        for xml in content.values():
            text = xml.decode()
            if "<business:PRSCode>DD01<" in text:
                notices += 1
                assert "专利权终止通知书" in text
                assert not granted & set(re.findall(r"<base:DocNumber>([\d.X]+)<", text))
    assert notices > 10


def test_same_seed_same_bytes_and_another_seed_others() -> None:
    shards = all_shards()
    for shard in (shards[3], shards[len(shards) // 2], shards[-1], next(one for one in shards if one.is_nested)):
        again = next(one for one in all_shards(World(1, 0.3)) if one.name == shard.name)
        assert shard_bytes(SMALL, shard) == shard_bytes(World(1, 0.3), again)
        assert shard_bytes(World(2, 0.3), shard) != shard_bytes(SMALL, shard)


def test_deliveries_go_wrong_the_known_ways() -> None:
    shards = all_shards()
    late = [shard for shard in shards if shard.known > shard.issue.day and not shard.is_repeat]
    assert len(late) > 5
    assert any(shard.is_nested for shard in shards)
    (broken,) = [shard for shard in shards if shard.is_unreadable]
    with pytest.raises(zipfile.BadZipFile):
        zipfile.ZipFile(io.BytesIO(shard_bytes(SMALL, broken)))
    second = next(shard for shard in late if shard.issue == broken.issue)
    assert members(second)
    # and the first part with the second delivery holds the whole issue
    first = next(s for s in shards if s.issue == broken.issue and s.part == 0 and not s.is_repeat)
    whole = {record.prs_id for _, record in records_of(SMALL, broken.issue)}
    assert whole <= {name.split("/")[0] for name in (*members(first), *members(second))}
    repeat = next(shard for shard in shards if shard.is_repeat and not shard.is_nested)
    original = next(s for s in shards if s.issue == repeat.issue and s.part == 0 and not s.is_repeat)
    assert 0 < len(members(repeat)) < len(members(original))
    assert members(repeat).items() <= members(original).items()


def test_a_later_clock_only_adds() -> None:
    world = World(1, 0.1)
    late = next(s for s in all_shards(world) if s.known > s.issue.day and s.issue.day.year >= 2018)
    days = [date(2006, 2, 1), date(2017, 4, 20), late.issue.day, late.known, TODAY]
    earlier: dict[str, object] = {}
    for day in days:
        clock: Callable[[], date] = partial(date, day.year, day.month, day.day)
        now = {path: entry.modified for path, entry in LegalStatusFeed(world, clock).walk()}
        assert earlier.items() <= now.items()
        assert all(stamp.date() <= day for stamp in now.values())
        earlier = dict(now)
    folder = next(path for path in earlier if path.endswith(late.name))
    assert LegalStatusFeed(world, lambda: late.issue.day).find(folder) is None
    before, after = LegalStatusFeed(world, lambda: late.known), LegalStatusFeed(world, lambda: TODAY)
    for path in [*[path for path, _ in before.walk()][::40], folder]:
        one, two = before.find(path), after.find(path)
        assert one and two and one.content and two.content
        assert one.content() == two.content()


def test_nothing_is_told_before_its_day() -> None:
    for made, record in everything():
        assert record.published <= record.delivered
        assert record.kind in ("TA01", "SE01", "PB01") or made.day <= record.published
        assert record.delivered in {issue.day for issue in issues_of(record.patent.family, record.delivered.year)}


def test_listing_makes_no_record_and_large_scales_have_bounded_zips(monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*_: object, **__: object) -> None:
        raise AssertionError("a listing made a record")

    monkeypatch.setattr("ingestion.sandbox.legal_feed.Life", never)
    monkeypatch.setattr("ingestion.sandbox.world.document", never)
    begun = time.process_time()
    files = list(LegalStatusFeed(World(9, 1.0), lambda: TODAY).walk())
    assert 500 < len(files) < 900
    assert time.process_time() - begun < 5
    monkeypatch.undo()
    world = World(3, 10.0)
    for family in RIGHTS:
        for shard in shards_of(world, issues_of(family, 2008)[1])[:1]:
            assert 20 < len(members(shard, world)) < 4_000
    for issue in issues_of("utility", 2022)[:6]:
        for shard in shards_of(World(3, 100.0), issue):
            assert shard.parts > 5


def test_the_patent_feed_shows_former_owners_only_until_the_grant() -> None:
    """A transfer changes no document: the patent feed goes on showing who was granted it."""
    assert PatentFeed.source_id != LegalStatusFeed.source_id
    made, record = next(pair for pair in told("TR01") if pair[1].before != pair[1].after)
    again = next(
        found
        for issue in issues_of(record.patent.family, record.patent.year)
        for found in documents_of(SMALL, issue, 0, issue.total(SMALL.scale))
        if (found.district, found.ordinal) == (record.patent.district, record.patent.ordinal)
    )
    assert again.owner == made.owner
    assert DISTRICTS[record.before].name in (made.place.county, "外省市") or not made.place.county
