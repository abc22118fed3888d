"""What ingestion writes into the `ops` tables, and asks of them. Every statement is SQLAlchemy Core.

Each function takes an open connection and leaves the transaction to its caller.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

import numpy as np
import pyarrow as pa
from sqlalchemy import Connection, and_, func, insert, select, text, update
from sqlalchemy.dialects.postgresql import insert as upsert

from ingestion.readers import Refusal, Reject
from warehouse.tables import landed_files, loads, outcomes, rejected_rows

WHOLE_FILE = "文件"


@dataclass(frozen=True)
class LandedFile:
    """One row of ops.landed_files, as far as a load needs it."""

    file_id: int
    source_id: str
    layout: str
    file_name: str
    relative_path: str
    landing_path: str
    content_sha256: str
    known_at: date
    is_synthetic: bool
    state: str


@dataclass(frozen=True)
class Counts:
    """Rows of one load. read = loaded + skipped + duplicate + rejected."""

    read: int = 0
    loaded: int = 0
    skipped: int = 0
    duplicate: int = 0
    rejected: int = 0


class Fingerprint:
    """A hash of the rows of a file in any order and packing: a re-zipped copy of it has the same.

    The row hashes are added up in eight lanes of 64 bits, so that neither a sort nor the rows themselves are needed;
    the sums, the number of rows and the layout are then hashed.
    """

    def __init__(self, layout: str) -> None:
        self._layout = layout
        self._rows = 0
        self._sums = np.zeros(8, dtype=np.uint64)
        self._rejects = 0

    def add(self, row_hashes: pa.StringArray) -> None:
        """Add rows by their sha256 in hex (64 characters each, none null); ValueError for anything else."""
        if len(row_hashes) == 0:
            return
        offsets = np.frombuffer(row_hashes.buffers()[1], dtype=np.int32)[row_hashes.offset :][: len(row_hashes) + 1]
        if row_hashes.null_count or offsets[-1] - offsets[0] != 64 * len(row_hashes) or (np.diff(offsets) != 64).any():
            raise ValueError("_row_hash must be a sha256 in hex for every row")
        raw = np.frombuffer(row_hashes.buffers()[2], dtype=np.uint8)[offsets[0] : offsets[-1]]
        lanes = np.ascontiguousarray(raw).view(np.uint64).reshape(-1, 8)
        with np.errstate(over="ignore"):
            self._sums += lanes.sum(axis=0, dtype=np.uint64)
        self._rows += len(row_hashes)

    def add_rejects(self, rejects: Iterable[Reject]) -> None:
        for one in rejects:
            words = "\x1f".join((one.rule, one.field or "", one.value or "", one.row_text or ""))
            self._rejects = (self._rejects + int.from_bytes(hashlib.sha256(words.encode()).digest()[:16])) % (1 << 128)

    def hexdigest(self, otherwise: str) -> str:
        """The fingerprint; for a file without any row, one made of `otherwise`, so that empty files are not alike."""
        digest = hashlib.sha256(f"{self._layout}:{self._rows}:{self._rejects}:".encode())
        digest.update(self._sums.tobytes())
        if self._rows == 0 and self._rejects == 0:
            digest.update(otherwise.encode())
        return digest.hexdigest()


def now() -> datetime:
    return datetime.now(UTC)


def record(
    connection: Connection,
    step: str,
    status: str,
    *,
    source_id: str | None = None,
    object_: str | None = None,
    run_id: str | None = None,
    zh: str | None = None,
    en: str | None = None,
    rows_in: int | None = None,
    rows_out: int | None = None,
    details: Mapping[str, Any] | None = None,
    started_at: datetime | None = None,
) -> None:
    """One row of ops.outcomes: what a step did, in both languages."""
    connection.execute(
        insert(outcomes).values(
            step=step,
            status=status,
            source_id=source_id,
            object=object_,
            run_id=run_id or "cli",
            message_zh=zh,
            message_en=en,
            rows_in=rows_in,
            rows_out=rows_out,
            details=dict(details or {}),
            started_at=started_at or now(),
            finished_at=now(),
        )
    )


def lock(connection: Connection, name: str, *, wait: bool = True) -> bool:
    """Hold an advisory lock of this name until the transaction ends; False when it is taken and `wait` is False."""
    key = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], signed=True)
    if wait:
        connection.execute(select(func.pg_advisory_xact_lock(key)))
        return True
    return bool(connection.execute(select(func.pg_try_advisory_xact_lock(key))).scalar_one())


# --- landing ---------------------------------------------------------------------------------------------------------


def add_landed_file(connection: Connection, **values: Any) -> int | None:
    """The id of the new row; None when the source has landed the same bytes before."""
    statement = (
        upsert(landed_files)
        .values(**values)
        .on_conflict_do_nothing(constraint="landed_files_content_key")
        .returning(landed_files.c.file_id)
    )
    return connection.execute(statement).scalar_one_or_none()


def landed_name(connection: Connection, source_id: str, sha256: str) -> str:
    """Path under which these bytes were landed first."""
    statement = select(landed_files.c.relative_path).where(
        landed_files.c.source_id == source_id, landed_files.c.content_sha256 == sha256
    )
    return str(connection.execute(statement).scalar_one())


def settled_versions(connection: Connection, source_id: str, root: str) -> set[tuple[str, str]]:
    """(relative path, version) of everything fetched from this address before, under any of its names."""
    landed = select(landed_files.c.relative_path, landed_files.c.request["version"].astext).where(
        landed_files.c.source_id == source_id, landed_files.c.address.startswith(f"{root}/", autoescape=True)
    )
    # the same bytes under another name, and files that will not be kept: told only by their outcome
    others = select(outcomes.c.object, outcomes.c.details["version"].astext).where(
        outcomes.c.step == "land",
        outcomes.c.source_id == source_id,
        outcomes.c.details["root"].astext == root,
        outcomes.c.details["settled"].astext == "true",
    )
    rows = [*connection.execute(landed), *connection.execute(others)]
    return {(path, version or "") for path, version in rows}


@dataclass(frozen=True)
class Listed:
    """What earlier listings of an address saw: folder → stamp, and file path → (version, size)."""

    folders: Mapping[str, str]
    files: Mapping[str, tuple[str, int | None]]
    last_full: datetime | None


def listed_before(connection: Connection, source_id: str, root: str) -> Listed:
    """The listings of this address so far. Each outcome holds only what was new or changed, so they are laid over."""
    statement = (
        select(outcomes.c.details, outcomes.c.started_at)
        .where(
            outcomes.c.step == "fetch",
            outcomes.c.source_id == source_id,
            outcomes.c.object == root,
            outcomes.c.details.has_key("listing"),
        )
        .order_by(outcomes.c.outcome_id)
    )
    folders: dict[str, str] = {}
    files: dict[str, tuple[str, int | None]] = {}
    last_full = None
    for details, started_at in connection.execute(statement):
        listing = details["listing"]
        for folder, (stamp, names) in listing["folders"].items():
            folders[folder] = stamp
            for name, (version, size) in names.items():
                files[f"{folder}/{name}" if folder else name] = (version, size)
        if listing["is_full"]:
            last_full = started_at
    return Listed(folders, files, last_full)


def found_late(connection: Connection, source_id: str, root: str) -> dict[tuple[str, str], date]:
    """(path, version) → day on which a listing first found it in a folder that had been listed before."""
    statement = (
        select(outcomes.c.details["late"])
        .where(
            outcomes.c.step == "fetch",
            outcomes.c.source_id == source_id,
            outcomes.c.object == root,
            outcomes.c.details.has_key("late"),
        )
        .order_by(outcomes.c.outcome_id)
    )
    late: dict[tuple[str, str], date] = {}
    for (found,) in connection.execute(statement):
        for path, (version, day) in found.items():
            late.setdefault((path, version), date.fromisoformat(day))
    return late


# --- loading ---------------------------------------------------------------------------------------------------------

_LANDED_COLUMNS = [landed_files.c[name] for name in LandedFile.__dataclass_fields__]


def waiting_files(connection: Connection, source_id: str) -> list[LandedFile]:
    """Landed and not yet loaded, oldest known_at first."""
    statement = (
        select(*_LANDED_COLUMNS)
        .where(landed_files.c.source_id == source_id, landed_files.c.state == "landed")
        .order_by(landed_files.c.known_at, landed_files.c.file_id)
    )
    return [LandedFile(*row) for row in connection.execute(statement)]


def is_waiting(connection: Connection, file_id: int) -> bool:
    state = select(landed_files.c.state).where(landed_files.c.file_id == file_id)
    return connection.execute(state).scalar_one_or_none() == "landed"


def open_load(connection: Connection, file: LandedFile, table_name: str) -> int:
    """A load without rows yet; its id goes into every row. The fingerprint is only known at the end."""
    values = {
        "file_id": file.file_id,
        "source_id": file.source_id,
        "layout": file.layout,
        "table_name": table_name,
        "fingerprint": f"open:{file.content_sha256}",
        "rows_read": 0,
        "rows_loaded": 0,
        "rows_skipped": 0,
        "rows_duplicate": 0,
        "rows_rejected": 0,
        "is_synthetic": file.is_synthetic,
        "known_at": file.known_at,
    }
    return int(connection.execute(insert(loads).values(**values).returning(loads.c.load_id)).scalar_one())


def content_loaded_by(connection: Connection, file: LandedFile, fingerprint: str) -> str | None:
    """Path of the file that brought the same rows before; waits for a copy that is being loaded just now."""
    lock(connection, f"content:{file.source_id}:{file.layout}:{fingerprint}")
    statement = (
        select(landed_files.c.relative_path)
        .join(loads, loads.c.file_id == landed_files.c.file_id)
        .where(
            and_(
                loads.c.source_id == file.source_id,
                loads.c.layout == file.layout,
                loads.c.fingerprint == fingerprint,
                loads.c.state != "duplicate",
            )
        )
    )
    return connection.execute(statement).scalar_one_or_none()


def close_load(connection: Connection, load_id: int, fingerprint: str, counts: Counts, **values: Any) -> None:
    connection.execute(
        update(loads)
        .where(loads.c.load_id == load_id)
        .values(
            fingerprint=fingerprint,
            rows_read=counts.read,
            rows_loaded=counts.loaded,
            rows_skipped=counts.skipped,
            rows_duplicate=counts.duplicate,
            rows_rejected=counts.rejected,
            **values,
        )
    )


def set_file_state(connection: Connection, file_id: int, state: str) -> None:
    connection.execute(update(landed_files).where(landed_files.c.file_id == file_id).values(state=state))


def add_rejects(connection: Connection, file: LandedFile, load_id: int | None, rejects: Sequence[Reject]) -> None:
    """Rows of ops.rejected_rows, cut to the lengths that it keeps."""
    if not rejects:
        return
    connection.execute(
        insert(rejected_rows),
        [
            {
                "file_id": file.file_id,
                "load_id": load_id,
                "source_id": file.source_id,
                "place": _storable(one.place, 500) or WHOLE_FILE,
                "field": _storable(one.field, 100) or None,
                "value": _storable(one.value, 500),
                "rule": one.rule,
                "reason_zh": _storable(one.reason_zh, 1000),
                "reason_en": _storable(one.reason_en, 1000),
                "row_text": _storable(one.row_text, 2000),
            }
            for one in rejects
        ],
    )


def refusal_as_reject(refusal: Refusal) -> Reject:
    return Reject(refusal.place, "", refusal.value, refusal.rule, refusal.reason_zh, refusal.reason_en)


def _storable(value: str | None, most: int) -> str | None:
    """Postgres takes neither NUL nor lone surrogates; rejected input may hold both."""
    if value is None:
        return None
    return value.replace("\x00", "\\x00").encode("utf-8", "backslashreplace").decode()[:most]


def set_limits(connection: Connection) -> None:
    """A loader never waits for ever on a lock that somebody forgot."""
    connection.execute(text("set local lock_timeout = '10min'"))
