"""The pages of the sources name a test for each quirk: every one of them is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from ingestion.declarations import source_ids

ROOT = Path(__file__).parents[2]
PAGES = sorted((ROOT / "docs" / "sources").glob("*.md"))
_DEFINED = re.compile(r"^def (test_\w+)\(", re.MULTILINE)
_NAMED = re.compile(
    r"`[^`\s]*?((?:…|\b)test_\w+|…[a-z]\w+)`", re.ASCII
)  # a name, also behind its file; … stands for its beginning


def _defined() -> set[str]:
    return {name for path in (ROOT / "tests").rglob("test_*.py") for name in _DEFINED.findall(path.read_text("utf-8"))}


def test_every_source_has_its_page() -> None:
    assert {page.stem for page in PAGES} == set(source_ids())


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_test_that_a_page_names_is_there(page: Path) -> None:
    defined = _defined()
    named = _NAMED.findall(page.read_text(encoding="utf-8"))
    assert len(named) >= 10, "a page names the tests of its quirks"
    assert [
        name
        for name in named
        if name not in defined and not (name[0] == "…" and any(one.endswith(name[1:]) for one in defined))
    ] == []
