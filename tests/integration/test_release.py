"""Readers see whole releases, keep what is theirs, and lose nothing; whatever breaks on the way leaves the old one."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable

import psycopg
import pytest

from deploy.local.postgres import Postgres
from warehouse import connections, live_views, release, repoint

# two marts that must always agree, and the one that is kept for ever
MARTS = """
create table build_candidate.patents as
    select n as patent_id, '{tag}'::text as release_tag from generate_series(1, {rows}) n;
create table build_candidate.areas as select '120110'::text as area_code, '{tag}'::text as release_tag;
create table build_candidate.indicator_values (
    plan_code text, indicator_code text, component_code text, area_code text, basis text, unit text, note_zh text,
    value numeric, numerator numeric, denominator numeric, source_count int, is_provisional boolean, period_end date,
    release_id text
);
insert into build_candidate.indicator_values values
    ('DL-14-5', 'H02', 'total', '120110', 'latest', '件', null, {rows}, null, null, {rows}, false, '2020-12-31',
     '{release_id}');
comment on table build_candidate.patents is '专利 / patents';
comment on column build_candidate.patents.release_tag is '发布标记';
"""


def build(tag: str, *, rows: int = 2000, sql: str = "", check: bool = True) -> str:
    """A sealed build, made by hand in place of dbt."""
    release_id = release.open_release(f"test-{tag}")
    with connections.connect("builder") as connection:
        connection.execute(MARTS.format(tag=tag, rows=rows, release_id=release_id) + sql)
    release.seal(release_id)
    if check:
        release.mark_checked(release_id)
    return release_id


def read(query: str, role: str = "reader") -> list[tuple[object, ...]]:
    with connections.connect(role) as connection:
        return connection.execute(query).fetchall()


def tag() -> object:
    return read("select release_tag from marts.areas")[0][0]


@pytest.fixture(autouse=True)
def _warehouse(warehouse: dict[str, str]) -> None:
    """Every test here starts from an empty warehouse."""


# --- reading while releases go by -----------------------------------------------------------------------------------


class Reader(threading.Thread):
    """Reads in transactions of several statements, and notes everything that does not fit together."""

    def __init__(self, queries: list[str], isolation: str, stop: threading.Event) -> None:
        super().__init__(daemon=True)
        self.queries, self.isolation, self.stop = queries, isolation, stop
        self.reads, self.wrong, self.errors, self.seen = 0, [], [], set()

    def run(self) -> None:
        with connections.connect("reader", autocommit=True) as connection:
            while not self.stop.is_set():
                try:
                    connection.execute(f"begin isolation level {self.isolation} read only")
                    answers = []
                    for query in self.queries:
                        answers.append(connection.execute(query).fetchone())
                        time.sleep(0.003)
                    connection.execute("commit")
                except psycopg.Error as error:
                    self.errors.append(repr(error))
                    connection.execute("rollback")
                    continue
                self.reads += 1
                self.seen |= set(answers)
                if len(set(answers)) != 1:
                    self.wrong.append(answers)
                time.sleep(0.002)


COUNTED = (
    "select case when count(*) = 2000 and min(release_tag) = max(release_tag) then min(release_tag) end"
    " from marts.patents"
)
AREA = "select release_tag from marts.areas"
# which release is current, in the words of the marts
CURRENT = """
select a.release_tag from marts.areas a, marts.releases r, marts.indicator_values v
where r.is_current and r.release_id = v.release_id
"""


@pytest.mark.parametrize("isolation", ["repeatable read", "read committed"])
def test_ten_releases_while_readers_read(isolation: str) -> None:
    """Without a pause, and over the marts in either order."""
    release.publish(build("r00"))
    stop = threading.Event()
    readers = [
        Reader([COUNTED, AREA, COUNTED, AREA], isolation, stop),
        Reader([AREA, COUNTED, AREA], isolation, stop),
        Reader([AREA, COUNTED], isolation, stop),
        Reader([CURRENT, COUNTED, CURRENT], isolation, stop),
    ]
    for reader in readers:
        reader.start()
    seconds = []
    try:
        for number in range(1, 11):
            release_id = build(f"r{number:02}")
            began = time.monotonic()
            release.publish(release_id)
            seconds.append(time.monotonic() - began)
            release.prune()
    finally:
        stop.set()
        for reader in readers:
            reader.join(30)
    assert [reader.errors for reader in readers] == [[], [], [], []]
    assert [reader.wrong for reader in readers] == [[], [], [], []]
    assert all(reader.reads > 20 for reader in readers), [reader.reads for reader in readers]
    # they did watch the change, and not one release only
    assert all(len(reader.seen) >= 5 for reader in readers), [len(reader.seen) for reader in readers]
    assert tag() == "r10"
    assert max(seconds) < 10, seconds
    with connections.connect("auditor") as connection:
        builds = connection.execute("select count(*) from pg_namespace where nspname like 'build\\_2%'").fetchone()
    assert builds == (3,)


def test_an_old_snapshot_still_finds_its_own_build() -> None:
    """Taken before the next build existed, used after it was published: the old release, whole, in every view."""
    release.publish(build("one"))
    with connections.connect("reader") as reader:
        reader.execute("set transaction isolation level repeatable read")
        reader.execute("select 1")
        release.publish(build("two"))
        assert tag() == "two"
        assert reader.execute(AREA).fetchone() == ("one",)
        assert reader.execute(COUNTED).fetchone() == ("one",)
        assert reader.execute(CURRENT).fetchone() == ("one",)


def test_what_an_old_snapshot_may_look_for_is_not_pruned(monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(3):
        release.publish(build(f"r{number}"))
    with connections.connect("reader") as reader:
        reader.execute("set transaction isolation level repeatable read")
        reader.execute("select 1")
        for number in range(3, 5):
            release.publish(build(f"r{number}"))
        monkeypatch.setattr(release._wait_for_old_snapshots.retry, "stop", lambda state: True)  # type: ignore[attr-defined]
        assert release.prune(keep=1) == []
        assert reader.execute(AREA).fetchone() == ("r2",)
    assert len(release.prune(keep=1)) == 3


def test_a_long_transaction_delays_the_switch_and_is_never_hurt() -> None:
    release.publish(build("one"))
    second = build("two")
    with connections.connect("reader") as reader:
        assert reader.execute(AREA).fetchone() == ("one",)
        with pytest.raises(release.PublishBlocked, match="bi_reader pid"):
            release.publish(second, patience_seconds=1)
        assert reader.execute(COUNTED).fetchone() == ("one",)
        finished = threading.Timer(1.5, reader.rollback)
        finished.start()
        release.publish(second, patience_seconds=30)
        finished.join()
    assert tag() == "two"
    blocked = read("select message_en from ops.outcomes where step = 'release' and status = 'failed'", "operator")
    assert len(blocked) == 1 and "bi_reader" in str(blocked[0][0])


# --- what belongs to the consumers ----------------------------------------------------------------------------------


def test_own_views_grants_and_comments_survive_ten_releases(postgres: Postgres) -> None:
    release.publish(build("r0"))
    with psycopg.connect(postgres.superuser_dsn, dbname="warehouse", autocommit=True) as admin:
        admin.execute("drop schema if exists consumer cascade; drop role if exists consumer")
        admin.execute("create role consumer; create schema consumer authorization consumer")
        admin.execute("grant usage on schema marts to consumer; grant select on marts.patents to consumer")
        admin.execute("set role consumer; create view consumer.tags as select distinct release_tag from marts.patents")
        admin.execute("reset role; revoke select on marts.areas from downstream_reader")

    def grants() -> list[tuple[object, ...]]:
        return read("select relname, relacl::text from pg_class where relnamespace = 'marts'::regnamespace", "operator")

    before = sorted(grants())
    try:
        for number in range(1, 11):
            release.publish(build(f"r{number}"))
            release.prune()
            with psycopg.connect(postgres.superuser_dsn, dbname="warehouse") as admin:
                admin.execute("set role consumer")
                assert admin.execute("select * from consumer.tags").fetchall() == [(f"r{number}",)]
        assert sorted(grants()) == before
        assert read("select obj_description('marts.patents'::regclass)") == [("专利 / patents",)]
        assert read("select col_description('marts.patents'::regclass, 2)") == [("发布标记",)]
        with pytest.raises(release.ReleaseError, match="consumer"):
            release.retire("patents")
    finally:
        with psycopg.connect(postgres.superuser_dsn, dbname="warehouse", autocommit=True) as admin:
            admin.execute("drop schema consumer cascade; drop owned by consumer; drop role consumer")


def test_columns_may_be_added_anywhere() -> None:
    release.publish(build("one"))
    release.publish(build("two", sql="alter table build_candidate.areas add column name_zh text"))
    # a later build has the columns in another order
    third = build(
        "three",
        sql="drop table build_candidate.areas; create table build_candidate.areas as"
        " select '东丽区'::text as name_zh, 1 as grid_row, 'three'::text as release_tag, '120110'::text as area_code",
    )
    release.publish(third)
    assert read("select area_code, release_tag, name_zh, grid_row from marts.areas") == [
        ("120110", "three", "东丽区", 1)
    ]
    columns = list(repoint.relations(connections.connect("publisher"), "marts")["areas"].columns)
    assert columns == ["area_code", "release_tag", "name_zh", "grid_row"]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("alter table build_candidate.areas drop column area_code", "areas.area_code: the build has no such column"),
        ("alter table build_candidate.areas alter area_code type varchar(9)", r"areas.area_code: type text became"),
        ("drop table build_candidate.areas", "areas: the build has no such table"),
        ("create table build_candidate.releases (i int)", "releases: a live view has this name"),
    ],
)
def test_a_build_that_takes_something_away_is_refused_whole(change: str, words: str) -> None:
    release.publish(build("one"))
    second = build("two", sql=change)
    with pytest.raises(release.ContractBroken, match=words):
        release.publish(second)
    assert tag() == "one"
    assert read("select distinct release_tag from marts.patents") == [("one",)]
    assert read("select count(*) from marts.indicator_values_published") == [(1,)]


def test_a_mart_that_is_no_longer_built_can_be_retired() -> None:
    release.publish(build("one"))
    second = build("two", sql="drop table build_candidate.areas")
    release.retire("areas")
    release.publish(second)
    assert read("select distinct release_tag from marts.patents") == [("two",)]


# --- what goes wrong ------------------------------------------------------------------------------------------------


def test_a_held_release_stays_away_and_says_why() -> None:
    release.publish(build("one"))
    second = build("two", check=False)
    with pytest.raises(release.ReleaseError, match="has not passed the marts suite"):
        release.publish(second)
    release.hold(second, "指标数不足119个", "fewer than 119 indicators")
    assert tag() == "one"
    rows = read("select state, state_zh, held_reason_zh, is_current from marts.releases order by release_id")
    assert rows == [
        ("published", "当前发布", None, True),
        ("held", "未通过检查，已暂缓", "指标数不足119个", False),
    ]
    with pytest.raises(release.ReleaseError, match="is held"):
        release.publish(second)
    release.publish(build("three"))
    assert tag() == "three"


def test_rollback_and_forward_again() -> None:
    first = build("one")
    release.publish(first)
    second = build("two", sql="alter table build_candidate.areas add column name_zh text default '东丽区';"
                              "create table build_candidate.zones as select 'z' as zone")  # fmt: skip
    release.publish(second)
    assert release.rollback() == first
    assert tag() == "one"
    # what the older build did not have yet is empty, never a mixture
    assert read("select name_zh from marts.areas") == [(None,)]
    assert read("select * from marts.zones") == []
    assert read("select release_id, state from marts.releases order by 1") == [
        (first, "published"),
        (second, "rolled_back"),
    ]
    with pytest.raises(release.ReleaseError, match="No earlier build"):
        release.rollback()
    assert release.rollback(second) == second
    assert tag() == "two" and read("select zone from marts.zones") == [("z",)]
    # shown twice, kept once
    assert read("select count(*) from marts.indicator_values_published") == [(2,)]


def test_pruning_keeps_two_builds_and_every_reason() -> None:
    ids = []
    for number in range(4):
        ids.append(build(f"r{number}"))
        release.publish(ids[-1])
    held = build("held", check=False)
    release.hold(held, "不合格", "unfit")
    newest = build("r4")
    release.publish(newest)
    assert release.prune() == [f"build_{ids[0]}", f"build_{ids[1]}", f"build_{held}"]
    assert release.prune() == []
    states = dict(read("select release_id, state from marts.releases"))
    assert [states[i] for i in [*ids, held, newest]] == [
        "dropped", "dropped", "superseded", "superseded", "held", "published",
    ]  # fmt: skip
    assert release.rollback() == ids[3]
    with pytest.raises(release.ReleaseError, match="is dropped"):
        release.rollback(ids[0])


def test_pruning_leaves_what_is_being_read() -> None:
    ids = []
    for number in range(4):
        ids.append(build(f"r{number}"))
        release.publish(ids[-1])
    with connections.connect("auditor") as auditor:
        auditor.execute(f'select * from "build_{ids[0]}".areas')
        assert release.prune() == []
    assert release.prune() == [f"build_{ids[0]}"]


def test_the_open_release_is_one() -> None:
    first = release.open_release("run-a")
    assert release.open_release("run-a") == first  # a retry of the same task
    with pytest.raises(release.ReleaseBusy, match="about to build"):
        release.open_release("run-b")
    with release.building(), pytest.raises(release.ReleaseBusy, match="Another build is running"):
        release.open_release("run-b")


def test_a_build_whose_process_died_is_put_away() -> None:
    first = release.open_release("run-a")
    child = os.fork()
    if child == 0:  # builds, and dies without a word
        connection = psycopg.connect(connections.dsn("publisher"), autocommit=True)
        connection.execute("select pg_advisory_lock(%s)", [release._BUILD_LOCK])
        connection.execute(
            "insert into ops.outcomes (step, status, release_id, started_at) values ('build', 'ok', %s, now())", [first]
        )
        with connections.connect("builder", autocommit=True) as builder:
            builder.execute("create table build_candidate.half as select 1 as one")
            time.sleep(60)
        os._exit(1)
    deadline = time.monotonic() + 10
    while not read("select 1 from pg_tables where tablename = 'half'", "auditor"):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    with pytest.raises(release.ReleaseBusy):
        release.open_release("run-b")
    os.kill(child, 9)
    os.waitpid(child, 0)
    second = eventually(lambda: release.open_release("run-b"))
    assert read("select state from marts.releases order by release_id") == [("failed",), ("building",)]
    assert read("select * from pg_tables where schemaname = 'build_candidate'", "auditor") == []
    with pytest.raises(release.ReleaseBusy):
        release.reopen(first)
    assert second > first


def eventually(call: Callable[[], str]) -> str:
    """Postgres notices a dead client only when it next speaks to it."""
    deadline = time.monotonic() + 10
    while True:
        try:
            return call()
        except release.ReleaseBusy:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)


@pytest.mark.parametrize("place", ["plan", "attach", "write_comments", "switch"])
def test_a_crash_in_the_middle_of_a_publication_changes_nothing(place: str, monkeypatch: pytest.MonkeyPatch) -> None:
    release.publish(build("one"))
    second = build("two")
    whole = getattr(repoint, place)

    def cut(*arguments: object, **named: object) -> object:
        whole(*arguments, **named)
        raise SystemExit("killed here")

    with monkeypatch.context() as patch, pytest.raises(SystemExit):
        patch.setattr(repoint, place, cut)
        release.publish(second)
    assert tag() == "one"
    assert read("select count(*) from marts.indicator_values_published") == [(1,)]
    assert read("select state from marts.releases order by release_id") == [("published",), ("built",)]
    release.publish(second)
    release.publish(second)  # once more, as a retried task would
    assert tag() == "two"
    assert read("select count(*) from marts.indicator_values_published") == [(2,)]


def test_sealing_is_one_step_and_can_be_asked_again() -> None:
    release_id = release.open_release("x")
    with pytest.raises(release.ReleaseError, match="is empty"):
        release.seal(release_id)
    with connections.connect("builder") as connection:
        connection.execute("create table build_candidate.areas as select '1'::text as area_code")
    assert release.seal(release_id) == release.seal(release_id) == f"build_{release_id}"


def test_what_was_shown_is_never_rewritten() -> None:
    release.publish(build("one", rows=5))
    release.publish(build("two", rows=7))
    kept = read("select indicator_code, value from marts.indicator_values_published order by release_id")
    assert [(code, int(str(value))) for code, value in kept] == [("H02", 5), ("H02", 7)]
    for statement in (
        "update ops.indicator_values_published set value = 0",
        "delete from ops.indicator_values_published",
        "truncate ops.indicator_values_published",
    ):
        for role in ("publisher", "operator"):
            with connections.connect(role) as connection, pytest.raises(psycopg.Error):
                connection.execute(statement)


# --- what is said about it ------------------------------------------------------------------------------------------


def load(source_id: str, *, days_old: int, state: str = "accepted", is_synthetic: bool = False) -> None:
    with connections.connect("operator") as connection:
        connection.execute(
            """
            with file as (
                insert into ops.landed_files (source_id, layout, address, relative_path, file_name, landing_path,
                    content_sha256, state, size_bytes, is_synthetic, known_at)
                values (%(source)s, 'x', 'x', 'x', 'x', 'x', gen_random_uuid()::text, 'loaded', 1, %(synthetic)s,
                    current_date)
                returning file_id
            )
            insert into ops.loads (file_id, source_id, layout, table_name, fingerprint, state, rows_read, rows_loaded,
                rows_skipped, rows_duplicate, rows_rejected, is_synthetic, known_at)
            select file_id, %(source)s, 'x', 'x', gen_random_uuid()::text, %(state)s, 10, 8, 1, 0, 1, %(synthetic)s,
                (now() at time zone 'Asia/Shanghai')::date - %(days)s::int
            from file
            """,
            {"source": source_id, "synthetic": is_synthetic, "state": state, "days": days_old},
        )  # fmt: skip


@pytest.mark.parametrize(("days_old", "is_late"), [(8, False), (9, True)])
def test_a_source_is_late_after_its_declared_days(days_old: int, is_late: bool) -> None:
    load("cnipa_patents", days_old=days_old)
    load("cnipa_patents", days_old=0, state="held")  # does not make it fresh
    release_id = build("one")
    fresh = read(
        "select is_late, rows_loaded, rows_rejected, loads_held, message_zh from marts.data_freshness"
        " where source_id = 'cnipa_patents'"
    )
    assert fresh[0][:4] == (is_late, 8, 2, 1)
    assert ("未更新" in str(fresh[0][4])) == is_late and "1 个批次" in str(fresh[0][4])
    [row] = [one for one in release.releases() if one.release_id == release_id]
    # the other sources never delivered anything here
    assert ("cnipa_patents" in row.late_sources) == is_late
    ((named,),) = read("select late_sources from marts.releases")
    assert ("国家知识产权局专利公开公告数据" in str(named).split("、")) == is_late


def test_one_synthetic_load_marks_the_release() -> None:
    load("cnipa_patents", days_old=1)
    release.publish(build("one"))
    assert read("select is_synthetic from marts.releases") == [(False,)]
    load("cnipa_patents", days_old=0, is_synthetic=True, state="held")
    release.publish(build("two"))
    load("cnipa_patents", days_old=0, is_synthetic=True)
    release.publish(build("three"))
    assert read("select is_synthetic from marts.releases order by release_id") == [(False,), (False,), (True,)]
    assert read("select source_id from marts.data_freshness where is_synthetic") == [("cnipa_patents",)]


def test_live_views_are_described_column_by_column() -> None:
    live_views.ensure_live_views()
    live_views.ensure_live_views()
    with connections.connect("publisher") as connection:
        shown = repoint.relations(connection, "marts")
        described = repoint.comments(connection, "marts")
    assert sorted(shown) == sorted(live_views.NAMES)
    missing = [
        (view, column)
        for view, relation in shown.items()
        for column in [None, *relation.columns]
        if (view, column) not in described
    ]
    assert missing == []


def test_the_command_line_says_how_it_stands_and_refuses_in_a_sentence() -> None:
    from click.testing import CliRunner

    from warehouse.cli import main

    def run(*words: str) -> tuple[int, str]:
        done = CliRunner().invoke(main, words)
        return done.exit_code, done.output

    assert run("migrate")[0] == 0
    assert "尚无已发布的数据" in run("status")[1]
    first = build("one")
    assert run("publish", first) == (0, f"release {first} is published 已发布\n")
    second = build("two", check=False)
    code, text = run("publish", second)
    assert code == 1 and "尚未通过发布检查" in text and "Traceback" not in text
    assert run("hold", second, "数据有误")[0] == 0
    assert "数据有误" in run("releases")[1] and "数据有误" in run("status")[1]
    third = build("three")
    assert run("publish", third)[0] == 0
    assert run("rollback") == (0, f"readers see {first} again 已回退\n")
    assert '"is_current": true' in run("releases", "--json")[1]
    assert run("checks", "--failed")[1] == "nothing 无\n"
    assert run("prune")[0] == 0
    assert run("retire", "releases")[0] == 1
