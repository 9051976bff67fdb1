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
