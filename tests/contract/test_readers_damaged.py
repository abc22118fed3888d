"""However a file is damaged, a reader answers with rows, rejects and refusals, and with nothing else.

Good files are damaged at random (the same way each run). No reader may crash, run wild or miscount; and behind a
checksum, or where only the end is lost, no row may come out that the good file does not have.
"""

from __future__ import annotations

import tempfile
import zipfile
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ingestion.archives import Bounds
from ingestion.readers import PUBLICATION_SCHEMA, READERS, Parsed, Refusal
from tests.contract import test_readers_csv as flat
from tests.contract import test_readers_trs as trs
from tests.contract import test_readers_xml as xml

#: small, so that damage that makes something huge is met here
LIMITS = Bounds(max_file_bytes=1 << 20, max_members=50, max_member_bytes=1 << 18, max_total_bytes=1 << 20)


def _zipped() -> bytes:
    inner = xml.packed(xml.in_folder(xml.name_of(107087399), xml.document(number="107087399")))
    members = [
        xml.in_folder(xml.name_of(number), xml.document(number=str(number))) for number in range(107087341, 107087344)
    ]
    return xml.packed(*members, ("1.zip", inner), xml.in_folder(xml.name_of(305013414, "S", shape="DBP"), xml.DESIGN))


def _stored() -> bytes:
    sink = BytesIO()
    with zipfile.ZipFile(sink, "w") as archive:
        for number in range(107087341, 107087344):
            archive.writestr(*xml.in_folder(xml.name_of(number), xml.document(number=str(number))))
    return sink.getvalue()


def _lines(rows: list[str], encoding: str) -> bytes:
    return "".join(f"{row}\n" for row in rows).encode(encoding)


def _numbers(count: int) -> list[str]:
    return [f"CN10999{serial:04}A" for serial in range(1, count + 1)]


#: name → layout, file name, good bytes, whether a checksum guards every row
GOOD: dict[str, tuple[str, str, bytes, bool]] = {
    "zip": ("bibs_xml", "a.zip", _zipped(), True),
    "stored zip": ("bibs_xml", "a.zip", _stored(), True),
    "bare XML": ("bibs_xml", xml.name_of(), xml.document().encode(), False),
    "BIBS CSV": (
        "bibs_csv",
        "CN-BIBS-ABSS-10-A_20170620.csv",
        _lines([flat.bibs_row(number=number) for number in _numbers(6)], "utf-8"),
        False,
    ),
    "gazette CSV": (
        "gazette_csv",
        "invention_published.csv",
        _lines([flat.HEADER, *(flat.gazette_row(i, number=n) for i, n in enumerate(_numbers(6)))], "gb18030"),
        False,
    ),
    "TRS": ("trs_text", "a_19851110.trs", "".join(trs.record(f"CN8510046{i}A") for i in range(6)).encode(), False),
}

_Damage = Callable[[bytes, Any], bytes]


def _flip(good: bytes, draw: Any) -> bytes:
    raw = bytearray(good)
    for _ in range(draw(st.integers(1, 6))):
        raw[draw(st.integers(0, len(raw) - 1))] = draw(st.integers(0, 255))
    return bytes(raw)


def _drop(good: bytes, draw: Any) -> bytes:
    start = draw(st.integers(0, len(good) - 1))
    return good[:start] + good[start + draw(st.integers(1, 400)) :]


def _insert(good: bytes, draw: Any) -> bytes:
    start = draw(st.integers(0, len(good)))
    words = st.sampled_from(
        [b"\0", b"\xff\xfe", b"<", b">", b"&x;", b"]]>", b"<!ENTITY", b'"', b",", b"\r", b"<REC>\n", b"PK\x03\x04",
         b"PK\x05\x06", "〇".encode(), "例".encode("gb18030")]
    ) | st.binary(min_size=1, max_size=40)  # fmt: skip
    return good[:start] + draw(words) + good[start:]


def _repeat(good: bytes, draw: Any) -> bytes:
    start = draw(st.integers(0, len(good) - 1))
    piece = good[start : start + draw(st.integers(1, 600))]
    return good[:start] + piece * draw(st.integers(2, 4)) + good[start + len(piece) :]


def _cut(good: bytes, draw: Any) -> bytes:
    return good[: draw(st.integers(0, len(good) - 1))]


def read(layout: str, name: str, raw: bytes) -> list[Parsed]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        path.write_bytes(raw)
        return list(READERS[layout](path, limits=LIMITS))


@pytest.mark.parametrize("damage", [_flip, _drop, _insert, _repeat, _cut])
@pytest.mark.parametrize("name", GOOD)
def test_damaged_file_gives_rows_rejects_or_a_refusal_and_never_a_crash(name: str, damage: _Damage) -> None:
    layout, file_name, good, is_guarded = GOOD[name]
    contents = {row["_row_hash"]: row for step in read(layout, file_name, good) for row in step.batch.to_pylist()}
    numbers = {row["publication_number"]: row for row in contents.values()}
    assert contents
    answers = {"read": 0, "refused": 0}

    @settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
    @given(st.data())
    def damaged(data: Any) -> None:
        raw = damage(good, data.draw)
        try:
            steps = read(layout, file_name, raw)
        except Refusal as refusal:
            answers["refused"] += 1
            assert refusal.rule and refusal.place and refusal.reason_zh and refusal.reason_en
            assert len(refusal.value or "") <= 500
            return
        answers["read"] += 1
        rows = [row for step in steps for row in step.batch.to_pylist()]
        rejects = [reject for step in steps for reject in step.rejects]
        assert all(step.batch.schema.equals(PUBLICATION_SCHEMA) for step in steps)
        assert all(one.rule and one.place and one.reason_zh and one.reason_en for one in rejects)
        assert all(len(one.value or "") <= 500 and len(one.row_text or "") <= 2000 for one in rejects)
        met, duplicates = sum(step.rows_read for step in steps), sum(step.duplicates for step in steps)
        shards = sum(one.rule in ("unsupported_archive",) or one.place.endswith(".zip") for one in rejects)
        assert met == len(rows) + duplicates + len(rejects) - shards
        assert len({(row["publication_number"], row["document_status"]) for row in rows}) == len(rows)
        if is_guarded:
            assert {row["_row_hash"] for row in rows} <= set(contents), "a row that nobody delivered"
        if damage is _cut:
            for row in rows:
                whole = numbers[row["publication_number"]]
                differing = {key for key, value in row.items() if value != whole[key]} - {"_row_hash"}
                # what stood behind the cut can be missing, and so can the last of several classes
                told = {key: row[key] for key in differing if row[key] is not None}
                assert all(str(whole[key]).startswith(f"{value};") for key, value in told.items()), told

    damaged()
    assert answers["read"] + answers["refused"] >= 60


@pytest.mark.parametrize("size", [0, 1, 3, 4, 22, 1000])
@pytest.mark.parametrize("layout", ["bibs_xml", "bibs_csv", "gazette_csv", "trs_text"])
def test_noise_is_refused(layout: str, size: int) -> None:
    noise = bytes((number * 197 + 91) % 256 for number in range(size))
    for name in ("a.zip", "a.csv", "a.XML"):
        with pytest.raises(Refusal):
            read(layout, name, noise)
