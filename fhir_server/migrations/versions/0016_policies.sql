-- What roles may do: the newest version is in force, the others tell what was.
create table policy (
  version bigserial primary key,
  changed bigint not null,
  author text not null,
  document text not null
);
