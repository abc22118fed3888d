CREATE TABLE ops.checks (
    check_id BIGINT GENERATED ALWAYS AS IDENTITY,
    suite TEXT NOT NULL,
    check_name TEXT NOT NULL,
    object TEXT,
    severity TEXT NOT NULL,
    status TEXT NOT NULL,
    source_id TEXT,
    release_id TEXT,
    load_id BIGINT,
    owner TEXT,
    observed TEXT,
    expected TEXT,
    reason_zh TEXT,
    reason_en TEXT,
    failing_count BIGINT,
    expires_on DATE,
    checked_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    PRIMARY KEY (check_id),
    CONSTRAINT checks_severity_check CHECK (severity in ('error', 'warn')),
    CONSTRAINT checks_status_check CHECK (status in ('pass', 'fail', 'error'))
);

CREATE INDEX checks_release_idx ON ops.checks (release_id);

CREATE INDEX checks_source_idx ON ops.checks (source_id, checked_at);

comment on column ops.checks.suite is 'landed, marts, dbt';

comment on column ops.checks.object is 'table and column';

comment on column ops.checks.expires_on is 'a known failure is known until this day';

CREATE TABLE ops.landed_files (
    file_id BIGINT GENERATED ALWAYS AS IDENTITY,
    source_id TEXT NOT NULL,
    layout TEXT NOT NULL,
    address TEXT NOT NULL,
    relative_path TEXT NOT NULL,
    file_name TEXT NOT NULL,
    landing_path TEXT NOT NULL,
    content_sha256 TEXT NOT NULL,
    state TEXT DEFAULT 'landed' NOT NULL,
    size_bytes BIGINT NOT NULL,
    is_synthetic BOOLEAN NOT NULL,
    request JSONB DEFAULT '{}'::jsonb NOT NULL,
    known_at DATE NOT NULL,
    landed_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    PRIMARY KEY (file_id),
    CONSTRAINT landed_files_content_key UNIQUE (source_id, content_sha256),
    CONSTRAINT landed_files_state_check CHECK (state in ('landed', 'loaded', 'duplicate', 'refused'))
);

CREATE INDEX landed_files_waiting_idx ON ops.landed_files (source_id, known_at) WHERE state = 'landed';

comment on column ops.landed_files.layout is 'name of the layout in the declaration of the source';

comment on column ops.landed_files.address is 'where it was fetched from, without credentials';

comment on column ops.landed_files.relative_path is 'path below the address of the source';

comment on column ops.landed_files.landing_path is 'path below LANDING_URL; never changed';

comment on column ops.landed_files.known_at is 'the day the source made it known; set once';

CREATE TABLE ops.outcomes (
    outcome_id BIGINT GENERATED ALWAYS AS IDENTITY,
    step TEXT NOT NULL,
    status TEXT NOT NULL,
    source_id TEXT,
    release_id TEXT,
    object TEXT,
    run_id TEXT,
    message_zh TEXT,
    message_en TEXT,
    rows_in BIGINT,
    rows_out BIGINT,
    details JSONB DEFAULT '{}'::jsonb NOT NULL,
    started_at TIMESTAMP WITH TIME ZONE NOT NULL,
    finished_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    PRIMARY KEY (outcome_id),
    CONSTRAINT outcomes_step_check CHECK (step in ('fetch', 'land', 'load', 'validate', 'build', 'check', 'release', 'serve')),
    CONSTRAINT outcomes_status_check CHECK (status in ('ok', 'warn', 'failed', 'skipped'))
);

CREATE INDEX outcomes_step_idx ON ops.outcomes (step, source_id, finished_at);

comment on column ops.outcomes.object is 'file, model, dashboard: what the step worked on';

comment on column ops.outcomes.run_id is 'Airflow run, or cli';

CREATE TABLE ops.releases (
    release_id TEXT NOT NULL,
    state TEXT NOT NULL,
    schema_name TEXT NOT NULL,
    run_id TEXT,
    code_version TEXT,
    held_reason_zh TEXT,
    held_reason_en TEXT,
    late_sources TEXT[] DEFAULT '{}' NOT NULL,
    is_current BOOLEAN DEFAULT false NOT NULL,
    is_synthetic BOOLEAN DEFAULT false NOT NULL,
    opened_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    built_at TIMESTAMP WITH TIME ZONE,
    published_at TIMESTAMP WITH TIME ZONE,
    PRIMARY KEY (release_id),
    CONSTRAINT releases_state_check CHECK (state in ('building', 'built', 'published', 'superseded', 'rolled_back', 'held', 'failed', 'dropped'))
);

CREATE UNIQUE INDEX releases_one_building_key ON ops.releases (state) WHERE state = 'building';

CREATE UNIQUE INDEX releases_one_current_key ON ops.releases (is_current) WHERE is_current;

comment on column ops.releases.release_id is 'when it was opened: 20261122_183000';

comment on column ops.releases.code_version is 'git commit that built it';

