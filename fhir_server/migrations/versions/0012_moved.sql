-- The version since which a resource is in the compartments of the patients that it is in now, if not since its first.

create table moved (
  rid bigint primary key,
  version integer not null
);
