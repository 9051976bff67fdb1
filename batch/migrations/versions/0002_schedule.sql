-- See batch/schedule.py, `Known`.
create table batch.schedule (
    flow text primary key,
    looked timestamptz,
    arrived timestamptz,
    alarmed timestamptz
);
