-- What each read of a row was shown stands beside the lines, so that these go in as they come, compressed.
alter table audit_intake add column rids bigint[], add column places bigint[];
alter table audit_intake alter column rids set storage external, alter column places set storage external;
