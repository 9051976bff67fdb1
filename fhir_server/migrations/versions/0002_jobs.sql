-- Work that outlives its request.

create table job (
  id text collate "C" not null,
  kind text collate "C" not null,
  state text collate "C" not null,
  request text not null,
  job_order text not null,
  access text not null,
  created bigint not null,
  finished bigint,
  expires bigint,
  done bigint default '0' not null,
  total bigint default '0' not null,
  attempts integer default '0' not null,
  result text,
  primary key (id)
);
create index job_state on job (state, created);

create table import_chunk (
  run text collate "C" not null,
  file text collate "C" not null,
  line bigint not null,
  stored integer not null,
  unchanged integer not null,
  refused text not null,
  primary key (run, file, line)
);
