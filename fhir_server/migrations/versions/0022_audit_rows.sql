-- What shares a commit shares a row: a line for each event.
alter table audit_intake rename column line to lines;
alter table audit_intake add column events integer not null default 1;
