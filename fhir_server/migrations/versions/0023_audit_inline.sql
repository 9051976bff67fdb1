-- What a commit adds to the intake is read once and deleted: neither compressing it nor a table beside this one is worth it.
alter table audit_intake alter column lines set storage external;
alter table audit_intake set (toast_tuple_target = 8160);
