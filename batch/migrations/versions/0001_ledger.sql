-- Of each resource that a set brought: the hash of the line last applied, and of which run.
create table batch.applied (
    resource_type text not null,
    id text not null,
    hash bytea not null,
    run_id bigint not null,
    active boolean not null,
    -- What guards ask of it; see batch/entities.py. No personal data.
    facts jsonb,
    primary key (resource_type, id)
);

-- Journal of a run: each line of its set, until the run is over.
create table batch.line (
    run_id bigint not null,
    file smallint not null,
    number integer not null,
    -- A line of _Deleted may end several resources.
    part smallint not null,
    resource_type text,
    id text,
    hash bytea not null,
    active boolean,
    facts jsonb,
    -- batch.ledger.State
    state smallint not null,
    code text,
    element text,
    primary key (run_id, file, number, part)
);

-- Receipts, and whether they were sent and their sets put away.
create table batch.receipt (
    run_id bigint primary key,
    name text not null,
    body bytea not null,
    sent boolean not null default false,
    archived boolean not null default false
);
create index receipt_due on batch.receipt (run_id) where not sent;
