-- Labels, consents and owners (0019, 0020) were of what was written since. What was there before is judged once, by
-- `fhir_server/judging.py`, before anybody is served.
create table unjudged (
  last bigint primary key,
  high bigint not null
);
insert into unjudged (last, high) select 0, max(rid) from resource having max(rid) is not null;
