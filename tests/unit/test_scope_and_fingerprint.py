"""Which rows are kept, and when two files hold the same rows."""

import hashlib
import random

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingestion.declarations import declaration
from ingestion.ledger import Fingerprint
from ingestion.readers import Reject
from ingestion.scope import in_scope

_NAMES = ("province", "city", "post_code", "address_text")


def _batch(*rows: tuple[str | None, str | None, str | None, str | None]) -> pa.RecordBatch:
    columns = zip(*rows, strict=True) if rows else [[] for _ in _NAMES]
    return pa.RecordBatch.from_arrays([pa.array(list(column), pa.string()) for column in columns], names=list(_NAMES))


@pytest.mark.parametrize(
    ("row", "inside"),
    [
        (("天津市", None, None, None), True),
        ((None, "天津", None, None), True),
        ((None, None, "300300", None), True),
        ((None, None, "301799", None), True),
        ((None, None, "302000", None), False),
        ((None, None, "3003001", None), False),
        ((None, None, None, "天津市东丽区华明街"), True),
        (("江苏省", "南通市", "226000", "南通市东丽酒伊织染厂"), False),
        ((None, None, None, None), False),
    ],
)
def test_a_row_is_inside_by_structure_post_code_or_address(row: tuple[str | None, ...], inside: bool) -> None:
    kept = in_scope(_batch(row), declaration("cnipa_patents"), "tianjin")  # type: ignore[arg-type]
    assert kept.num_rows == int(inside)


def test_all_keeps_everything_and_nothing_is_copied() -> None:
    batch = _batch(("江苏省", None, None, None))
    assert in_scope(batch, declaration("cnipa_patents"), "all") is batch
    assert in_scope(_batch(), declaration("cnipa_patents"), "tianjin").num_rows == 0


def _hashes(words: list[str]) -> pa.StringArray:
    return pa.array([hashlib.sha256(word.encode()).hexdigest() for word in words], pa.string())


def _fingerprint(words: list[str], layout: str = "x", cut: int = 1) -> str:
    fingerprint = Fingerprint(layout)
    for start in range(0, len(words), cut):
        fingerprint.add(_hashes(words[start : start + cut]))
    return fingerprint.hexdigest("file")


@given(words=st.lists(st.text(max_size=3), max_size=12), cut=st.integers(1, 5), seed=st.randoms())
def test_order_and_batches_do_not_matter(words: list[str], cut: int, seed: random.Random) -> None:
    shuffled = list(words)
    seed.shuffle(shuffled)
    assert _fingerprint(words) == _fingerprint(shuffled, cut=cut)


@given(words=st.lists(st.text(max_size=3), min_size=1, max_size=8), extra=st.text(max_size=3))
def test_every_row_counts_as_often_as_it_stands_there(words: list[str], extra: str) -> None:
    assert _fingerprint(words) != _fingerprint([*words, extra])
    assert _fingerprint(words) != _fingerprint(words, layout="y")


def test_a_slice_is_hashed_as_what_it_shows() -> None:
    whole = _hashes(["a", "b", "c", "d"])
    one, two = Fingerprint("x"), Fingerprint("x")
    one.add(whole.slice(1, 2))
    two.add(_hashes(["b", "c"]))
    assert one.hexdigest("") == two.hexdigest("")


def test_rejects_count_and_empty_files_differ_by_their_bytes() -> None:
    reject = Reject("第1行", "title", "x", "bad", "坏", "bad")
    one, two = Fingerprint("x"), Fingerprint("x")
    assert one.hexdigest("a") != two.hexdigest("b")
    one.add_rejects([reject])
    assert one.hexdigest("a") == one.hexdigest("b") != two.hexdigest("a")


@pytest.mark.parametrize("bad", [["short"], [None]])
def test_what_is_no_hash_is_refused(bad: list[str | None]) -> None:
    with pytest.raises(ValueError, match="_row_hash"):
        Fingerprint("x").add(pa.array(bad, pa.string()))
