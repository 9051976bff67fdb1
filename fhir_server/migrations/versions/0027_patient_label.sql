create table patient_label (
  rid bigint not null,
  patient_rid bigint not null,
  labels smallint not null,
  primary key (rid, patient_rid)
);
create index patient_label_record on patient_label (patient_rid, labels, rid);
alter table patient_label set (autovacuum_vacuum_insert_scale_factor = 0.05, autovacuum_vacuum_scale_factor = 0.05,
  autovacuum_analyze_scale_factor = 0.05);

create function hub_stands_out(rids bigint[], patient smallint) returns void language plpgsql as $$
-- The rows of these resources anew. patient: the type_id; by any reference to one, rather one too many than one too few.
begin
  delete from patient_label p where p.rid = any(rids);
  insert into patient_label (rid, patient_rid, labels)
  select f.rid, f.patient_rid, f.labels from (
    select x.rid, t.rid as patient_rid, coalesce(l.labels, 0) as labels, count(*) over (partition by x.rid) as patients
    from (select distinct r.rid, r.target_rid from reference r where r.rid = any(rids)) x
      join resource t on t.rid = x.target_rid and t.type_id = patient
      left join label l on l.rid = x.rid) f
  where f.labels <> 0 or f.patients > 1;
end $$;

select hub_stands_out(array_agg(c.rid), 103::smallint) from (
  select l.rid from label l where l.labels <> 0
  union
  select r.rid from reference r join resource t on t.rid = r.target_rid
  where r.rid > 0 and t.type_id = 103 group by r.rid having count(distinct r.target_rid) > 1) c;

-- As before, but the patients and the treating person are looked up here, where it is asked at all.
drop function hub_consented(
  bigint, smallint, bigint[], integer, boolean, text[], text, bigint, integer[], integer[], integer[]
);

create function hub_consented(
  own bigint, kind smallint, itself boolean, members integer[], purpose integer, legal boolean, actor text[],
  person text, person_kind smallint, person_id text, participants integer[], subjects integer[], days integer[]
) returns boolean language plpgsql stable as $$
-- itself: the resource is a patient; members: parameters by which others are of one.
declare
  now bigint := (extract(epoch from statement_timestamp()) * 1000000)::bigint;
  since bigint := (extract(epoch from statement_timestamp() - interval '24 months') * 1000000)::bigint;
  labelled integer := coalesce((select l.labels from label l where l.rid = own), 0);
  whose bigint[] := array(select r.target_rid from reference r where r.rid = own and (r.param_id + 0) = any(members));
begin
  if itself then
    whose := whose || own;
  end if;
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
  if person_id is not null and exists (
    select from unnest(whose) p(rid)
      join reference s on s.target_rid = p.rid and s.param_id = any(subjects)
      join reference o on o.rid = s.rid and (o.param_id + 0) = any(participants)
      join resource t on t.rid = o.target_rid and t.type_id = person_kind and t.fhir_id = person_id
    where exists (select from date d where d.rid = s.rid and d.param_id = any(days) and d.high >= since)
  ) then
    return true;
  end if;
  return not exists (
    select from unnest(array[1, 2, 4, 8]) b(one)
    where labelled & b.one <> 0
      and not coalesce(hub_verdict(own, kind, whose, purpose, actor, labelled, b.one), false));
end $$;
