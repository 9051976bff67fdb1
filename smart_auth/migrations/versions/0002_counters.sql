-- How often something was done in a minute. Unlogged: a crash may forget it.

create unlogged table auth.counter (
  key text primary key,
  minute bigint not null,
  count integer not null
);
