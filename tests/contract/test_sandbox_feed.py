"""The synthetic feed: deterministic, honest about its clock, and built like the true documents."""

from __future__ import annotations

import ast
import io
import os
import re
import sys
import time
import zipfile
from datetime import date
from itertools import pairwise
from pathlib import Path

import pytest
from lxml import etree

from ingestion import sandbox
from ingestion.sandbox import census, lives
from ingestion.sandbox.issues import issues_of, issues_until
from ingestion.sandbox.numbering import ApplicationNumber
from ingestion.sandbox.patent_feed import PatentFeed
from ingestion.sandbox.shards import Shard, shard_bytes, shards_of
from ingestion.sandbox.targets import DISTRICTS, DONGLI, FAMILIES
from ingestion.sandbox.world import World, document, documents_of
from ingestion.sandbox.xml_page import page

EXAMPLES = Path(__file__).parent / "sandbox_examples"
TODAY = date(2026, 11, 22)
SMALL = World(seed=1, scale=0.3)
NAME = re.compile(r"CN([123]0)(\d{4})(\d{9})CN(\d{13})0([ABCUYSD])(BIA|DBP)ZH(\d{8})CN00[A-Z#]")


def all_shards(world: World, until: date = TODAY) -> list[Shard]:
    return [shard for family in FAMILIES for issue in issues_until(family, until) for shard in shards_of(world, issue)]


