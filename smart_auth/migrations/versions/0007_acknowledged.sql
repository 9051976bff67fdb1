-- Of a grant that a token seen twice ended: when the person said that they know.

alter table auth.granted add column acknowledged bigint;

-- What ended before is no news.
update auth.granted set acknowledged = ended_at where ended_by = 'refresh-reused';
