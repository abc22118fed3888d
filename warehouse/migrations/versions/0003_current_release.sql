create table ops.current_release (
    is_the_one boolean default true not null,
    release_id text not null,
    since timestamp with time zone default now() not null,
    primary key (is_the_one),
    constraint current_release_one_row_check check (is_the_one),
    foreign key (release_id) references ops.releases (release_id)
);

comment on table ops.current_release is 'which build the views of marts show; every view reads it, a publication locks it';

grant select on ops.current_release to loader, builder, publisher, auditor;
grant insert, update on ops.current_release to publisher;