CREATE TABLE ops.indicator_progress_published (
    release_id TEXT NOT NULL,
    plan_code TEXT NOT NULL,
    indicator_code TEXT NOT NULL,
    component_code TEXT NOT NULL,
    area_code TEXT NOT NULL,
    basis TEXT NOT NULL,
    verdict TEXT,
    pace_status TEXT,
    growth_status TEXT,
    reason TEXT,
    latest_value NUMERIC,
    pace_ratio NUMERIC,
    growth_ratio NUMERIC,
    is_provisional BOOLEAN NOT NULL,
    period_end DATE NOT NULL,
    shown_from TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    PRIMARY KEY (release_id, plan_code, indicator_code, component_code, area_code, basis, period_end),
    FOREIGN KEY(release_id) REFERENCES ops.releases (release_id)
);

CREATE TABLE ops.indicator_values_published (
    release_id TEXT NOT NULL,
    plan_code TEXT NOT NULL,
    indicator_code TEXT NOT NULL,
    component_code TEXT NOT NULL,
    area_code TEXT NOT NULL,
    basis TEXT NOT NULL,
    unit TEXT NOT NULL,
    note_zh TEXT,
    value NUMERIC,
    numerator NUMERIC,
    denominator NUMERIC,
    source_count INTEGER,
    is_provisional BOOLEAN NOT NULL,
    period_end DATE NOT NULL,
    shown_from TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    PRIMARY KEY (release_id, plan_code, indicator_code, component_code, area_code, basis, period_end),
    FOREIGN KEY(release_id) REFERENCES ops.releases (release_id)
);

CREATE TABLE ops.loads (
    load_id BIGINT GENERATED ALWAYS AS IDENTITY,
    file_id BIGINT NOT NULL,
    source_id TEXT NOT NULL,
    layout TEXT NOT NULL,
    table_name TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    state TEXT DEFAULT 'loaded' NOT NULL,
    state_reason_zh TEXT,
    state_reason_en TEXT,
    rows_read BIGINT NOT NULL,
    rows_loaded BIGINT NOT NULL,
    rows_skipped BIGINT NOT NULL,
    rows_duplicate BIGINT NOT NULL,
    rows_rejected BIGINT NOT NULL,
    is_synthetic BOOLEAN NOT NULL,
    known_at DATE NOT NULL,
    loaded_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    validated_at TIMESTAMP WITH TIME ZONE,
    PRIMARY KEY (load_id),
    CONSTRAINT loads_state_check CHECK (state in ('loaded', 'accepted', 'held', 'duplicate')),
    UNIQUE (file_id),
    FOREIGN KEY(file_id) REFERENCES ops.landed_files (file_id)
);

CREATE UNIQUE INDEX loads_content_key ON ops.loads (source_id, layout, fingerprint) WHERE state <> 'duplicate';

CREATE INDEX loads_waiting_idx ON ops.loads (source_id) WHERE state = 'loaded';

comment on column ops.loads.table_name is 'table in schema raw';

comment on column ops.loads.fingerprint is 'sha256 over the sorted row hashes: content, whatever its packing';

comment on column ops.loads.rows_skipped is 'outside the load scope of the declaration';

comment on column ops.loads.rows_duplicate is 'alike but for the row number, within the file';

CREATE TABLE ops.rejected_rows (
    reject_id BIGINT GENERATED ALWAYS AS IDENTITY,
    file_id BIGINT NOT NULL,
    load_id BIGINT,
    source_id TEXT NOT NULL,
    place TEXT NOT NULL,
    field TEXT,
    value TEXT,
    rule TEXT NOT NULL,
    reason_zh TEXT NOT NULL,
    reason_en TEXT NOT NULL,
    row_text TEXT,
    rejected_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    PRIMARY KEY (reject_id),
    FOREIGN KEY(file_id) REFERENCES ops.landed_files (file_id),
    FOREIGN KEY(load_id) REFERENCES ops.loads (load_id)
);

CREATE INDEX rejected_rows_file_idx ON ops.rejected_rows (file_id);

CREATE INDEX rejected_rows_load_idx ON ops.rejected_rows (load_id);

comment on column ops.rejected_rows.load_id is 'empty when the whole file was refused';

comment on column ops.rejected_rows.place is 'member, line, sheet and cell; 文件 for the whole file';

comment on column ops.rejected_rows.value is 'at most 500 characters';

comment on column ops.rejected_rows.row_text is 'at most 2,000 characters, without identity columns';


create function ops.refuse_change() returns trigger language plpgsql as $$
begin
    raise exception 'ops.% is append-only: what was shown is kept', tg_table_name;
end
$$;

create trigger append_only before update or delete on ops.indicator_values_published
for each row execute function ops.refuse_change();
create trigger append_only_whole before truncate on ops.indicator_values_published
for each statement execute function ops.refuse_change();
create trigger append_only before update or delete on ops.indicator_progress_published
for each row execute function ops.refuse_change();
create trigger append_only_whole before truncate on ops.indicator_progress_published
for each statement execute function ops.refuse_change();

grant select on all tables in schema ops to loader, builder, publisher, auditor;
grant insert, update on ops.landed_files, ops.loads to loader;
grant insert on ops.rejected_rows to loader;
grant insert on ops.outcomes, ops.checks to loader, builder, publisher;
grant insert, update on ops.releases to publisher;
grant insert on ops.indicator_values_published, ops.indicator_progress_published to publisher;
