"""Header-less UTF-8 CSV of the bibliographic feed, ten columns.

申请号, 申请日, 公开号, 公开日, IPC;…;, first applicant, first inventor, title (markup kept), address, post code. Only
the first of the owners and inventors is delivered, so how many there are is unknown and stays empty.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from ingestion import numbers, text
from ingestion.archives import Bounds
from ingestion.readers import Limits, Parsed, Refusal
from ingestion.readers.delimited import Columns
from ingestion.readers.delimited import read as read_delimited
from ingestion.readers.rows import Owners, content, day

_NAMES = (
    "application_number",
    "filing_date",
    "publication_number",
    "publication_date",
    "ipc_codes",
    "first_owner_name",
    "inventor_names",
    "title",
    "address_text",
    "post_code",
)
_NUMBER = re.compile(r"\d")


def read(path: Path, *, limits: Limits | None = None) -> Iterator[Parsed]:
    """Batches of one file; see ingestion.readers."""
    _check_no_header(path)
    return read_delimited(path, _COLUMNS, limits or Bounds())


def _build(cells: list[str]) -> tuple[object, ...]:
    publication = numbers.parse_publication(cells[2])
    assert publication is not None  # rows without it never come here
    filing_date = day("filing_date", cells[1])
    owner = text.clean_name(cells[5])
    post_code, address = text.split_post_code(cells[8])
    return content(
        publication,
        day("publication_date", cells[3]),
        numbers.parse_application(cells[0], filing_date),
        filing_date,
        text.clean_title(cells[7]),
        text.ipc_codes(cells[4]),
        text.locarno_codes(cells[4]),
        Owners(
            [] if owner is None else [owner],
            None,
            address,
            None,
            None,
            None,
            text.post_code(cells[9]) or post_code,
            None,
        ),
        None,
        None,
        None,
    )


def _check_no_header(path: Path) -> None:
    """A first line of ten words without a digit in the places of numbers and dates is a header: another layout."""
    with path.open("rb") as handle:
        first = handle.readline(1 << 16)
    try:
        line = first.decode("utf-8")
    except UnicodeDecodeError:
        return  # said with its place by the strict decoder
    cells = line.split(",")
    if len(cells) == len(_NAMES) and not any(_NUMBER.search(cells[index]) for index in (0, 1, 2, 3)):
        raise Refusal(
            "unexpected_header",
            "本格式无表头，首行却是列名",
            "this layout has no header, but the first line is one",
            place="第1行",
            value=line.strip(),
        )


_COLUMNS = Columns(
    encoding="utf-8",
    names=_NAMES,
    header=None,
    publication_number=2,
    title=7,
    personal=(6,),
    application_number=0,
    row_number=None,
    shown_of_broken=4,
    build=_build,
)
