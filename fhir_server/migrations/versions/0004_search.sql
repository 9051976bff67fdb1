-- A search for system|code was read through the index of systems where statistics were missing: as an expression it
-- serves only those who ask for it.

drop index token_system;
create index token_system on token (param_id, (system_hash + 0), rid);
