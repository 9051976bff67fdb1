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
