-- Initial access tokens, each for so many registrations; what a client that registered by itself said.

create table auth.invitation (
  secret text primary key,
  scope text not null,
  uses integer not null,
  expires bigint not null
);

alter table auth.client
  add column registration text,
  add column waiting boolean not null default false,
  add column about text not null default '{}';
