-- Second factors.

create table auth.factor (
  id text primary key,
  subject text not null references auth.person,
  kind text not null check (kind in ('totp')),
  sealed bytea not null,
  step bigint not null default 0,
  confirmed boolean not null default false,
  created bigint not null
);
create index factor_subject on auth.factor (subject);

create table auth.recovery (
  id text primary key,
  subject text not null references auth.person,
  hash text not null,
  used_at bigint
);
create index recovery_subject on auth.recovery (subject);

alter table auth.session
  add column waiting boolean not null default false,
  add column factor_time bigint;
