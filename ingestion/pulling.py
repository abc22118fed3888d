"""List a source, fetch what is new, land it: `pull`; and `land` for a file given by hand.

One bad file never blocks the rest; a run that was killed leaves nothing that the next one has to be told about.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine

from ingestion import ledger, missing, parts
from ingestion.addresses import source_address
from ingestion.declarations import Declaration, Match, declaration
from ingestion.landing import Landing, clean_name, copy_hashed, landing
from ingestion.ledger import Listed
from ingestion.pace import SharedPace
from ingestion.parts import Incomplete
from ingestion.results import SHANGHAI, Counted, Progress, silent
from ingestion.transport import (
    Fetched,
    PassingError,
    Pause,
    RemoteFile,
    TooLarge,
    Transport,
    TransportError,
    open_transport,
)
from warehouse import connections

_FLUSH_FILES, _FLUSH_SECONDS = 50, 2.0
_GIVE_UP_AFTER = 5  # failures in a row: then the server is down, and asking for the rest would only burden it


class LandRefused(ValueError):
    """A file given by hand cannot be landed: no layout, no date, or not there."""


@dataclass(frozen=True)
class PullResult(Counted):
    """Files of one pull. listed = known + fetched + refused + failed + left, without the ignored ones.

    A split archive is one file; `incomplete` ones lack a part, are not among the listed and come with a later delivery.
    """

    listed: int = 0
    incomplete: int = 0
    ignored: int = 0
    fetched: int = 0
    known: int = 0
    refused: int = 0
    failed: int = 0
    left: int = 0
    late: int = 0
    landed: int = 0
    messages: tuple[str, ...] = ()


@dataclass(frozen=True)
class ListedFile:
    """One file of a listing, as `python -m ingestion list` shows it."""

    path: str
    layout: str
    known_at: date | None
    size: int | None
    is_known: bool


@dataclass
class _Listing:
    """What one walk over a source found."""

    wanted: dict[str, tuple[RemoteFile, Match]] = field(default_factory=dict)
    ignored: int = 0
    is_synthetic: bool = False
    is_full: bool = True
    is_filtered: bool = False
    folders: dict[str, tuple[str, dict[str, tuple[str, int | None]]]] = field(default_factory=dict)
    late: dict[str, tuple[str, str]] = field(default_factory=dict)
    failures: list[tuple[str, TransportError]] = field(default_factory=list)
    incomplete: list[Incomplete] = field(default_factory=list)
    days: dict[str, dict[date, str]] = field(default_factory=dict)
    seen: set[str] = field(default_factory=set)


def pull(
    source_id: str,
    since: date | None = None,
    until: date | None = None,
    run_id: str | None = None,
    *,
    full: bool = False,
    progress: Progress = silent,
) -> PullResult:
    """List a source, fetch what is new and land it. `since` and `until` bound the files' own dates (both inclusive).

    Raises TransportError when the source as a whole cannot be listed; single files that fail are counted, recorded
    and tried again by the next run.
    """
    source = declaration(source_id)
    address = source_address(source_id)
    area = landing()
    engine = connections.engine("loader")
    started_at = ledger.now()
    if address.scheme not in source.transport.schemes:
        raise TransportError(
            "scheme", f"数据源不支持 {address.scheme} 地址", f"this source does not take {address.scheme} addresses"
        )
    area.clear_aside()
    root = address.shown
    today = datetime.now(SHANGHAI).date()
    with engine.begin() as connection:
        before = ledger.listed_before(connection, source_id, root)
    transport = open_transport(address, source.politeness, SharedPace(engine, source_id, address, source.politeness))
    try:
        found = _list(source, transport, before, today, since, until, full, progress)
    except TransportError as error:
        _note(engine, source_id, "fetch", "failed", root, run_id, error, started_at, requests=transport.requests_made)
        raise
    requests_of_listing = transport.requests_made
    with engine.begin() as connection:
        _record_listing(connection, source_id, root, found, run_id, started_at, requests_of_listing)
        settled = ledger.settled_versions(connection, source_id, root)
        late = ledger.found_late(connection, source_id, root)
    wanted = [
        (file, match, _known_at(file, match, late, today))
        for file, match in found.wanted.values()
        if (file.path, file.version) not in settled
    ]
    wanted.sort(key=lambda one: (one[2], one[0].path))
    fetch = _Fetch(source, engine, area, transport, root, run_id, found.is_synthetic, progress)
    fetch.all(wanted)
    result = PullResult(
        listed=len(found.wanted),
        ignored=found.ignored,
        fetched=fetch.fetched,
        known=len(found.wanted) - len(wanted),
        refused=fetch.refused,
        failed=fetch.failed + len(found.failures),
        left=fetch.left,
        late=len(found.late),
        landed=fetch.landed,
        incomplete=len(found.incomplete),
        messages=(
            *(str(error) for _, error in found.failures),
            *(f"{one.path}: {one.zh} {one.en}" for one in found.incomplete),
            *fetch.messages,
        ),
    )
    with engine.begin() as connection:
        _settle_missing(connection, source, found, fetch.failures)
        ledger.record(
            connection,
            "land",
            "warn" if result.failed or result.refused or result.left or result.incomplete else "ok",
            source_id=source_id,
            object_=root,
            run_id=run_id,
            zh=f"列出 {result.listed} 个文件：已有 {result.known}，新取 {result.fetched}，失败 {result.failed}",
            en=f"{result.listed} files listed: {result.known} known, {result.fetched} new, {result.failed} failed",
            rows_in=result.listed,
            rows_out=result.landed,
            details={
                "ignored": result.ignored,
                "refused": result.refused,
                "left": result.left,
                "late": result.late,
                "incomplete": [{"path": one.path, "missing": list(one.missing)} for one in found.incomplete],
            },
            started_at=started_at,
        )
        if made := transport.requests_made - requests_of_listing:
            ledger.record(
                connection, "fetch", "ok", source_id=source_id, object_=root, run_id=run_id,
                details={"requests": made}, started_at=started_at,
            )  # fmt: skip
    return result


def listing(source_id: str, since: date | None = None, until: date | None = None) -> list[ListedFile]:
    """What a pull would see, without fetching or writing anything."""
    source, address = declaration(source_id), source_address(source_id)
    engine = connections.engine("loader")
    transport = open_transport(address, source.politeness, SharedPace(engine, source_id, address, source.politeness))
    today = datetime.now(SHANGHAI).date()
    found = _list(source, transport, Listed({}, {}, None), today, since, until, True, silent)
    with engine.begin() as connection:
        settled = ledger.settled_versions(connection, source_id, address.shown)
    return [
        ListedFile(file.path, match.layout.name, match.stated_date, file.size, (file.path, file.version) in settled)
        for file, match in found.wanted.values()
    ]


def _list(
    source: Declaration,
    transport: Transport,
    before: Listed,
    today: date,
    since: date | None,
    until: date | None,
    full: bool,
    progress: Progress,
) -> _Listing:
    found = _Listing()
    # a folder dated far ahead is a slip of the pen: it must not make all others look old
    newest = _newest(source, before, today + timedelta(days=1))
    recent = max(newest.values()) - timedelta(days=source.overlap_days) if newest else None
    since_full = None if before.last_full is None else datetime.now(UTC) - before.last_full
    # a full listing that lies ahead was made before our clock went back
    due = since_full is None or not timedelta(0) <= since_full < timedelta(days=source.transport.full_listing_days)
    found.is_full = full or due
    files_before: dict[str, list[RemoteFile]] = {}
    for path, (version, size) in before.files.items():
        file = RemoteFile(path, size, version)
        files_before.setdefault(file.folder, []).append(file)

    def is_wanted_day(day: date | None) -> bool:
        return day is None or ((since is None or day >= since) and (until is None or day <= until))

    def enter(folder: str, stamp: str) -> bool:
        if source.is_skipped_folder(folder):
            found.ignored += 1
            return False
        day, product = source.folder_date(folder), source.folder_product(folder)
        if day and product:
            found.days.setdefault(product, {})[day] = folder
        if not is_wanted_day(day):
            found.is_filtered = True
            return False
        if not found.is_full and day and recent and day < recent and stamp and before.folders.get(folder) == stamp:
            # an old folder whose stamp stands still: what was seen there is still there
            for file in files_before.get(folder, []):
                take(file)
            arrived(folder, bool(files_before.get(folder)))
            return False
        return True

    def arrived(folder: str, has_files: bool) -> None:
        found.seen.add(folder)
        day, product = source.folder_date(folder), source.folder_product(folder)
        if day and product and not has_files:
            found.days[product].pop(day, None)  # an empty folder is no delivery

    def take(file: RemoteFile) -> Match | None:
        match = source.recognise(file.path)
        if match is None:
            if file.path == source.transport.synthetic_marker:
                found.is_synthetic = True
            else:
                found.ignored += 1
            return None
        if is_wanted_day(match.stated_date):
            found.wanted[file.path] = (file, match)
        else:
            found.is_filtered = True
        return match

    def is_late(folder: str, file: RemoteFile) -> bool:
        """New or changed in a folder that was listed before, or that should have been by its date."""
        if folder in before.folders:
            seen = before.files.get(file.path)
            return seen is None or seen[0] != file.version
        day, sibling = source.folder_date(folder), newest.get(_parent(folder))
        if before.last_full is None or day is None or sibling is None:
            return False
        return day < sibling - timedelta(days=source.overlap_days)

    failures_in_a_row = 0
    for folder in transport.walk(enter):
        if folder.error is not None:
            found.failures.append((folder.path, folder.error))
            failures_in_a_row += 1
            if failures_in_a_row >= _GIVE_UP_AFTER:
                raise folder.error
            continue
        failures_in_a_row = 0
        names: dict[str, tuple[str, int | None]] = {}
        for file in folder.files:
            match = take(file)
            if match is None:
                continue
            names[file.name] = (file.version, file.size)
            if match.dated_by == "folder" and is_late(folder.path, file):
                found.late[file.path] = (file.version, today.isoformat())
        arrived(folder.path, bool(names))
        # an empty dated folder counts as listed too: what turns up in it afterwards is late
        if (names or source.folder_date(folder.path)) and _is_new(before, folder.path, folder.stamp, names):
            found.folders[folder.path] = (folder.stamp, names)
        progress("list", len(found.wanted), None)
    if since or until:
        found.is_full = False
    found.wanted, found.incomplete = parts.gather(found.wanted)
    if not found.wanted and not found.incomplete and not found.is_filtered:
        raise TransportError(
            "empty_listing",
            f"{transport.address} 没有任何可识别的文件（地址是否正确？）",
            f"{transport.address} holds no file of any declared layout (is the address right?)",
        )
    return found


def _settle_missing(
    connection: Connection, source: Declaration, found: _Listing, failures: Mapping[str, tuple[str, str]]
) -> None:
    """What this listing shows to be missing is noticed, what it shows to have come is closed."""
    source_id = source.source_id
    # a listing that leaves files out by their dates says nothing about folders without a date
    folders = {one for one in found.seen if not found.is_filtered or source.folder_date(one)}
    files = [file for file, _ in found.wanted.values()]
    files += [RemoteFile(one.path) for one in found.incomplete]  # there, if not whole
    shards = [
        *missing.in_series(source, (file for file in files if file.folder in folders)),
        *missing.in_parts(found.incomplete),
    ]
    missing.settle(connection, source_id, ("number", "part"), shards, folders=folders)
    if not found.failures:
        missing.settle(connection, source_id, ("day",), missing.in_days(found.days, source.cadence.first_day))
    still = [one for one in missing.still_not_fetched(connection, source_id) if one.object not in failures]
    missing.settle(connection, source_id, ("not_fetched",), [*missing.not_fetched(failures), *still])


def _known_at(file: RemoteFile, match: Match, late: Mapping[tuple[str, str], date], today: date) -> date:
    """The day the source made a file known: that of its path, or that on which it, or its last part, turned up late."""
    found = [day for part in file.parts or (file,) if (day := late.get((part.path, part.version)))]
    return max(found, default=None) or match.stated_date or today


def _newest(source: Declaration, before: Listed, latest: date) -> dict[str, date]:
    """The newest date, not after `latest`, among the dated folders of each parent that were listed before."""
    newest: dict[str, date] = {}
    for folder in before.folders:
        day = source.folder_date(folder)
        if day and day <= latest:
            newest[_parent(folder)] = max(day, newest.get(_parent(folder), day))
    return newest


def _parent(folder: str) -> str:
    return folder.rpartition("/")[0]


def _is_new(before: Listed, folder: str, stamp: str, names: dict[str, tuple[str, int | None]]) -> bool:
    if folder not in before.folders or before.folders[folder] != stamp:
        return True
    prefix = f"{folder}/" if folder else ""
    return any(before.files.get(f"{prefix}{name}") != version for name, version in names.items())


def _record_listing(
    connection: Connection,
    source_id: str,
    root: str,
    found: _Listing,
    run_id: str | None,
    started_at: datetime,
    requests: int,
) -> None:
    for path, error in found.failures:
        ledger.record(
            connection, "fetch", "failed", source_id=source_id, object_=path, run_id=run_id, zh=error.zh, en=error.en,
            details={"rule": error.rule, "root": root}, started_at=started_at,
        )  # fmt: skip
    details: dict[str, Any] = {
        "requests": requests,
        "ignored": found.ignored,
        # a listing with holes must not count as complete
        "listing": {"folders": found.folders, "is_full": found.is_full and not found.failures},
    }
    if found.late:
        details["late"] = found.late
    ledger.record(
        connection,
        "fetch",
        "warn" if found.failures else "ok",
        source_id=source_id,
        object_=root,
        run_id=run_id,
        zh=f"列出 {len(found.wanted)} 个文件，忽略 {found.ignored} 个，旧目录中新出现 {len(found.late)} 个",
        en=f"{len(found.wanted)} files listed, {found.ignored} ignored, {len(found.late)} new in old folders",
        rows_in=len(found.wanted) + found.ignored,
        rows_out=len(found.wanted),
        details=details,
        started_at=started_at,
    )


class _Fetch:
    """Fetches files one by one and lands them; rows of the ledger go in small groups, the files are safe before."""

    def __init__(
        self,
        source: Declaration,
        engine: Engine,
        area: Landing,
        transport: Transport,
        root: str,
        run_id: str | None,
        is_synthetic: bool,
        progress: Progress,
    ) -> None:
        self._source, self._engine, self._area, self._transport = source, engine, area, transport
        self._root, self._run_id, self._is_synthetic, self._progress = root, run_id, is_synthetic, progress
        self._pending: list[tuple[RemoteFile, dict[str, Any]]] = []
        self._flushed_at = time.monotonic()
        self.fetched = self.refused = self.failed = self.landed = self.left = 0
        self.messages: list[str] = []
        self.failures: dict[str, tuple[str, str]] = {}

    def all(self, wanted: Iterable[tuple[RemoteFile, Match, date]]) -> None:
        queue = list(wanted)
        failures_in_a_row = 0
        try:
            for number, (file, match, known_at) in enumerate(queue):
                self._progress("fetch", number, len(queue))
                try:
                    self._one(file, match, known_at)
                    failures_in_a_row = 0
                except Pause as error:
                    self._stop(error, len(queue) - number)
                    return
                except TooLarge as error:
                    self.refused += 1
                    self._failure(file, error, settled=True)
                except TransportError as error:
                    self.failed += 1
                    self._failure(file, error, settled=False)
                    failures_in_a_row = failures_in_a_row + 1 if isinstance(error, PassingError) else 0
                    if failures_in_a_row >= _GIVE_UP_AFTER:
                        self._stop(error, len(queue) - number - 1)
                        return
            self._progress("fetch", len(queue), len(queue))
        finally:
            self._flush()

    def _one(self, file: RemoteFile, match: Match, known_at: date) -> None:
        most = self._source.limits.max_file_bytes
        if file.size is not None and file.size > most:
            raise TooLarge(
                "too_large",
                f"文件 {file.size} 字节，超过上限 {most} 字节，未取",
                f"{file.size} bytes, the limit is {most}; not fetched",
            )
        fetched, landing_path = self._land_parts(file, most) if file.parts else self._land(file, most)
        self.fetched += 1
        is_synthetic = self._is_synthetic or fetched.is_synthetic
        self._pending.append((file, self._row(file, match, known_at, fetched, landing_path, is_synthetic)))
        if len(self._pending) >= _FLUSH_FILES or time.monotonic() - self._flushed_at > _FLUSH_SECONDS:
            self._flush()

    def _land(self, file: RemoteFile, most: int) -> tuple[Fetched, str]:
        with self._area.partial(f"{self._transport.place(file.path)}\n{file.version}") as partial:
            fetched = self._transport.fetch(file, partial.handle, most, partial)
            return fetched, self._area.keep(partial.handle, self._source.source_id, fetched.sha256, file.name)

    def _land_parts(self, file: RemoteFile, most: int) -> tuple[Fetched, str]:
        """The parts of a set end to end, as one file; what each was is kept beside the request."""
        digest, size, is_synthetic, pieces = hashlib.sha256(), 0, False, []
        with self._area.aside() as target:
            for part in file.parts:
                with self._area.partial(f"{self._transport.place(part.path)}\n{part.version}") as partial:
                    fetched = self._transport.fetch(part, partial.handle, most - size, partial)
                    partial.handle.seek(0)
                    while chunk := partial.handle.read(1 << 20):
                        digest.update(chunk)
                        target.write(chunk)
                size += fetched.size
                is_synthetic |= fetched.is_synthetic
                pieces.append({"path": part.path, "size": fetched.size, "sha256": fetched.sha256, **fetched.request})
            request = {"scheme": pieces[0]["scheme"], "version": file.version, "parts": pieces}
            joined = Fetched(size, digest.hexdigest(), is_synthetic, request)
            return joined, self._area.keep(target, self._source.source_id, joined.sha256, file.name)

    def _row(
        self,
        file: RemoteFile,
        match: Match,
        known_at: date,
        fetched: Fetched,
        landing_path: str,
        is_synthetic: bool,
    ) -> dict[str, Any]:
        return {
            "source_id": self._source.source_id,
            "layout": match.layout.name,
            "address": self._transport.place(file.path),
            "relative_path": file.path,
            "file_name": clean_name(file.name),
            "landing_path": landing_path,
            "content_sha256": fetched.sha256,
            "size_bytes": fetched.size,
            "is_synthetic": is_synthetic,
            "request": fetched.request,
            "known_at": known_at,
        }

    def _flush(self) -> None:
        self._flushed_at = time.monotonic()
        if not self._pending:
            return
        with self._engine.begin() as connection:
            for file, row in self._pending:
                if ledger.add_landed_file(connection, **row) is not None:
                    self.landed += 1
                    continue
                first = ledger.landed_name(connection, row["source_id"], row["content_sha256"])
                ledger.record(
                    connection, "land", "skipped", source_id=row["source_id"], object_=file.path, run_id=self._run_id,
                    zh=f"内容与已落地的 {first} 完全相同", en=f"the same bytes as {first}, landed before",
                    details={"root": self._root, "version": file.version, "settled": True, "same_as": first},
                )  # fmt: skip
        self._pending.clear()

    def _failure(self, file: RemoteFile, error: TransportError, *, settled: bool) -> None:
        self.messages.append(f"{file.path}: {error}")
        self.failures[file.path] = (error.zh, error.en)
        with self._engine.begin() as connection:
            ledger.record(
                connection, "land", "failed", source_id=self._source.source_id, object_=file.path, run_id=self._run_id,
                zh=error.zh, en=error.en,
                details={"root": self._root, "version": file.version, "settled": settled, "rule": error.rule},
            )  # fmt: skip

    def _stop(self, error: TransportError, left: int) -> None:
        self.left = left
        self.messages.append(str(error))
        with self._engine.begin() as connection:
            ledger.record(
                connection, "fetch", "warn", source_id=self._source.source_id, object_=self._root,
                run_id=self._run_id, zh=f"{error.zh}；剩余 {left} 个文件留待下次",
                en=f"{error.en}; {left} files are left for the next run", details={"rule": error.rule},
            )  # fmt: skip


def land(
    source_id: str,
    path: Path,
    *,
    layout: str | None = None,
    known_at: date | None = None,
    is_synthetic: bool = False,
    run_id: str | None = None,
) -> list[ledger.LandedFile]:
    """Land a file, or all recognised files below a folder, given by hand; returns those that were new.

    Layout and date come from the path as in a pull, unless given. LandRefused if a single file has neither.
    """
    source, area, engine = declaration(source_id), landing(), connections.engine("loader")
    if layout is not None and layout not in {one.name for one in source.layouts}:
        raise LandRefused(f"layout {layout!r} 未声明: one of {', '.join(one.name for one in source.layouts)}")
    if not path.exists():
        raise LandRefused(f"{path} 不存在 does not exist")
    folder_given = path.is_dir()
    files = sorted(one for one in path.rglob("*") if one.is_file()) if folder_given else [path]
    if not folder_given and parts.is_part(path.name):
        raise LandRefused(
            f"{path}: 是分卷的一卷，请给出含全部分卷的文件夹 a part of a split archive: give the folder with all"
        )
    listed, incomplete = parts.gather({file.as_posix(): (RemoteFile(file.as_posix()), None) for file in files})
    marked = is_synthetic or (folder_given and (path / source.transport.synthetic_marker).is_file())
    today = datetime.now(SHANGHAI).date()
    area.clear_aside()
    new: list[ledger.LandedFile] = []
    for one in incomplete:
        _note_incomplete(engine, source_id, one, run_id)
    for file, pieces in _on_disk(listed.values()):
        started_at = ledger.now()
        absolute = file.resolve()
        match = source.recognise(absolute.as_posix().lstrip("/"))
        name = layout or (match.layout.name if match else None)
        if name is None:
            if folder_given:
                continue
            raise LandRefused(
                f"{file}: 路径不符合任何已声明的格式，请用 --layout 指定 no declared layout has such a path"
            )
        if sum(piece.stat().st_size for piece in pieces) > source.limits.max_file_bytes:
            raise LandRefused(f"{file}: 超过上限 larger than {source.limits.max_file_bytes} bytes")
        with parts.joined(pieces) as handle, area.aside() as aside:
            size, sha256 = copy_hashed(handle, aside)
            landing_path = area.keep(aside, source_id, sha256, file.name)
        row: dict[str, Any] = {
            "source_id": source_id,
            "layout": name,
            "address": f"file://{absolute.as_posix()}",
            "relative_path": absolute.relative_to(path.resolve()).as_posix() if folder_given else file.name,
            "file_name": clean_name(file.name),
            "landing_path": landing_path,
            "content_sha256": sha256,
            "size_bytes": size,
            "is_synthetic": marked,
            "request": {"scheme": "by hand", "version": "", **_parts_by_hand(pieces)},
            "known_at": known_at or (match.stated_date if match else None) or today,
        }
        with engine.begin() as connection:
            file_id = ledger.add_landed_file(connection, **row)
            is_new = file_id is not None
            ledger.record(
                connection, "land", "ok" if is_new else "skipped", source_id=source_id, object_=row["relative_path"],
                run_id=run_id, zh="手工落地" if is_new else "内容已落地过", started_at=started_at,
                en="landed by hand" if is_new else "the same bytes were landed before",
            )  # fmt: skip
        if file_id is not None:
            kept = {key: row[key] for key in ledger.LandedFile.__dataclass_fields__ if key in row}
            new.append(ledger.LandedFile(file_id=file_id, state="landed", **kept))
    return new


def _on_disk(listed: Iterable[tuple[RemoteFile, None]]) -> list[tuple[Path, list[Path]]]:
    """Each file with what it is joined from: itself, or the parts of a split archive."""
    return sorted((Path(file.path), [Path(part.path) for part in file.parts or (file,)]) for file, _ in listed)


def _note_incomplete(engine: Engine, source_id: str, one: Incomplete, run_id: str | None) -> None:
    with engine.begin() as connection:
        ledger.record(
            connection, "land", "warn", source_id=source_id, object_=one.path, run_id=run_id, zh=one.zh, en=one.en,
            details={"rule": "split_archive", "missing": list(one.missing)},
        )  # fmt: skip


def _parts_by_hand(pieces: Sequence[Path]) -> dict[str, Any]:
    if len(pieces) == 1:
        return {}
    return {"parts": [{"path": piece.name, "size": piece.stat().st_size} for piece in pieces]}


def _note(
    engine: Engine,
    source_id: str,
    step: str,
    state: str,
    object_: str,
    run_id: str | None,
    error: TransportError,
    started_at: datetime,
    **details: Any,
) -> None:
    with engine.begin() as connection:
        ledger.record(
            connection, step, state, source_id=source_id, object_=object_, run_id=run_id, zh=error.zh, en=error.en,
            details={"rule": error.rule, **details}, started_at=started_at,
        )  # fmt: skip
