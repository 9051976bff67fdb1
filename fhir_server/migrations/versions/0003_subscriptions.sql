-- Subscriptions: what has been agreed with each endpoint, and the events that wait for it or may be asked for again.

create table subscription_state (
  rid bigint not null,
  events bigint not null,
  settled bigint,
  primary key (rid)
);

create table subscription_event (
  subscription_rid bigint not null,
  number bigint not null,
  rid bigint not null,
  happened bigint not null,
  version integer not null,
  type_id smallint not null,
  delivered boolean not null,
  method varchar(6) not null,
  primary key (subscription_rid, number)
);
create index subscription_event_waiting on subscription_event (subscription_rid, number) where not delivered;

-- Their rows live for a moment.
alter table outbox set (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000);
alter table subscription_event set (fillfactor = 85, autovacuum_vacuum_scale_factor = 0.05);
