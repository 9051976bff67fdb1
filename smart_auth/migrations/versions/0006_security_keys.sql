-- Security keys as second factors (WebAuthn).

alter table auth.factor
  drop constraint factor_kind_check,
  add constraint factor_kind_check check (kind in ('totp', 'webauthn')),
  alter column sealed drop not null,
  add column credential text unique,
  add column public bytea,
  add column signed bigint not null default 0;

alter table auth.session
  add column challenge text,
  add column challenge_until bigint;
