-- How many versions of each type have left the outbox: whether a total that is kept still holds.
create unlogged table outbox_passed (
  type_id smallint primary key,
  versions bigint not null
);
