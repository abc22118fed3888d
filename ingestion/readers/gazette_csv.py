"""GB18030 CSV of one gazette issue, with a header, as a crawler saved it and a spreadsheet damaged it.

`filing_id` is destroyed in most rows (`2.01E+12`), so the key is the publication number. `??` is an EN SPACE that the
crawler could not write. `authorized_announcement_date` is the day of publication; for grants it is their announcement.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from ingestion import numbers, text
from ingestion.archives import Bounds
from ingestion.readers import Limits, Parsed
from ingestion.readers.delimited import Columns
from ingestion.readers.delimited import read as read_delimited
from ingestion.readers.rows import Owners, content, day

_HEADER = (
    "item",
    "name",
    "authorization_notice_id",
    "authorized_announcement_date",
    "filing_id",
    "filing_date",
    "patentee",
    "designer",
    "address",
    "Int.Cl.",
)
_NAMES = (
    "_row_no",
    "title",
    "publication_number",
    "publication_date",
    "application_number",
    "filing_date",
    "owner_names",
    "inventor_names",
    "address_text",
    "classes",
)


def read(path: Path, *, limits: Limits | None = None) -> Iterator[Parsed]:
    """Batches of one file; see ingestion.readers."""
    return read_delimited(path, _COLUMNS, limits or Bounds())


def _build(cells: list[str]) -> tuple[object, ...]:
    publication = numbers.parse_publication(cells[2])
    assert publication is not None  # rows without it never come here
    publication_date = day("publication_date", cells[3])
    filing_date = day("filing_date", cells[5])
    is_design = publication.patent_type == "design"
    owners = text.split_names(cells[6])
    post_code, address = text.split_post_code(cells[8])
    return content(
        publication,
        publication_date,
        numbers.parse_application(cells[4], filing_date),
        filing_date,
        text.clean_title(cells[1]),
        [] if is_design else text.ipc_codes(cells[9]),
        text.locarno_codes(cells[9]) if is_design else [],
        Owners(owners, len(owners), address, None, None, None, post_code, None),
        None,
        len(text.split_names(cells[7])),
        None,
    )


_COLUMNS = Columns(
    encoding="gb18030",
    names=_NAMES,
    header=_HEADER,
    publication_number=2,
    title=1,
    personal=(7,),
    application_number=4,
    row_number=0,
    shown_of_broken=4,
    build=_build,
    whole_end=re.compile(r"^$|(?:\)[A-Z]{0,2}|[;；])\s*$"),
)
