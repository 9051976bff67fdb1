-- Which search parameters a resource has values of, for :missing. What is stored already keeps the 1 of a column that
-- nobody read: not looked at yet. Each write puts its number there, `hub reindex` those of all.
create table parameter_set (
  type_id smallint not null,
  number smallint not null,
  param_ids integer[] not null,
  primary key (type_id, number)
);
alter table resource rename column index_generation to parameter_set;
-- By 256 rids at a time, so that entries share index tuples.
create index resource_parameter_set on resource (type_id, parameter_set, ((rid >> 8)::integer)) where body is not null;
