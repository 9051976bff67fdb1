-- The audit trail: events as they come in, the batches they are sealed into, and whom a batch concerns.

create table audit_intake (
  sequence bigserial primary key,
  line bytea not null
);
-- Its rows live for a moment.
alter table audit_intake set (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000);

create table audit_batch (
  number bigint primary key,
  first bigint not null unique,
  events bigint not null,
  first_at bigint not null,
  last_at bigint not null,
  left_tag bytea not null,
  right_tag bytea not null,
  tags bytea not null,
  lines bytea not null
);
-- Compressed already.
alter table audit_batch alter column lines set storage external, alter column tags set storage external;
create index audit_batch_time on audit_batch (last_at);

create table audit_key (
  kind smallint not null,
  key bigint not null,
  batch bigint not null,
  primary key (kind, key, batch)
);

create function hub_append_only() returns trigger language plpgsql as $$
begin
  if current_setting('hub.audit_expire', true) is distinct from 'on' then
    raise exception 'the audit trail is only ever added to' using errcode = 'HB010';
  end if;
  return old;
end $$;
create trigger audit_batch_append_only before update or delete on audit_batch
  for each row execute function hub_append_only();
create trigger audit_key_append_only before update or delete on audit_key
  for each row execute function hub_append_only();
create trigger audit_batch_kept before truncate on audit_batch
  for each statement execute function hub_append_only();
