-- Clients, signing keys, revocations, and the assertions that were used.

create table auth.client (
  client_id text primary key,
  name text not null,
  active boolean not null default true,
  auth_method text not null
    check (auth_method in ('none', 'client_secret_basic', 'client_secret_post', 'private_key_jwt')),
  secret_hash text,
  jwks text,
  jwks_uri text,
  scope text not null,
  grant_types text[] not null,
  redirect_uris text[] not null default '{}',
  introspect boolean not null default false,
  created bigint not null,
  check (jwks is null or jwks_uri is null)
);

create table auth.signing_key (
  kid text primary key,
  alg text not null check (alg in ('ES256', 'RS256')),
  state text not null check (state in ('next', 'current', 'retired')),
  sealed bytea not null,
  public text not null,
  created bigint not null,
  leaves bigint,
  check ((state = 'retired') = (leaves is not null))
);
create unique index signing_key_state on auth.signing_key (alg, state) where state <> 'retired';

create table auth.revocation (
  key text primary key,
  before bigint not null,
  expires bigint not null,
  xid bigint not null default pg_current_xact_id()::text::bigint
);
create index revocation_xid on auth.revocation (xid);
create index revocation_expires on auth.revocation (expires);

create table auth.assertion (
  client_id text not null,
  jti text not null,
  expires bigint not null,
  primary key (client_id, jti)
);
create index assertion_expires on auth.assertion (expires);
