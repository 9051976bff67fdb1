-- Search parameters that SearchParameter resources define, and how far their rows are.

create table search_parameter (
  id bigserial not null,
  rid bigint not null,
  state text collate "C" not null,
  definition text not null,
  job text collate "C",
  primary key (id)
);
create index search_parameter_rid on search_parameter (rid);

create table search_generation (
  generation bigint not null,
  primary key (generation)
);
-- Begins anywhere, so that no two databases have the same.
insert into search_generation select (random() * 1000000000000000)::bigint;

create table reindex_run (
  run text collate "C" not null,
  goal text not null,
  started bigint not null,
  high bigint not null,
  total bigint not null,
  type_id smallint not null,
  last bigint not null,
  found text not null,
  primary key (run)
);

create function hub_stale() returns boolean language plpgsql as $$
begin
  raise exception 'search parameters have changed' using errcode = 'HB004';
end $$;

-- The definitions that SearchParameters with these rids put in force; null: none. Those that change get a job.
create function hub_search_parameters(known bigint, rids bigint[], definitions text[], states text[], work text[])
  returns void language plpgsql as $$
declare
  waiting text;
  changed boolean := false;
begin
  for n in 1 .. cardinality(rids) loop
    continue when exists (select from search_parameter
                          where rid = rids[n] and state <> 'removing' and definition = definitions[n]);
    update search_parameter set state = 'removing' where rid = rids[n] and state <> 'removing';
    changed := changed or found;
    if definitions[n] is not null then
      insert into search_parameter (rid, state, definition) values (rids[n], states[n], definitions[n]);
      changed := true;
    end if;
  end loop;
  if not changed then
    return;
  end if;
  -- Whoever changes them at the same time waits here, and then begins again with what the other has put in force.
  update search_generation set generation = generation + 1 where generation = known;
  if not found then
    perform hub_stale();
  end if;
  -- A job that has not begun will see our rows; one that is about to begin waits for our commit.
  select id into waiting from job where kind = 'reindex' and state = 'waiting' and job_order = work[2]
    for update skip locked limit 1;
  if waiting is null then
    waiting := work[1];
    insert into job (id, kind, state, request, job_order, access, created)
      values (waiting, 'reindex', 'waiting', '', work[2], work[3], extract(epoch from clock_timestamp()) * 1000000);
  end if;
  update search_parameter set job = waiting where state = 'indexing' and job is null;
  perform pg_notify('job', '');
end $$;
