create table ops.sources (
    source_id text not null,
    name_zh text not null,
    name_en text not null,
    cadence_zh text not null,
    cadence_en text not null,
    owner text not null,
    late_after_days integer not null,
    declared_at timestamp with time zone default now() not null,
    primary key (source_id)
);

comment on column ops.sources.late_after_days is 'late when the newest accepted known_at is older than so many days';

alter table ops.releases add column checked_at timestamp with time zone;

comment on column ops.releases.checked_at is 'when the marts suite passed; nothing is published without it';

grant select on ops.sources to loader, builder, publisher, auditor;
grant insert, update, delete on ops.sources to publisher;
