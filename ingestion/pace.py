"""The pace of a source, kept in the warehouse: rate, quota and `Retry-After` hold for all processes and after a kill.

One short statement reserves the moment of a request before it is made (`ops.request_budgets`), so whoever dies
afterwards has still counted it. Where nothing is held back (our own machine) only a server's wish to be left alone is
read, once, and written.
"""

from __future__ import annotations

from sqlalchemy import Connection, Engine, text

from ingestion.addresses import Address
from ingestion.declarations import Politeness
from ingestion.transport import LONGEST_REST_SECONDS, Pace, is_held_back, quota_spent, told_to_wait

# A day or a moment that lies far ahead was written before a clock went back; it must not stop the source for ever.
_TAKE = text(
    """
    with clock as (
        select
            clock_timestamp() as now,
            (clock_timestamp() at time zone 'Asia/Shanghai')::date as today,
            make_interval(secs => :gap) as gap,
            make_interval(secs => :patience) as patience,
            make_interval(secs => :longest_rest) as longest_rest
    )
    insert into ops.request_budgets as b (source_id, server, day, made, next_at)
    select :source_id, :server, today, 1, now + gap from clock
    on conflict (source_id, server) do update set
        day = excluded.day,
        made = case when b.day = excluded.day then b.made + 1 else 1 end,
        next_at = (
            select greatest(
                now,
                case when b.next_at <= now + 20 * gap then b.next_at end,
                case when b.not_before <= now + longest_rest then b.not_before end
            ) + gap
            from clock
        )
    where (b.day <> excluded.day or b.made < :quota)
        and (b.not_before is null or (select not b.not_before - now between patience and longest_rest from clock))
    returning extract(epoch from next_at - make_interval(secs => :gap) - clock_timestamp())::float
    """
)

_REST = text(
    """
    insert into ops.request_budgets as b (source_id, server, day, made, next_at, not_before)
    values (
        :source_id, :server, (clock_timestamp() at time zone 'Asia/Shanghai')::date, 0, clock_timestamp(),
        clock_timestamp() + make_interval(secs => :seconds)
    )
    on conflict (source_id, server) do update set not_before = case
        when b.not_before <= clock_timestamp() + make_interval(secs => :longest_rest)
            then greatest(b.not_before, excluded.not_before)
        else excluded.not_before
    end
    """
)

_ASKED = text(
    """
    select extract(epoch from not_before - clock_timestamp())::float
    from ops.request_budgets
    where source_id = :source_id and server = :server
        and not_before > clock_timestamp()
        and not_before <= clock_timestamp() + make_interval(secs => :longest_rest)
    """
)


class SharedPace(Pace):
    """A source's pace among all processes. Thread-safe as far as its engine is."""

    def __init__(self, engine: Engine, source_id: str, address: Address, politeness: Politeness) -> None:
        super().__init__(politeness, holds_back=is_held_back(address, politeness))
        self._engine = engine
        self._key = {
            "source_id": source_id,
            "server": f"{address.scheme}://{address.host}{f':{address.port}' if address.port else ''}",
            "longest_rest": LONGEST_REST_SECONDS,
        }
        self._has_looked = False

    def _reserve(self) -> float:
        if not self.holds_back:
            if not self._has_looked:
                self._has_looked = True
                with self._autocommit() as connection:
                    super().rest(self._rest_left(connection))
            return super()._reserve()
        values = {
            **self._key,
            "gap": self.gap,
            "patience": self.politeness.longest_wait_seconds,
            "quota": self.politeness.daily_quota,
        }
        with self._autocommit() as connection:
            wait = connection.execute(_TAKE, values).scalar_one_or_none()
            if wait is None:
                if left := self._rest_left(connection):
                    raise told_to_wait(left)
                raise quota_spent(self.politeness)
        return float(wait)

    def rest(self, seconds: float) -> None:
        super().rest(seconds)
        with self._autocommit() as connection:
            connection.execute(_REST, {**self._key, "seconds": min(seconds, LONGEST_REST_SECONDS)})

    def _rest_left(self, connection: Connection) -> float:
        return float(connection.execute(_ASKED, self._key).scalar_one_or_none() or 0.0)

    def _autocommit(self) -> Connection:
        return self._engine.connect().execution_options(isolation_level="AUTOCOMMIT")
