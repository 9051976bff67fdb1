-- Canonical references lead to what they name. Filled by `hub reindex` where there are any already.
create table canonical (
  param_id integer not null,
  target_hash bigint not null,
  rid bigint not null
);
create index canonical_resource on canonical (rid);
create index canonical_target on canonical (param_id, target_hash, rid);
alter table canonical set (autovacuum_vacuum_insert_scale_factor = 0.05, autovacuum_vacuum_scale_factor = 0.05,
                           autovacuum_analyze_scale_factor = 0.05);
