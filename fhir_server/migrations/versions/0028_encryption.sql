create table encryption_key (
  id integer primary key,
  purpose text collate "C" not null,
  wrapped bytea not null,
  wrapping text collate "C" not null,
  made bigint not null,
  retired boolean not null
);

create table encryption_system (
  system text collate "C" primary key,
  indexed boolean not null
);

create table encryption_run (
  part text collate "C" primary key,
  goal text not null,
  rid bigint not null,
  version integer not null,
  looked_at bigint not null,
  rewritten bigint not null,
  before bigint not null,
  complete boolean not null,
  types smallint[] not null
);
