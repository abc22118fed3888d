"""What the declarations say about each source, as far as readers see it, and which sources are late."""

from __future__ import annotations

import logging

import psycopg

log = logging.getLogger(__name__)


def sync(connection: psycopg.Connection) -> None:
    """Bring `ops.sources` to what the declarations say now, in the caller's transaction."""
    # the ledger of ingestion imports this package
    from ingestion import declarations

    names = declarations.source_ids()
    for name in names:
        try:
            one = declarations.declaration(name)
        except declarations.DeclarationError:
            log.exception("declaration of %s is wrong; its row in ops.sources stays as it is", name)
            continue
        connection.execute(
            """
            insert into ops.sources
                (source_id, name_zh, name_en, cadence_zh, cadence_en, owner, late_after_days, declared_at)
            values (%s, %s, %s, %s, %s, %s, %s, now())
            on conflict (source_id) do update set
                name_zh = excluded.name_zh, name_en = excluded.name_en, cadence_zh = excluded.cadence_zh,
                cadence_en = excluded.cadence_en, owner = excluded.owner,
                late_after_days = excluded.late_after_days, declared_at = excluded.declared_at
            """,
            [
                one.source_id, one.name.zh, one.name.en, one.cadence.words.zh, one.cadence.words.en,
                one.contact.team.zh, one.cadence.late_after_days,
            ],
        )  # fmt: skip
    connection.execute("delete from ops.sources where source_id <> all (%s)", [names])


def late(connection: psycopg.Connection) -> list[str]:
    """Sources without an accepted delivery within their declared days, by Beijing's calendar; sorted."""
    rows = connection.execute(
        """
        select s.source_id
        from ops.sources s
        left join ops.loads l on l.source_id = s.source_id and l.state = 'accepted'
        group by s.source_id, s.late_after_days
        having coalesce((now() at time zone 'Asia/Shanghai')::date - max(l.known_at) > s.late_after_days, true)
        order by s.source_id
        """
    )
    return [source_id for (source_id,) in rows]
