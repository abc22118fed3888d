create table ops.missing_shards (
    missing_id bigint generated always as identity,
    source_id text not null,
    kind text not null,
    object text not null,
    reason_zh text not null,
    reason_en text not null,
    noticed_at timestamp with time zone default now() not null,
    closed_at timestamp with time zone,
    primary key (missing_id),
    constraint missing_shards_kind_check check (kind in ('number', 'part', 'day', 'not_fetched', 'unreadable'))
);

create unique index missing_shards_open_key on ops.missing_shards (source_id, kind, object) where closed_at is null;

comment on column ops.missing_shards.object is 'path of the file or folder that is missing or unreadable';

comment on column ops.missing_shards.closed_at is 'when a later delivery had filled it';

grant select on ops.missing_shards to loader, builder, publisher, auditor;
grant insert, update on ops.missing_shards to loader;
