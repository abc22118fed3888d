"""What the office tells of a patent's life: records with parties, numbers and text, made from `lives` on demand."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

from ingestion.sandbox import legal_text, lives, owners, places
from ingestion.sandbox.dice import mix, pick, salt
from ingestion.sandbox.legal_text import CHINESE, LINES, SPACED, TEMPLATE, Pair
from ingestion.sandbox.legal_text import PLAIN as AS_USUAL
from ingestion.sandbox.lives import Happening, Patent
from ingestion.sandbox.owners import Owner
from ingestion.sandbox.places import LOOKALIKE, Place
from ingestion.sandbox.targets import DESIGN, DISTRICTS, DONGLI, GRANTED, PUBLISHED
from ingestion.sandbox.world import Document, World, application_place, document

_VALUES = {
    lives.LAPSE: "未缴年费专利权终止",
    lives.EXPIRY: "专利权有效期届满",
    lives.ABANDONMENT: "专利权的主动放弃",
    lives.INVALIDATION: "专利权全部无效",
    lives.PARTIAL: "无效公告",
    lives.RESTORATION: "权利的恢复",
    lives.TRANSFER: "专利权的转移",
    lives.ASSIGNMENT: "专利申请权的转移",
    lives.LICENCE: "专利实施许可合同备案的生效",
    lives.LICENCE_CHANGE: "专利实施许可合同备案的变更",
    lives.LICENCE_END: "专利实施许可合同备案的注销",
    lives.OPEN_LICENCE: "专利开放许可声明",
    lives.OPEN_LICENCE_END: "专利开放许可声明的撤回",
    lives.PLEDGE: "专利权质押合同登记的生效",
    lives.PLEDGE_CHANGE: "专利权质押合同登记的变更",
    lives.PLEDGE_END: "专利权质押合同登记的注销",
    lives.PRESERVATION: "专利权的保全",
    lives.PRESERVATION_END: "专利权保全的解除",
    lives.NAME: "专利权人的姓名或者名称的变更",
    lives.ADDRESS: "专利权人的地址的变更",
    lives.NAME_AND_ADDRESS: "专利权人的姓名或者名称、地址的变更",
    lives.RECORD_CHANGE: "著录事项变更",
    lives.DESIGN_CORRECTION: "外观设计专利公报更正",
    lives.SERVICE: "文件的公告送达",
    lives.EXAMINATION: "实质审查的生效",
    lives.PUBLICATION: "公开",
}
_OLD_TRANSFERS_UNTIL = date(2015, 1, 1)
_OLD_TRANSFERS = "专利申请权、专利权的转移"
_UNTYPED = (("DC01", "保密专利的解密"), ("XX00", "其他有关事项"), ("", "其他有关事项"))
_WITHOUT_CODE = {lives.EXAMINATION, lives.PUBLICATION}
_LICENSOR_SINCE = date(2021, 1, 1)
_LICENCES = ("独占许可", "排他许可", "普通许可", "普通许可")
_BANKS = (
    "例华银行股份有限公司天津东丽支行",
    "天津例商银行股份有限公司",
    "例信融资担保有限公司",
    "例海银行股份有限公司天津分行",
    "天津例农商银行股份有限公司东丽中心支行",
    "例融科技小额贷款有限公司",
)
_HALF = str.maketrans("（）", "()")
_GRANT_SLOT, _SLOTS = 15, 16
_ACCEPTED = {lives.TRANSFER: 40, lives.LICENCE: 60, lives.OPEN_LICENCE: 45}  # percent; a school accepts all


@dataclass(slots=True)
class Record:
    """One record as it is delivered. `delivered` is the folder's day, `published` the gazette's."""

    patent: Patent
    prs_id: str
    delivered: date
    published: date
    effective: date
    code: str
    value: str
    text: str
    status: str = "C"
    kind: str = ""  # what happened, whether or not the code says so
    contract: str = ""
    before: int = -1  # district of the first owner before and after it
    after: int = -1


@dataclass(slots=True)
class _Told:
    code: str
    value: str
    name: str
    pairs: list[Pair]
    wrong: list[Pair] | None = None
    contract: str = ""
    before: int = -1
    after: int = -1
    is_bare: bool = False  # a change of one owner and nothing else: may go without the names of what changes


class Life:
    """One patent's records, its owners followed from one to the next."""

    def __init__(self, world: World, patent: Patent) -> None:
        self.world, self.patent = world, patent
        self.document: Document = document(world, *patent)
        made = self.document
        self.granted = made.day
        self.first: Owner = made.owner
        self.names = [made.owner.name_on(made.day), *(name for name in made.owner_names[1:])]
        self.place: Place = made.place
        self.home = patent.district
        self._accepted: set[int] = set()
        self._number = lives.number_of(patent, world.scale)

    # -- records

    def records(self, day: date | None = None) -> Iterator[Record]:
        """All, in the order in which they take effect, with those that come twice or corrected; or a delivery day's."""
        slot = 0
        for one in lives.happenings(self.world, self.patent):
            before = self.home
            told = self._tell(one)
            if told is None:
                continue
            told.before, told.after = before, self.home
            extra = [told]
            if one.code == lives.INVALIDATION and one.luck % 10 < 3:
                extra.append(_Told(lives.PARTIAL, "无效公告", "无效公告", told.pairs, before=before, after=before))
            is_asked = day is None or day in (one.announced, one.again, one.corrected)
            for each in extra:
                if is_asked:
                    yield from (made for made in self._deliver(one, each, slot) if day in (None, made.delivered))
                slot = min(slot + 2, _GRANT_SLOT - 1)

    def _id(self, year: int, slot: int) -> str:
        return f"PRS{year}{self._number * _SLOTS + slot:09d}"

    def _deliver(self, one: Happening, told: _Told, slot: int) -> Iterator[Record]:
        text = self._text(one, told, told.pairs)
        prs_id = self._id(one.announced.year, slot)
        made = Record(
            self.patent, prs_id, one.announced, one.announced, one.effective, told.code, told.value, text,
            kind=one.code, contract=told.contract, before=told.before, after=told.after,
        )  # fmt: skip
        if one.corrected and told.wrong is not None:
            wrong = self._text(one, told, told.wrong)
            yield Record(
                self.patent, prs_id, one.announced, one.announced, one.effective, told.code, told.value, wrong,
                kind="wrong",
            )  # fmt: skip
            made.delivered, made.status = one.corrected, "R"
        yield made
        if one.again:
            yield Record(
                self.patent, self._id(one.announced.year, slot + 1), one.again, one.announced, one.effective,
                told.code, told.value, text, kind="again",
            )  # fmt: skip

    def _text(self, one: Happening, told: _Told, pairs: list[Pair]) -> str:
        if not pairs:
            return told.name
        roll = (one.luck >> 16) % 100
        shape = AS_USUAL
        if roll < 10:
            shape = SPACED
        elif roll < 20 and not any(label.startswith("变更事项") for label, _ in pairs):
            shape = LINES
        elif told.is_bare and roll < 70:
            shape = CHINESE
            pairs = [pair for pair in pairs if pair[0] != "变更事项"]
            if told.code == lives.ASSIGNMENT:
                pairs = [(label.replace("权利人", "申请人"), value) for label, value in pairs]
        elif roll < 26 and told.code in (lives.TRANSFER, lives.ASSIGNMENT):
            shape = CHINESE
        elif told.code == lives.PLEDGE_END and roll < 60:
            shape = TEMPLATE
        if (one.luck >> 9) % 12 == 0:  # brackets of half width
            pairs = [(label, value.translate(_HALF) if isinstance(value, str) else value) for label, value in pairs]
        made = self.document
        heading = legal_text.main_class(made.classes, made.locarno, one.announced.year < 2021)
        return legal_text.compose(shape, told.name, heading, made.application.original, pairs)

    # -- what happened

    def _tell(self, one: Happening) -> _Told | None:
        code, luck = one.code, one.luck
        if code in (lives.TRANSFER, "second owner"):
            return self._transfer(one)
        if code in (lives.LICENCE, lives.LICENCE_CHANGE, lives.LICENCE_END):
            return self._licence(one)
        if code in (lives.PLEDGE, lives.PLEDGE_CHANGE, lives.PLEDGE_END):
            return self._pledge(one)
        if code in (lives.OPEN_LICENCE, lives.OPEN_LICENCE_END):
            return self._open_licence(one)
        if code in (lives.NAME, lives.ADDRESS):
            return self._changed(one)
        if code == lives.ASSIGNMENT:
            return self._assigned(one)
        if code == lives.UNKNOWN:
            found, value = _UNTYPED[luck % len(_UNTYPED)]
            return _Told(found, value, value, [])
        value = _VALUES[code]
        found = "" if code in _WITHOUT_CODE else code
        filed: Pair = ("申请日", self.document.filed)
        granted: Pair = ("授权公告日", self.granted)
        name, pairs = value, [filed, granted] if luck % 5 < 3 else [granted]
        wrong: list[Pair] | None = None
        if code == lives.LAPSE:
            pairs.append(("终止日期", one.effective))
            misread = lives.anniversary(self.document.filed, one.effective.year - 1 - self.document.filed.year)
            if misread > self.granted:
                wrong = [*pairs[:-1], ("终止日期", misread)]
        elif code == lives.EXPIRY:
            pairs += [("终止日期", one.effective)] if luck % 2 else []
        elif code == lives.ABANDONMENT:
            name = value if luck % 3 else "避免重复授予专利权"
            pairs.append(("放弃生效日", one.effective))
        elif code in (lives.INVALIDATION, lives.PARTIAL):
            decided = one.announced - timedelta(days=25 + luck % 60)
            pairs = [granted, ("无效宣告决定号", str(20_000 + luck % 40_000)), ("无效宣告决定日", decided)]
            if code == lives.PARTIAL:
                name = "专利权部分无效"
                pairs.append(("维持有效的权利要求", "第3-7项"))
        elif code == lives.PRESERVATION:
            pairs.append(("登记生效日", one.effective))
        elif code == lives.PRESERVATION_END:
            pairs.append(("解除日", one.effective))
        elif code == lives.EXAMINATION:
            pairs = [filed]
        elif code == lives.PUBLICATION:
            pairs = []
        elif code == lives.RECORD_CHANGE:
            pairs = [("变更事项", "发明人"), ("变更前", "例某"), ("变更后", "例某 例某某")]
        elif code == lives.DESIGN_CORRECTION:
            pairs = [granted, ("更正项目", "附图")]
        return _Told(found, value, name, pairs, wrong)

    def _is_accepted(self, one: Happening) -> bool:
        """Schools do what firms only sometimes do; what begins is also told of later."""
        begun = hash_of(one.leader)
        if one.code in _ACCEPTED:
            is_school = "/s" in self.first.key
            if is_school or (one.luck >> 50) % 100 < _ACCEPTED[one.code]:
                self._accepted.add(begun)
        return begun in self._accepted

    def _someone(self, district: int, luck: int, year: int) -> Owner:
        """A firm of the district that is there in that year, another one than the owner."""
        seed, scale = self.world.seed, self.world.scale
        there = max(12, int(owners.firms(district, scale) * min(1.0, 0.22 + 0.78 * (year - 2006) / 20)))
        at = int(there * ((luck >> 4) % 10_000 / 10_000) ** 1.6)
        found = owners.plain_firm(seed, district, at)
        while found.key == self.first.key or (district == DONGLI and found.place.nature == LOOKALIKE):
            at += 1
            found = owners.plain_firm(seed, district, at)
        return found

    def _written(self, place: Place, luck: int) -> str:
        """An address, a quarter of them with the post code in front."""
        return f"{place.post_code} {place.text}" if place.post_code and luck % 4 == 0 else place.text

    def _transfer(self, one: Happening) -> _Told | None:
        luck, day = one.luck, one.effective
        value = _OLD_TRANSFERS if one.announced < _OLD_TRANSFERS_UNTIL else _VALUES[lives.TRANSFER]
        name = _VALUES[lives.TRANSFER]
        before = self.names[0]
        address = self._written(self.place, luck)
        if one.code == "second owner":
            if len(self.names) < 2:
                return None
            other = self._someone(1 + luck % (len(DISTRICTS) - 2), luck >> 7, day.year).name_on(day)
            pairs = [
                *_change("专利权人", before, before),
                *_change("地址", address, address),
                *_change("共同专利权人" if luck % 3 == 0 else "专利权人", self.names[1], other),
                ("登记生效日", day),
            ]
            self.names[1] = other
            return _Told(lives.TRANSFER, value, name, pairs)
        if not one.over_border and not self._is_accepted(one):
            return None
        home = self.home
        if one.over_border:
            home = DONGLI if self.patent.district != DONGLI else 1 + (luck >> 3) % (len(DISTRICTS) - 1)
        to = self._someone(home, luck >> 7, day.year)
        pairs = _change("专利权人", before, to.name_on(day))
        stays = not one.over_border and luck % 12 == 0  # another firm of the same group, next door
        if not stays:
            new = places.as_of(to.place, day.year)
            pairs += _change("地址", address, self._written(new, luck))
            self.place = new
        others = self.names[1:]
        if others and luck % 3 == 0:
            pairs += [pair for name_ in others for pair in _change("共同专利权人", name_, "无")]
            others = []
        elif luck % 3 == 1:
            pairs += [pair for name_ in others for pair in _change("专利权人", name_, name_)]
        told = _Told(lives.TRANSFER, value, name, [*pairs, ("登记生效日", day)], is_bare=stays and len(pairs) == 3)
        self.first, self.names, self.home = to, [to.name_on(day), *others], home
        return told

    def _assigned(self, one: Happening) -> _Told:
        family, year, ordinal = application_place(self.world, *self.patent)
        assert family == PUBLISHED
        earlier = document(self.world, family, self.patent.district, year, ordinal)
        day = one.effective
        value = _OLD_TRANSFERS if one.announced < _OLD_TRANSFERS_UNTIL else _VALUES[lives.ASSIGNMENT]
        pairs = _change("申请人", earlier.owner.name_on(earlier.day), self.first.name_on(day))
        is_bare = one.luck % 2 == 0
        if not is_bare:
            pairs += _change("地址", self._written(earlier.place, one.luck), self._written(self.place, one.luck))
        pairs.append(("登记生效日", day))
        return _Told(lives.ASSIGNMENT, value, _VALUES[lives.ASSIGNMENT], pairs, is_bare=is_bare)

    def _number_of_contract(self, one: Happening, begun_year: int, letter: str) -> str:
        number = lives.number_of(one.leader, self.world.scale)
        return f"{letter}{begun_year}{'98' if letter else '12'}{number:08d}"

    def _begun_year(self, one: Happening) -> int:
        """Of the deal that this one changes or ends."""
        begins = {lives.LICENCE_CHANGE: lives.LICENCE, lives.LICENCE_END: lives.LICENCE}
        code = begins.get(one.code, one.code if one.code == lives.LICENCE else lives.PLEDGE)
        return next(other.effective.year for other in lives.happenings(self.world, self.patent) if other.code == code)

    def _licence(self, one: Happening) -> _Told | None:
        if not self._is_accepted(one):
            return None
        luck, value = one.luck, _VALUES[one.code]
        begun = self._begun_year(one)
        is_new = begun >= _LICENSOR_SINCE.year
        contract = self._number_of_contract(one, begun, "X" if is_new else "")
        giver, taker = ("许可人", "被许可人") if is_new else ("让与人", "受让人")
        district = self.home if luck % 3 else 1 + luck % (len(DISTRICTS) - 1)
        to = self._someone(district, luck >> 11, begun).name_on(one.effective)
        if luck % 11 == 0:
            to += "、" + self._someone(self.home, luck >> 23, begun + 1).name_on(one.effective)
        kind = pick(_LICENCES, (luck >> 5) % 1000 / 1000)
        pairs: list[Pair] = [("合同备案号", contract), (giver, self.names[0]), (taker, to)]
        wrong: list[Pair] | None = None
        if one.code == lives.LICENCE:
            pairs += [("发明名称", self._title()), ("申请日", self.document.filed), ("授权公告日", self.granted)]
            other = _LICENCES[(_LICENCES.index(kind) + 1) % 3]
            wrong = [*pairs, ("许可种类", other), ("备案日期", one.effective)]
            pairs += [("许可种类", kind), ("备案日期", one.effective)]
        elif one.code == lives.LICENCE_CHANGE:
            pairs += [("变更日", one.effective), ("变更项", "许可种类"), ("变更前", kind), ("变更后", "普通许可")]
        else:
            pairs.append(("解除日", one.effective))
        return _Told(one.code, value, value, pairs, wrong, contract)

    def _title(self) -> str:
        title = self.document.title
        for mark in ("<base:Sub>", "</base:Sub>", "<base:Sup>", "</base:Sup>"):
            title = title.replace(mark, "")
        return title

    def _open_licence(self, one: Happening) -> _Told | None:
        if not self._is_accepted(one):
            return None
        value = _VALUES[one.code]
        has_code = (one.luck >> 6) % 2 == 0
        pairs: list[Pair] = [("专利权人", self.names[0])]
        if one.code == lives.OPEN_LICENCE:
            fee = f"一次总付，{1 + one.luck % 20}万元"
            until = f"{one.announced.year + 3}年{one.announced.month}月{one.announced.day}日"
            pairs += [("许可使用费支付方式、标准", fee), ("许可期限", f"自公告之日起至{until}")]
        return _Told(one.code if has_code else "", value, value, pairs)

    def _pledge(self, one: Happening) -> _Told | None:
        luck, value = one.luck, _VALUES[one.code]
        contract = self._number_of_contract(one, self._begun_year(one), "Y")
        bank = _BANKS[luck % len(_BANKS)]
        both = bank if luck % 9 else bank + "、" + _BANKS[(luck + 2) % len(_BANKS)]
        owner: Pair = ("出质人", self.names[0])
        holder: Pair = ("质权人", both)
        wrong: list[Pair] | None = None
        pairs: list[Pair]
        if one.code == lives.PLEDGE:
            begin: list[Pair] = [("登记号", contract), ("登记生效日", one.effective), owner]
            end: list[Pair] = [
                ("发明名称", self._title()),
                ("申请日", self.document.filed),
                ("授权公告日", self.granted),
            ]
            pairs = [*begin, holder, *end]
            wrong = [*begin, ("质权人", _BANKS[(luck + 1) % len(_BANKS)]), *end]
        elif one.code == lives.PLEDGE_CHANGE:
            pairs = [("登记号", contract), ("变更日", one.effective), owner, holder]
            pairs += [("变更项", "质权人"), ("变更前", both), ("变更后", _BANKS[(luck + 3) % len(_BANKS)])]
        else:
            pairs = [("登记号", contract), ("解除日", one.effective), owner, holder]
        return _Told(one.code, value, value, pairs, wrong, contract)

    def _changed(self, one: Happening) -> _Told | None:
        """A new name where the register has one, and addresses within the district."""
        luck, code = one.luck, one.code
        before, after = self.names[0], self.first.name_on(one.effective)
        pairs: list[Pair] = []
        labels = ("变更前权利人", "变更后权利人") if luck % 2 else ("变更前", "变更后")
        if code == lives.NAME:
            if before == after:
                return None
            pairs += _change("专利权人", before, after, labels)
            self.names[0] = after
        if code == lives.ADDRESS or luck % 7 == 0:
            text = places.respelt(self.place.text)
            if text == self.place.text:
                text += f"{2 + luck % 8}号院"
            new = Place(
                self.place.province, self.place.city, self.place.county, self.place.post_code, text,
                self.place.nature, self.place.state,
            )  # fmt: skip
            pairs += _change("地址", self.place.text, text, labels)
            self.place = new
            code = lives.NAME_AND_ADDRESS if code == lives.NAME else code
        return _Told(code, _VALUES[code], _VALUES[code], pairs)


def hash_of(patent: Patent) -> int:
    """A small key for one patent among others."""
    return mix(salt("patent", patent.family), patent.district, patent.year, patent.ordinal)


def _change(
    what: str, before: str, after: str, labels: tuple[str, str] = ("变更前权利人", "变更后权利人")
) -> list[Pair]:
    return [("变更事项", what), (labels[0], before), (labels[1], after)]


def grant_record(world: World, made: Document) -> Record:
    """授权: designs have a code for it, the others only the words."""
    patent = Patent(made.family, made.district, made.year, made.ordinal)
    code, value = (lives.GRANT, "外观设计专利权授予") if made.family == DESIGN else ("", "授权")
    number = lives.number_of(patent, world.scale) * _SLOTS + _GRANT_SLOT
    return Record(
        patent, f"PRS{made.day.year}{number:09d}", made.day, made.day, made.day, code, value, value, kind=lives.GRANT
    )


def tells_of_grants(family: str, year: int) -> bool:
    """Utility models are told of from 2025 on, the others always."""
    return family in (GRANTED, DESIGN) or year >= 2025
