create table ops.request_budgets (
    source_id text not null,
    server text not null,
    day date not null,
    made integer not null,
    next_at timestamp with time zone not null,
    not_before timestamp with time zone,
    primary key (source_id, server)
);

comment on column ops.request_budgets.server is 'scheme, host and port: another address has a budget of its own';

comment on column ops.request_budgets.day is 'calendar day in Asia/Shanghai that made counts';

comment on column ops.request_budgets.next_at is 'earliest moment of the next request of any process';

comment on column ops.request_budgets.not_before is 'the server asked to be left alone until then';

grant select on ops.request_budgets to loader, builder, publisher, auditor;
grant insert, update on ops.request_budgets to loader;
