-- Whether labels and consents let somebody see a resource: planned once for a session, and asked of the few rows where
-- there is anything to ask.

create function hub_verdict(
  own bigint, kind smallint, whose bigint[], purpose integer, actor text[], labelled integer, wanted integer
) returns boolean language plpgsql stable as $$
-- What the deepest provision that fits says, null if none does; contrary ones of one depth deny.
declare
  now bigint := (extract(epoch from statement_timestamp()) * 1000000)::bigint;
begin
  return (
    select e.permits from consent_effect e
    where e.patient_rid = any(whose)
      and (e.purposes = 0 or e.purposes & purpose <> 0)
      and e.low <= now and e.high > now
      and (e.actors is null or e.actors && actor)
      and (e.types is null or kind = any(e.types))
      and case when wanted <> 0 then e.labels & wanted <> 0 else e.labels = 0 or e.labels & labelled <> 0 end
      and (e.codes is null or exists (select from token t where t.rid = own and t.code_hash = any(e.codes)))
      and (e.data is null or own = any(e.data))
      and (e.data_low is null or exists (
        select from date d where d.rid = own and d.low < e.data_high and d.high > e.data_low))
      and not exists (
        select from consent_effect n where n.patient_rid = e.patient_rid and n.category = e.category
          and (n.made, n.consent_rid) > (e.made, e.consent_rid))
    order by e.depth desc, e.permits limit 1);
end $$;

create function hub_consented(
  own bigint, kind smallint, whose bigint[], purpose integer, legal boolean, actor text[], person text, treating bigint,
  participants integer[], subjects integer[], days integer[]
) returns boolean language plpgsql stable as $$
declare
  now bigint := (extract(epoch from statement_timestamp()) * 1000000)::bigint;
  since bigint := (extract(epoch from statement_timestamp() - interval '24 months') * 1000000)::bigint;
  labelled integer := coalesce((select l.labels from label l where l.rid = own), 0);
begin
  if exists (
    select from break_glass g
    where g.patient_rid = any(whose) and g.subject = person and g.since <= now and g.until > now
  ) then
    return true;
  end if;
  if not coalesce(hub_verdict(own, kind, whose, purpose, actor, labelled, 0), legal) then
    return false;
  end if;
  if labelled & 15 = 0 then
    return true;
  end if;
  if treating is not null and exists (
    select from unnest(whose) p(rid)
      join reference s on s.target_rid = p.rid and s.param_id = any(subjects)
      join reference o on o.rid = s.rid and o.param_id = any(participants) and o.target_rid = treating
    where exists (select from date d where d.rid = s.rid and d.param_id = any(days) and d.high >= since)
  ) then
    return true;
  end if;
  return not exists (
    select from unnest(array[1, 2, 4, 8]) b(one)
    where labelled & b.one <> 0
      and not coalesce(hub_verdict(own, kind, whose, purpose, actor, labelled, b.one), false));
end $$;
