-- People who sign in, their sessions, and what they allow apps: requests under way, launches, grants, codes, refresh tokens.

create table auth.person (
  subject text primary key,
  login text not null unique,
  name text not null,
  password_hash text,
  roles text[] not null,
  fhir_user text,
  organization text,
  patients text[] not null default '{}',
  active boolean not null default true,
  created bigint not null
);

create table auth.session (
  sid text primary key,
  secret text not null unique,
  subject text not null references auth.person,
  created bigint not null,
  seen bigint not null,
  auth_time bigint not null,
  methods text[] not null
);
create index session_subject on auth.session (subject);
create index session_seen on auth.session (seen);

create table auth.request (
  secret text primary key,
  redirect_uri text not null,
  parameters text not null,
  created bigint not null,
  expires bigint not null,
  proved text,
  sid text,
  form text,
  used_at bigint
);
create index request_expires on auth.request (expires);

create table auth.launch (
  secret text primary key,
  client_id text not null,
  subject text not null references auth.person,
  context text not null,
  expires bigint not null,
  used_at bigint
);
create index launch_expires on auth.launch (expires);

create table auth.granted (
  id text primary key,
  client_id text not null,
  subject text not null references auth.person,
  scope text not null,
  patient text,
  context text not null,
  sid text not null,
  auth_time bigint not null,
  methods text[] not null,
  offline boolean not null,
  created bigint not null,
  used bigint not null,
  expires bigint not null,
  ended_at bigint,
  ended_by text,
  check ((ended_at is null) = (ended_by is null))
);
create index granted_subject on auth.granted (subject, client_id);
create index granted_sid on auth.granted (sid);

create table auth.code (
  secret text primary key,
  granted text not null references auth.granted on delete cascade,
  client_id text not null,
  redirect_uri text not null,
  challenge text not null,
  nonce text,
  expires bigint not null,
  used_at bigint
);
create index code_expires on auth.code (expires);

create table auth.refresh (
  secret text primary key,
  granted text not null references auth.granted on delete cascade,
  expires bigint not null,
  used_at bigint
);
create index refresh_granted on auth.refresh (granted);

-- Unlogged: a crash may forget it.
create unlogged table auth.guess (
  key text primary key,
  count integer not null,
  until bigint not null
);
