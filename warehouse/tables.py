"""The `ops` tables: one outcome row for every step, and the ledgers that make each figure traceable.

Freshness, run history, checks, releases and alerts read only these. Times are `timestamptz` (UTC).
The DDL lives in `warehouse/migrations`; a test compares it with this module.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Date,
    DateTime,
    ForeignKey,
    Identity,
    Index,
    Integer,
    MetaData,
    Numeric,
    Table,
    Text,
    UniqueConstraint,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

SCHEMA = "ops"
metadata = MetaData(schema=SCHEMA)

_now = func.now()


def _time(name: str, **kw: object) -> Column:
    return Column(name, DateTime(timezone=True), **kw)  # type: ignore[arg-type]


# The part of each declaration that `marts.data_freshness` shows; the declarations themselves are the truth.
sources = Table(
    "sources",
    metadata,
    Column("source_id", Text, primary_key=True),
    Column("name_zh", Text, nullable=False),
    Column("name_en", Text, nullable=False),
    Column("cadence_zh", Text, nullable=False),
    Column("cadence_en", Text, nullable=False),
    Column("owner", Text, nullable=False),
    Column(
        "late_after_days",
        Integer,
        nullable=False,
        comment="late when the newest accepted known_at is older than so many days",
    ),
    _time("declared_at", nullable=False, server_default=_now),
)

# One row a source and server, changed by one statement a request: the pace outlives the process that keeps to it.
request_budgets = Table(
    "request_budgets",
    metadata,
    Column("source_id", Text, primary_key=True),
    Column("server", Text, primary_key=True, comment="scheme, host and port: another address has a budget of its own"),
    Column("day", Date, nullable=False, comment="calendar day in Asia/Shanghai that made counts"),
    Column("made", Integer, nullable=False),
    _time("next_at", nullable=False, comment="earliest moment of the next request of any process"),
    _time("not_before", comment="the server asked to be left alone until then"),
)

# One row a distinct content: the same bytes under another name or from another day are the same file.
landed_files = Table(
    "landed_files",
    metadata,
    Column("file_id", BigInteger, Identity(always=True), primary_key=True),
    Column("source_id", Text, nullable=False),
    Column("layout", Text, nullable=False, comment="name of the layout in the declaration of the source"),
    Column("address", Text, nullable=False, comment="where it was fetched from, without credentials"),
    Column("relative_path", Text, nullable=False, comment="path below the address of the source"),
    Column("file_name", Text, nullable=False),
    Column("landing_path", Text, nullable=False, comment="path below LANDING_URL; never changed"),
    Column("content_sha256", Text, nullable=False),
    Column("state", Text, nullable=False, server_default="landed"),
    Column("size_bytes", BigInteger, nullable=False),
    Column("is_synthetic", Boolean, nullable=False),
    Column("request", JSONB, nullable=False, server_default=text("'{}'::jsonb")),
    Column("known_at", Date, nullable=False, comment="the day the source made it known; set once"),
    _time("landed_at", nullable=False, server_default=_now),
    UniqueConstraint("source_id", "content_sha256", name="landed_files_content_key"),
    CheckConstraint("state in ('landed', 'loaded', 'duplicate', 'refused')", name="landed_files_state_check"),
    Index("landed_files_waiting_idx", "source_id", "known_at", postgresql_where=text("state = 'landed'")),
)

# One row a loaded file, written in the transaction that copies its rows.
loads = Table(
    "loads",
    metadata,
    Column("load_id", BigInteger, Identity(always=True), primary_key=True),
    Column("file_id", BigInteger, ForeignKey(landed_files.c.file_id), nullable=False, unique=True),
    Column("source_id", Text, nullable=False),
    Column("layout", Text, nullable=False),
    Column("table_name", Text, nullable=False, comment="table in schema raw"),
    Column(
        "fingerprint", Text, nullable=False, comment="sha256 over the sorted row hashes: content, whatever its packing"
    ),
    Column("state", Text, nullable=False, server_default="loaded"),
    Column("state_reason_zh", Text),
    Column("state_reason_en", Text),
    Column("rows_read", BigInteger, nullable=False),
    Column("rows_loaded", BigInteger, nullable=False),
    Column("rows_skipped", BigInteger, nullable=False, comment="outside the load scope of the declaration"),
    Column("rows_duplicate", BigInteger, nullable=False, comment="alike but for the row number, within the file"),
    Column("rows_rejected", BigInteger, nullable=False),
    Column("is_synthetic", Boolean, nullable=False),
    Column("known_at", Date, nullable=False),
    _time("loaded_at", nullable=False, server_default=_now),
    _time("validated_at"),
    CheckConstraint("state in ('loaded', 'accepted', 'held', 'duplicate')", name="loads_state_check"),
    # the second copy of one content waits here for the first, and then learns that it is a duplicate
    Index(
        "loads_content_key",
        "source_id",
        "layout",
        "fingerprint",
        unique=True,
        postgresql_where=text("state <> 'duplicate'"),
    ),
    Index("loads_waiting_idx", "source_id", postgresql_where=text("state = 'loaded'")),
)

rejected_rows = Table(
    "rejected_rows",
    metadata,
    Column("reject_id", BigInteger, Identity(always=True), primary_key=True),
    Column("file_id", BigInteger, ForeignKey(landed_files.c.file_id), nullable=False),
    Column("load_id", BigInteger, ForeignKey(loads.c.load_id), comment="empty when the whole file was refused"),
    Column("source_id", Text, nullable=False),
    Column("place", Text, nullable=False, comment="member, line, sheet and cell; 文件 for the whole file"),
    Column("field", Text),
    Column("value", Text, comment="at most 500 characters"),
    Column("rule", Text, nullable=False),
    Column("reason_zh", Text, nullable=False),
    Column("reason_en", Text, nullable=False),
    Column("row_text", Text, comment="at most 2,000 characters, without identity columns"),
    _time("rejected_at", nullable=False, server_default=_now),
    Index("rejected_rows_file_idx", "file_id"),
    Index("rejected_rows_load_idx", "load_id"),
)

outcomes = Table(
    "outcomes",
    metadata,
    Column("outcome_id", BigInteger, Identity(always=True), primary_key=True),
    Column("step", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("source_id", Text),
    Column("release_id", Text),
    Column("object", Text, comment="file, model, dashboard: what the step worked on"),
    Column("run_id", Text, comment="Airflow run, or cli"),
    Column("message_zh", Text),
    Column("message_en", Text),
    Column("rows_in", BigInteger),
    Column("rows_out", BigInteger),
    Column("details", JSONB, nullable=False, server_default=text("'{}'::jsonb")),
    _time("started_at", nullable=False),
    _time("finished_at", nullable=False, server_default=_now),
    CheckConstraint(
        "step in ('fetch', 'land', 'load', 'validate', 'build', 'check', 'release', 'serve')",
        name="outcomes_step_check",
    ),
    CheckConstraint("status in ('ok', 'warn', 'failed', 'skipped')", name="outcomes_status_check"),
    Index("outcomes_step_idx", "step", "source_id", "finished_at"),
)

releases = Table(
    "releases",
    metadata,
    Column("release_id", Text, primary_key=True, comment="when it was opened: 20261122_183000"),
    Column("state", Text, nullable=False),
    Column("schema_name", Text, nullable=False),
    Column("run_id", Text),
    Column("code_version", Text, comment="git commit that built it"),
    Column("held_reason_zh", Text),
    Column("held_reason_en", Text),
    Column("late_sources", ARRAY(Text), nullable=False, server_default=text("'{}'")),
    Column("is_current", Boolean, nullable=False, server_default=text("false")),
    Column("is_synthetic", Boolean, nullable=False, server_default=text("false")),
    _time("opened_at", nullable=False, server_default=_now),
    _time("built_at"),
    _time("checked_at", comment="when the marts suite passed; nothing is published without it"),
    _time("published_at"),
    CheckConstraint(
        "state in ('building', 'built', 'published', 'superseded', 'rolled_back', 'held', 'failed', 'dropped')",
        name="releases_state_check",
    ),
    Index("releases_one_building_key", "state", unique=True, postgresql_where=text("state = 'building'")),
    Index("releases_one_current_key", "is_current", unique=True, postgresql_where=text("is_current")),
)

# Every view of marts reads this row; a publication is an update of it under an exclusive lock.
current_release = Table(
    "current_release",
    metadata,
    Column("is_the_one", Boolean, primary_key=True, server_default=text("true")),
    Column("release_id", Text, ForeignKey(releases.c.release_id), nullable=False),
    _time("since", nullable=False, server_default=_now),
    CheckConstraint("is_the_one", name="current_release_one_row_check"),
    comment="which build the views of marts show; every view reads it, a publication locks it",
)

checks = Table(
    "checks",
    metadata,
    Column("check_id", BigInteger, Identity(always=True), primary_key=True),
    Column("suite", Text, nullable=False, comment="landed, marts, dbt"),
    Column("check_name", Text, nullable=False),
    Column("object", Text, comment="table and column"),
    Column("severity", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("source_id", Text),
    Column("release_id", Text),
    Column("load_id", BigInteger),
    Column("owner", Text),
    Column("observed", Text),
    Column("expected", Text),
    Column("reason_zh", Text),
    Column("reason_en", Text),
    Column("failing_count", BigInteger),
    Column("expires_on", Date, comment="a known failure is known until this day"),
    _time("checked_at", nullable=False, server_default=_now),
    CheckConstraint("severity in ('error', 'warn')", name="checks_severity_check"),
    CheckConstraint("status in ('pass', 'fail', 'error')", name="checks_status_check"),
    Index("checks_release_idx", "release_id"),
    Index("checks_source_idx", "source_id", "checked_at"),
)

# What was shown is kept: appended by each release, never rewritten.
indicator_values_published = Table(
    "indicator_values_published",
    metadata,
    Column("release_id", Text, ForeignKey(releases.c.release_id), primary_key=True),
    Column("plan_code", Text, primary_key=True),
    Column("indicator_code", Text, primary_key=True),
    Column("component_code", Text, primary_key=True),
    Column("area_code", Text, primary_key=True),
    Column("basis", Text, primary_key=True),
    Column("unit", Text, nullable=False),
    Column("note_zh", Text),
    Column("value", Numeric),
    Column("numerator", Numeric),
    Column("denominator", Numeric),
    Column("source_count", Integer),
    Column("is_provisional", Boolean, nullable=False),
    Column("period_end", Date, primary_key=True),
    _time("shown_from", nullable=False, server_default=_now),
)

indicator_progress_published = Table(
    "indicator_progress_published",
    metadata,
    Column("release_id", Text, ForeignKey(releases.c.release_id), primary_key=True),
    Column("plan_code", Text, primary_key=True),
    Column("indicator_code", Text, primary_key=True),
    Column("component_code", Text, primary_key=True),
    Column("area_code", Text, primary_key=True),
    Column("basis", Text, primary_key=True),
    Column("verdict", Text),
    Column("pace_status", Text),
    Column("growth_status", Text),
    Column("reason", Text),
    Column("latest_value", Numeric),
    Column("pace_ratio", Numeric),
    Column("growth_ratio", Numeric),
    Column("is_provisional", Boolean, nullable=False),
    Column("period_end", Date, primary_key=True),
    _time("shown_from", nullable=False, server_default=_now),
)
