-- The record: versions, search tables, outbox.

create table composite (
  param_id integer not null,
  first_system integer not null,
  first_hash bigint not null,
  second_hash bigint not null,
  rid bigint not null,
  second_system integer not null,
  low numeric,
  high numeric,
  low2 numeric,
  high2 numeric
);
create index composite_low on composite (param_id, first_hash, low, rid) where low is not null;
create index composite_resource on composite (rid);
create index composite_second on composite (param_id, first_hash, second_hash, rid) where low is null;

create table date (
  param_id integer not null,
  low bigint not null,
  high bigint not null,
  rid bigint not null
);
create index date_long on date (param_id, low, high, rid) where not (low > -9000000000000000000 and high < 9000000000000000000 and high - low <= 86400000000);
create index date_resource on date (rid);
create index date_short on date (param_id, low, rid) include (high) where low > -9000000000000000000 and high < 9000000000000000000 and high - low <= 86400000000;

create table number (
  param_id integer not null,
  rid bigint not null,
  low numeric not null,
  high numeric not null
);
create index number_low on number (param_id, low, rid) include (high);
create index number_resource on number (rid);

create table outbox (
  sequence bigserial not null,
  rid bigint not null,
  version integer not null,
  type_id smallint not null,
  method varchar(6) not null,
  primary key (sequence)
);

create table patient_date (
  patient_rid bigint not null,
  low bigint not null,
  high bigint not null,
  rid bigint not null,
  type_id smallint not null
);
create index patient_date_key on patient_date (patient_rid, type_id, low, rid) include (high);

create table patient_value (
  patient_rid bigint not null,
  value_hash bigint not null,
  rid bigint not null,
  param_id integer not null,
  system_hash integer not null
);
create index patient_value_key on patient_value (patient_rid, param_id, value_hash, rid) include (system_hash);

create table quantity (
  param_id integer not null,
  unit_hash bigint not null,
  rid bigint not null,
  low numeric not null,
  high numeric not null
);
create index quantity_low on quantity (param_id, unit_hash, low, rid) include (high);
create index quantity_resource on quantity (rid);

create table reference (
  param_id integer not null,
  target_rid bigint not null,
  rid bigint not null
);
create index reference_source on reference (rid);
create index reference_target on reference (param_id, target_rid, rid);

create table reference_other (
  param_id integer not null,
  target_hash bigint not null,
  rid bigint not null
);
create index reference_other_target on reference_other (param_id, target_hash, rid);

create table resource (
  rid bigint not null,
  type_id smallint not null,
  index_generation smallint default '1' not null,
  version integer not null,
  last_updated bigint not null,
  fhir_id text collate "C" not null,
  method varchar(6) not null,
  body bytea,
  primary key (rid)
)
 with (fillfactor = 85);
create index resource_changes on resource (last_updated);
create unique index resource_id on resource (type_id, fhir_id);
create index resource_live on resource (type_id, rid) where body is not null;
create index resource_updated on resource (type_id, last_updated);

create table resource_version (
  rid bigint not null,
  type_id smallint not null,
  version integer not null,
  last_updated bigint not null,
  method varchar(6) not null,
  body bytea,
  primary key (rid, version)
);
create index resource_version_changes on resource_version (last_updated);
create index resource_version_updated on resource_version (type_id, last_updated);

create table string (
  param_id integer not null,
  exact_hash bigint not null,
  rid bigint not null,
  normalised text collate "C" not null
);
create index string_normalised on string (param_id, normalised, rid);
create index string_resource on string (rid);

create table token (
  param_id integer not null,
  system_hash integer not null,
  code_hash bigint not null,
  rid bigint not null
);
create index token_code on token (param_id, code_hash, rid) include (system_hash);
create index token_system on token (param_id, system_hash, rid);

create table uri (
  param_id integer not null,
  rid bigint not null,
  uri text collate "C" not null
);
create index uri_resource on uri (rid);
create index uri_uri on uri (param_id, uri, rid);

create sequence rid_block;

-- Bodies come compressed: PostgreSQL need not try again.
alter table resource alter column body set storage external;
alter table resource_version alter column body set storage external;

-- Which values are dense, and for which parameter: without it the planner takes the columns for independent.
create statistics token_code_stats (ndistinct, dependencies, mcv) on param_id, code_hash, system_hash from token;
create statistics reference_target_stats (ndistinct, dependencies, mcv) on param_id, target_rid from reference;
create statistics string_normalised_stats (ndistinct, dependencies, mcv) on param_id, normalised from string;
create statistics quantity_unit_stats (ndistinct, dependencies, mcv) on param_id, unit_hash from quantity;
create statistics patient_value_stats (ndistinct, dependencies, mcv) on param_id, value_hash from patient_value;
create statistics date_low_stats (ndistinct, dependencies, mcv) on param_id, low from date;
create statistics composite_first_stats (ndistinct, dependencies, mcv) on param_id, first_hash from composite;

-- Index-only scans need a fresh visibility map, the planner fresh statistics, also while data pour in.
do $$
declare
  name text;
begin
  foreach name in array array['resource', 'token', 'reference', 'reference_other', 'patient_value', 'patient_date', 'date',
                              'quantity', 'number', 'string', 'uri', 'composite'] loop
    execute format('alter table %I set (autovacuum_vacuum_insert_scale_factor = 0.05, '
                   'autovacuum_vacuum_scale_factor = 0.05, autovacuum_analyze_scale_factor = 0.05)', name);
  end loop;
end $$;

-- Checks that end a write. Called as statements of the write's own pipeline; raising ends the whole transaction.

create function hub_expect(done bigint, wanted bigint) returns void language plpgsql as $$
begin
  if done <> wanted then
    raise exception 'version conflict' using errcode = 'HB001';
  end if;
end $$;

-- Every rid exists, is not deleted, and stays so until commit.
create function hub_require(wanted bigint[]) returns void language plpgsql as $$
declare
  found bigint[];
begin
  select coalesce(array_agg(held.rid), '{}') into found
  from (select rid from resource where rid = any (wanted) and body is not null order by rid for key share) held;
  if cardinality(found) <> cardinality(wanted) then
    raise exception 'missing reference' using errcode = 'HB002', detail =
      (select string_agg(w::text, ',') from unnest(wanted) w where w <> all (found));
  end if;
end $$;

-- Nothing refers to any rid, itself aside.
create function hub_unreferenced(gone bigint[], params integer[]) returns void language plpgsql as $$
declare
  holder smallint;
begin
  select r.type_id into holder
  from unnest(gone) g(rid) cross join unnest(params) p(param_id)
    join reference f on f.param_id = p.param_id and f.target_rid = g.rid and f.rid <> g.rid
    join resource r on r.rid = f.rid
  limit 1;
  if found then
    raise exception 'still referenced' using errcode = 'HB003', detail = holder::text;
  end if;
end $$;
