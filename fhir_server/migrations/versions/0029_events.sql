-- Events on their way to care services, and the ledger of those that are done.
create table event (
  sequence bigint primary key,
  rid bigint not null,
  since bigint not null,
  version integer not null,
  type_id smallint not null,
  interaction varchar(6) not null
);

create table event_delivery (
  service text not null,
  sequence bigint not null,
  since bigint not null,
  due bigint not null,
  attempts smallint not null,
  interaction varchar(6) not null,
  reference text not null,
  order_key text not null,
  fault text,
  primary key (service, sequence)
);
create index event_delivery_order on event_delivery (service, order_key, sequence);
create index event_delivery_due on event_delivery (sequence);

create table event_done (
  service text not null,
  sequence bigint not null,
  at bigint not null,
  primary key (service, sequence)
);
create index event_done_at on event_done (at);

create table event_count (
  name text primary key,
  number bigint not null
);
insert into event_count values ('published', 0), ('redelivered', 0), ('dead', 0);

-- Their rows live for a moment.
alter table event set (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000);
alter table event_delivery set (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000);
