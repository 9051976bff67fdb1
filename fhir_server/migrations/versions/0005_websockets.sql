-- What clients bind websockets with; only a hash of each token is kept.

create table subscription_token (
  hash bytea not null,
  expires bigint not null,
  access text not null,
  rids bigint[] not null,
  primary key (hash)
);
