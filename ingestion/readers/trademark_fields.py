"""Where each field of a trademark document stands, and what its words mean: tables, so that a correction is one line.

The formats are described and no true file has been seen. Several paths of a field are tried in their order: the first
that holds a text wins. Paths are relative to the root TRADEMARK, those of a party to the party's element.
"""

from __future__ import annotations

Paths = dict[str, tuple[str, ...]]

ROOT = "TRADEMARK"

#: in every document
IDENTITY: Paths = {
    "mark_id": ("MARK_CN_ID",),
    "registration_number": ("BASEINFO/REGISTRATION-NO",),
    "nice_class": ("BASEINFO/ICN",),
}

#: in a document about a mark itself: packages 132, 136, 137
MARK: Paths = {
    "application_number": ("BASEINFO/APPLICATION-NO",),
    "name": ("NAMEINFO/NAME",),
    "language": ("BASEINFO/ORIGINAL-LANGUAGE",),
    "specified_colour": ("BASEINFO/SPECIFIED-COLOR",),
    "state": ("BASEINFO/CURRENT-STATE-RIGHT",),
    "notice_status": ("TRADEMARK-NOTICE-STATUS",),
    "application_date": ("DATEINFO/APPLICATION-DATE",),
    "registration_date": ("DATEINFO/REG-DATE",),
    "right_from": ("DATEINFO/SPECIAL-RIGHT-STARTDATE",),
    "right_to": ("DATEINFO/SPECIAL-RIGHT-ENDDATE",),
    "priority_date": ("DATEINFO/PRIORITY-RIGHT-DATE",),
    "international_registration_date": (
        "OTHERINFO/INTERNATIONAL-REG-DATE",
        "DATEINFO/INTERNATIONAL-REG-DATE",
    ),
    # not described: likely places
    "designations": ("OTHERINFO/DESIGNATED-COUNTRIES", "OTHERINFO/DESIGNATED-COUNTRY", "BASEINFO/DESIGNATED-COUNTRIES"),
    "recognition_date": (
        "OTHERINFO/WELL-KNOWN-DATE",
        "OTHERINFO/RECOGNITION-DATE",
        "DATEINFO/WELL-KNOWN-DATE",
        "DATEINFO/RECOGNITION-DATE",
    ),
    "recognition_number": ("OTHERINFO/WELL-KNOWN-NO", "OTHERINFO/RECOGNITION-NO"),
}

#: repeated elements of such a document
MARK_TYPES = "BASEINFO/TRADEMARK-TYPE"
SERVICES = "SERVICE-LIST"
OTHER = "OTHERINFO"
#: one of these makes it a document about a mark
MARK_SIGNS = ("NAMEINFO", "DATEINFO", "APPLICATION-PERSION-INFOS", "APPLICATION-PERSON-INFOS")
#: leaves of OTHERINFO that have a column of their own
OTHER_READ = frozenset(
    path.removeprefix("OTHERINFO/") for paths in MARK.values() for path in paths if path.startswith("OTHERINFO/")
)
#: leaves of OTHERINFO that tell of a person behind the owner: dropped
OTHER_DROPPED = r"AGENT-PERS|ID-?CARD|IDENTITY|CERT-?NO|PHONE|MOBILE|E-?MAIL|CONTACT|(?:^|[/-])TEL(?:$|[/-])"

#: the folders of the owners; the first spelling is the one of the described files
OWNERS = ("APPLICATION-PERSION-INFOS", "APPLICATION-PERSON-INFOS")

#: below a party: an owner, a transferor, a licensee …; no address tag is described
PARTY: Paths = {
    "name_zh": ("NAME-ZH",),
    "name_en": ("NAME-EN",),
    "address": ("ADDRESS-ZH", "ADDRESS-CN", "ADDRESS", "ADDR-ZH", "ADDR", "ADDRESS-EN"),
    "province": ("PROVINCE", "ADDRESS/PROVINCE"),
    "city": ("CITY", "ADDRESS/CITY"),
    "county": ("COUNTY", "DISTRICT", "ADDRESS/COUNTY"),
    "post_code": ("POST-CODE", "POSTCODE", "ZIP-CODE", "ZIPCODE", "ADDRESS/POST-CODE"),
}
#: an address may stand beside the owners too; it is then that of the first
OWNER_ADDRESS: Paths = {
    "address": ("OTHERINFO/ADDRESS-ZH", "OTHERINFO/ADDRESS", "BASEINFO/ADDRESS-ZH", "BASEINFO/ADDRESS"),
}

#: package 134
TRANSFERS = "TRANSFERINFOS/TRANSFERINFO"
TRANSFER: Paths = {
    "gazette_issue": ("ZHRGGQH",),
    "gazette_page": ("YM",),
    "announcement_date": ("ZHGGRQ",),
}
TRANSFEROR, TRANSFEREE = "ZHRR", "SHRR"

#: package 133
LICENCES = "LICENSEPROCESSINFOS/LICENSEPROCESSINFO"
LICENCE: Paths = {
    "record_number": ("BAH",),
    "gazette_issue": ("XKBAGGQH",),
    "gazette_page": ("PAGENUM",),
    "notice_type": ("GGTYPE",),
    "licensed_goods": ("XKGS",),
    "term": ("XKQX",),
    "announcement_date": ("XKBAGGRQ",),
}
LICENSOR, LICENSEE = "XKR", "BXKR"

#: what a word says of the state of a right: the first expression found in it. The order matters: a request to cancel
#: leaves the right as it is, and 无效 holds neither 有效 nor 部分.
STATE_WORDS = (
    (r"部分(?!有效).*(?:撤[销消]|无效|注销|失效)|(?:撤[销消]|无效|注销).*部分|部分有效", "partially_cancelled"),
    (r"(?:撤[销消]|无效|注销|续展|转让|变更|许可|质押).*(?:中$|待审|申请|受理|等待)", "registered"),
    (r"待审|审[查理]?中|申请中|(?<!不予)受理|初步审定|初审|等待|异议中", "pending"),
    (r"驳回|不予(?:核准)?注册|不予受理", "refused"),
    (r"撤回|放弃", "withdrawn"),
    (r"期满|届满|到期|失效|未续展|过期|终止", "expired"),
    (r"无效", "invalidated"),
    (r"[撤吊][销消]|注销", "cancelled"),
    (r"未注册|未核准", "pending"),
    (r"有效|注册|核准|生效|维持|续展", "registered"),
)

#: what a type says of the kind of a mark
KIND_WORDS = (("集体", "collective"), ("证明", "certification"), ("特殊", "special"), ("普通|一般", "ordinary"))
EXTENSION_WORD = "领土延伸"
