-- Messages, what became of them, edits, runs of sets and what is known of partners.

create table messages.partner_state (
  partner text not null,
  what text not null,
  name text not null,
  value jsonb not null,
  expires timestamptz,
  reported timestamptz not null,
  primary key (partner, what, name)
);

create table messages.protocol_day (
  day date not null,
  first bigint not null,
  primary key (day)
);

create table messages.run (
  id bigint generated always as identity,
  flow text not null,
  set_name text collate "C" not null,
  sequence bigint,
  mode text not null,
  state text not null,
  manifest_hash bytea not null,
  started timestamptz not null,
  finished timestamptz,
  received bigint default 0 not null,
  accepted bigint default 0 not null,
  rejected bigint default 0 not null,
  in_review bigint default 0 not null,
  unchanged bigint default 0 not null,
  guards jsonb default '[]' not null,
  decided_by text,
  decided_at timestamptz,
  decision_reason text,
  receipt bytea,
  primary key (id)
);

create unique index run_manifest on messages.run (flow, manifest_hash) where state <> 'DUPLICATE';
create index run_sequence on messages.run (flow, sequence);

create table messages.message (
  id bigint generated always as identity,
  correlation uuid not null,
  flow text not null,
  direction text not null,
  source text not null,
  business_key text collate "C" not null,
  hash bytea not null,
  order_key text collate "C",
  lane smallint not null,
  state text not null,
  received timestamptz not null,
  changed timestamptz not null,
  due timestamptz,
  lease uuid,
  attempts integer default 0 not null,
  repeats integer default 0 not null,
  run_id bigint,
  raw bytea not null,
  mapped bytea,
  applied text[] default '{}' not null,
  fault_code text,
  fault_element text,
  fault_reason text,
  primary key (id),
  foreign key (run_id) references messages.run (id)
);

create index message_business_key on messages.message (business_key);
create index message_correlation on messages.message (correlation);
create index message_due on messages.message (lane, due, id) where due is not null;
create index message_order on messages.message (order_key, id);
create index message_queued on messages.message (order_key, id) where due is not null;
create index message_received on messages.message (received);
create index message_run on messages.message (run_id, id) where run_id is not null;
create index message_state on messages.message (flow, state, id);
create unique index message_taken on messages.message (order_key) where lease is not null;
create unique index message_unique on messages.message (source, business_key, hash);

create table messages.run_file (
  run_id bigint not null,
  name text not null,
  media_type text not null,
  body bytea not null,
  primary key (run_id, name),
  foreign key (run_id) references messages.run (id) on delete cascade
);

create table messages.edit (
  message_id bigint not null,
  number integer not null,
  at timestamptz not null,
  author text not null,
  reason text not null,
  hash bytea not null,
  body bytea not null,
  primary key (message_id, number),
  foreign key (message_id) references messages.message (id) on delete cascade
);

create table messages.transition (
  id bigint generated always as identity,
  message_id bigint not null,
  at timestamptz not null,
  from_state text,
  to_state text not null,
  actor text not null,
  correlation uuid not null,
  hash bytea not null,
  reason text,
  primary key (id),
  foreign key (message_id) references messages.message (id) on delete cascade
);

create index transition_again on messages.transition (correlation) where to_state = 'DUPLICADA';
create index transition_at on messages.transition (at);
create index transition_message on messages.transition (message_id, id);

-- Numbers of protocols are counted by it; see protocol.py.
create sequence messages.protocol;
