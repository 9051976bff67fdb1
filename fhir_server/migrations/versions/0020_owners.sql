-- Who wrote each Subscription last, and whether their right to it has ended.
create table subscription_owner (
  rid bigint primary key,
  names text[] not null,
  since bigint not null,
  ended boolean not null
);