def members(content: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert archive.testzip() is None
        return {name: archive.read(name) for name in archive.namelist()}


def test_imports_only_the_standard_library_and_click() -> None:
    """Shares nothing with the readers: not a pattern, not a constant, not a helper."""
    allowed = set(sys.stdlib_module_names) | {"click", "__future__"}
    files = sorted(Path(sandbox.__file__).parent.glob("*.py"))
    assert len(files) > 10
    for file in files:
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            names: list[str] = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                assert node.level == 0, f"{file.name}: relative import"
                names = [node.module or ""]
            for name in names:
                own = name == "ingestion.sandbox" or name.startswith("ingestion.sandbox.")
                assert own or name.split(".")[0] in allowed, f"{file.name} imports {name}"


def test_same_seed_same_bytes_in_two_trees() -> None:
    shards = all_shards(SMALL)
    for shard in (shards[0], shards[len(shards) // 2], shards[-1], next(s for s in shards if s.is_nested)):
        again = next(other for other in all_shards(World(1, 0.3)) if other.name == shard.name)
        assert shard_bytes(SMALL, shard) == shard_bytes(World(1, 0.3), again)


@pytest.mark.parametrize("seed", [2, 77])
def test_another_seed_is_another_city_of_the_same_kind(seed: int) -> None:
    other = World(seed, 1.0)
    first = World(1, 1.0)
    issue = issues_of("granted", 2019)[4]
    ours, theirs = list(documents_of(first, issue)), list(documents_of(other, issue))
    shared_names = {found.owner.name for found in ours} & {found.owner.name for found in theirs}
    assert not {found.number for found in ours} & {found.number for found in theirs}
    assert len(shared_names) < len(ours) / 3  # the invented schools have the same names everywhere
    # the counts are the targets' and not the seed's; terms end on other days
    assert census.published(first, DONGLI, TODAY) == census.published(other, DONGLI, TODAY)
    asked = [date(2015, 12, 31), date(2020, 12, 31), date(2024, 12, 31), date(2025, 12, 31)]
    # and so is every year-end's stock, once everything is known
    assert census.in_force(other, DONGLI, asked) == census.in_force(first, DONGLI, asked)


def test_the_default_city_has_the_planned_figures() -> None:
    total = sum(
        sum(row.values()) for at in range(len(DISTRICTS)) for row in census.published(World(), at, TODAY).values()
    )
    assert 70_000 < total < 85_000
    assert len(all_shards(World())) < 1_050
    assert census.natures(World(), DONGLI, date(2020, 12, 31)).distinct_firms < 1_000


def test_scale_multiplies() -> None:
    one, ten = (census.published(World(1, scale), DONGLI, TODAY) for scale in (1.0, 10.0))
    assert sum(map(sum, (row.values() for row in ten.values()))) == pytest.approx(
        10 * sum(map(sum, (row.values() for row in one.values()))), rel=0.001
    )


def test_every_number_is_used_once_and_grants_keep_their_application() -> None:
    world = World(3, 0.4)
    numbers: dict[tuple[str, str], tuple[str, int, int, int]] = {}
    applications: dict[str, set[str]] = {}
    for family in FAMILIES:
        for year in range(2006, 2027):
            for district in range(len(DISTRICTS)):
                for issue in issues_of(family, year):
                    start = issue.first(district, world.scale)
                    for ordinal in range(start, start + issue.count(district, world.scale)):
                        found = document(world, family, district, year, ordinal)
                        place = (family, district, year, ordinal)
                        assert numbers.setdefault((found.number, found.letter), place) == place
                        seen = applications.setdefault(found.application.original, set())
                        assert family not in seen, f"{found.application.original} twice among {family}"
                        seen.add(family)
                        assert found.filed < found.day
    families = [tuple(sorted(found)) for found in applications.values()]
    assert set(families) <= {("published",), ("granted",), ("granted", "published"), ("utility",), ("design",)}
    both = [found for found in families if len(found) == 2]
    # only grants of the first two years have their publication before the feed began
    assert len(both) > 0.95 * sum("granted" in found for found in families)


def test_check_digits_by_another_arithmetic() -> None:
    """Weights two to nine, over and over: ISO 7064 it is not, and the document's own code is not asked."""
    for family in FAMILIES:
        for found in documents_of(SMALL, issues_of(family, 2016)[1]):
            digits, check = found.application.original.split(".")
            rest = 0
            for at in range(len(digits)):
                rest += int(digits[at]) * [2, 3, 4, 5, 6, 7, 8, 9][at % 8]
            assert check == "0123456789X"[rest % 11]
            if found.application.standard[6:8] == "00":
                standard = found.application.standard
                assert digits == standard[2:6] + standard[0] + standard[8:]


def test_serials_of_neighbouring_years_never_meet() -> None:
    """The last serial of one distance in years lies below the first of the next, in both number forms."""
    for filed, places in ((date(2018, 3, 1), slice(5, 12)), (date(2003, 3, 1), slice(3, 8))):
        for total in (1, 7, 5_000, 30_000):
            serials = []
            for slot in range(3):
                for ordinal, roll in ((0, 0.0), (total - 1, 0.999999)):
                    made = ApplicationNumber(1, filed, slot, ordinal, total, roll, entry=False)
                    serials.append(int(made.original[places]))
            assert serials == sorted(serials)
            assert len({serials[1], serials[2]}) == len({serials[3], serials[4]}) == 2
            for ordinal in range(min(total, 50) - 1):  # and neighbours keep apart whatever the dice say
                low = ApplicationNumber(2, filed, 0, ordinal, total, 0.999999, entry=False)
                high = ApplicationNumber(2, filed, 0, ordinal + 1, total, 0.0, entry=False)
                assert low.original < high.original


def test_names_in_the_zips_follow_the_grammar() -> None:
    shards = all_shards(SMALL)
    checks = set()
    for shard in shards[5::60]:
        content = members(shard_bytes(SMALL, shard))
        if shard.is_nested:
            (inner,) = content.values()
            content = members(inner)
        for name, xml in content.items():
            folder, file = name.split("/")
            assert file == folder + ".XML"
            assert NAME.fullmatch(folder), folder
            assert f'file="{file}"'.encode() in xml[:1500]
            checks.add(folder[-1])
    assert "#" in checks
    assert len(checks) > 10


def test_issue_days_are_the_offices() -> None:
    for family in FAMILIES:
        for issue in issues_until(family, TODAY):
            expected = {2} if issue.day <= date(2017, 5, 31) else {1, 4}
            assert issue.day.weekday() in expected, issue.day
        assert len({issue.day.weekday() for issue in issues_until(family, TODAY)}) == 3
    weekly = [issue.day for issue in issues_of("published", 2026)]
    assert all(3 <= (after - before).days <= 11 for before, after in pairwise(weekly))


def paths(xml: bytes) -> set[str]:
    """Element paths with their attributes, of a document and whatever order."""
    parser = etree.XMLParser(resolve_entities=False, load_dtd=False, no_network=True)
    root = etree.fromstring(xml.removeprefix("\ufeff".encode()), parser)
    found: set[str] = set()

    def walk(element: etree._Element, above: str) -> None:
        name = etree.QName(element)
        here = f"{above}/{'business' if 'business' in (name.namespace or '') else 'base'}:{name.localname}"
        found.add(here)
        found.update(f"{here}@{etree.QName(key).localname}" for key in element.attrib)
        for child in element:
            walk(child, here)

    walk(root, "")
    return {path for path in found if not re.search(r"/base:[Ss]u[bp]$", path)}


def generated_paths(family: str, year: int) -> set[str]:
    found: set[str] = set()
    for issue in issues_of(family, year):
        for made in documents_of(SMALL, issue):
            found |= paths(page(made))
    return found


def test_grants_are_built_like_the_example() -> None:
    example = paths((EXAMPLES / "grant_B.xml").read_bytes())
    for family in ("granted", "utility"):
        made = generated_paths(family, 2018)
        assert example <= made
        assert all("AbstractFigure" in path for path in made - example)  # the example has no drawing


def test_designs_are_built_like_the_example() -> None:
    assert generated_paths("design", 2018) == paths((EXAMPLES / "design_S.xml").read_bytes())


@pytest.mark.skipif(not os.environ.get("REAL_SAMPLES"), reason="REAL_SAMPLES is not set: no true document here")
def test_publications_are_built_like_the_true_document() -> None:
    (real,) = (Path(os.environ["REAL_SAMPLES"]) / "cnipa_xml").glob("*.XML")
    assert NAME.fullmatch(real.stem)
    assert generated_paths("published", 2018) == paths(real.read_bytes())
    head = real.read_bytes().split(b" file=")[0].replace(b"\r\n", b"\n")
    made = page(next(documents_of(SMALL, issues_of("published", 2018)[0])))
    assert made.startswith(head)


def test_both_number_forms_come_in_either_order_at_the_true_rate() -> None:
    first: list[bool] = []
    widths: list[bool] = []
    for issue in issues_of("granted", 2018):
        for made in documents_of(World(), issue):
            xml = page(made).decode()
            references = re.findall(r'<business:ApplicationReference [^>]*dataFormat="(\w+)"', xml)
            assert sorted(references) == ["original", "standard"]
            first.append(references[0] == "standard")
            widths.append("（" in xml and "(" in xml.replace("(2006.01)", ""))
    assert sum(first) / len(first) == pytest.approx(2465 / 3884, abs=0.06)
    assert any(widths)  # full and half width in one document


def test_only_the_first_owner_has_an_address_and_a_district_is_a_county() -> None:
    business, base = "{http://www.sipo.gov.cn/XMLSchema/business}", "{http://www.sipo.gov.cn/XMLSchema/base}"
    several = 0
    for made in documents_of(World(), issues_of("utility", 2019)[2]):
        root = etree.fromstring(page(made).removeprefix("\ufeff".encode()))
        owners = list(root.iter(f"{business}Applicant"))
        several += len(owners) > 1
        assert [len(list(owner.iter(f"{base}Text"))) for owner in owners] == [1] + [0] * (len(owners) - 1)
        if made.place.province == "天津市" and made.place.county:
            assert owners[0].findtext(f".//{base}City") == "市辖区"
            assert owners[0].findtext(f".//{base}Street") == "0"
            assert owners[0].findtext(f".//{base}Text") == f"{made.place.post_code} {made.place.text}"
    assert several


def test_dongli_addresses_have_the_true_shares() -> None:
    found = census.natures(World(), DONGLI, date(2024, 12, 31)).places
    total = sum(found.values())
    assert found["zone_of_other"] / total == pytest.approx(0.13, abs=0.025)
    assert 1 - found["street"] / total == pytest.approx(0.67, abs=0.03)
    assert 0 < found["contradiction"] / total < 0.01


def test_look_alikes_come_from_elsewhere() -> None:
    names = set()
    for year in range(2015, 2026):
        for family in FAMILIES:
            for issue in issues_of(family, year):
                for made in documents_of(World(), issue, issue.total(1.0) - issue.count(16, 1.0), issue.total(1.0)):
                    if lives.comes_in(family, 16, made.year, made.ordinal, 1.0):
                        continue  # to be one of the district's later on
                    assert made.place.province != "天津市"
                    names.add(made.owner.name if "丽" in made.owner.name else made.place.text)
    assert {"东丽例丝株式会社", "东丽例织染（南通）有限公司", "山东丽例环境科技发展有限公司"} <= names
    assert any("东丽观海山庄" in name for name in names)


def test_some_documents_come_again_and_some_are_corrected() -> None:
    world = World()
    same = corrected = 0
    for family in FAMILIES:
        for issue in issues_until(family, TODAY):
            for made in documents_of(world, issue, issue.total(world.scale)):  # what follows the issue's own
                first = document(world, family, made.district, made.year, made.ordinal)
                assert first.day < issue.day
                assert (first.status, first.number, first.place) == ("C", made.number, made.place)
                if made.status == "R":
                    corrected += 1
                    assert b'status="R"' in page(made)[:1500]
                    assert made.title != first.title
                else:
                    same += 1
                    assert page(made) == page(first)
    assert 40 < corrected < same < 200  # of 67,000


def test_deliveries_go_wrong_the_known_ways() -> None:
    shards = all_shards(SMALL)
    late = [shard for shard in shards if shard.known > shard.issue.day and not shard.is_repeat]
    assert late
    (broken,) = [shard for shard in shards if shard.is_unreadable]
    with pytest.raises(zipfile.BadZipFile):
        zipfile.ZipFile(io.BytesIO(shard_bytes(SMALL, broken)))
    # and the second delivery holds what the broken one should have held
    second = next(shard for shard in late if shard.issue == broken.issue)
    assert members(shard_bytes(SMALL, second))
    repeat = next(shard for shard in shards if shard.is_repeat and not shard.is_nested)
    first = next(s for s in shards if s.issue == repeat.issue and s.part == 0 and not s.is_repeat)
    original, again = members(shard_bytes(SMALL, first)), members(shard_bytes(SMALL, repeat))
    assert 0 < len(again) < len(original)
    assert again.items() <= original.items()


def test_a_later_clock_only_adds() -> None:
    world = World(1, 0.1)
    late = next(shard for shard in all_shards(world) if shard.known > shard.issue.day and shard.issue.day.year == 2025)
    days = [date(2017, 4, 20), date(2019, 6, 30), late.issue.day, late.known, TODAY]
    earlier: dict[str, object] = {}
    for day in days:
        tree = PatentFeed(world, lambda day=day: day)
        now = {path: entry.modified for path, entry in tree.walk()}
        assert earlier.items() <= now.items()
        assert max(stamp.date() for stamp in now.values()) <= day
        earlier = dict(now)
    folder = next(path for path in earlier if path.endswith(late.name))
    assert PatentFeed(world, lambda: late.issue.day).find(folder) is None
    assert PatentFeed(world, lambda: late.issue.day).find(folder.rsplit("/", 1)[0]) is not None
    before, after = PatentFeed(world, lambda: late.known), PatentFeed(world, lambda: TODAY)
    sample = [path for path in (path for path, _ in before.walk()) if not path.endswith("csv")][::40]
    for path in [*sample, folder, "flat/cnipa_gazette_2019-06-11/utility_new.csv"]:
        one, two = before.find(path), after.find(path)
        assert one and two and one.content and two.content
        assert one.content() == two.content()


def test_listing_makes_no_document_and_starts_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*_: object, **__: object) -> None:
        raise AssertionError("a listing made a document")

    monkeypatch.setattr("ingestion.sandbox.world.document", never)
    monkeypatch.setattr("ingestion.sandbox.shards.page", never)
    begun = time.process_time()
    files = [path for path, _ in PatentFeed(World(9, 1.0), lambda: TODAY).walk()]
    assert 900 < len(files) < 1_300
    assert time.process_time() - begun < 5


def test_generation_is_fast_enough_for_load_tests() -> None:
    """A floor far below the measured speed, so that a busy machine passes and a slip by a factor does not."""
    world = World(1, 8.0)
    shard = shards_of(world, issues_of("utility", 2020)[11])[0]
    best = 0.0
    for _ in range(3):
        begun = time.process_time()
        content = shard_bytes(world, shard)
        best = max(best, len(members(content)) / (time.process_time() - begun))
    assert best > 1_200, f"{best:.0f} documents per second of processor time"
