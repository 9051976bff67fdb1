-- A code by its clinical date: the rows of `code` carry the date of the types listed, as search/index.py has it.
alter table token add low bigint, add high bigint;
update token t set low = d.low, high = d.high
from (values
  (314346427, -316078131),
  (-1431748233, -585863354),
  (-85449121, 1127170009),
  (-277939034, -806269639),
  (1520831164, -349713893),
  (1993374509, 1770196186),
  (-470733199, 1748992332),
  (2086503115, 1755225063),
  (-412929549, -2116184397),
  (23341317, 1641174911),
  (-1731481872, -205154963),
  (-1464337297, -453937300),
  (-1372445665, 1235104013),
  (613285100, -22355728),
  (1510801497, -115348596),
  (-1419152523, -1792101509),
  (1945635245, 1914926723),
  (-66084537, 1852691354)
) dated(code_id, date_id), date d
where t.param_id = dated.code_id and d.param_id = dated.date_id and d.rid = t.rid;

create index token_date_short on token (param_id, code_hash, low, rid)
  where low > -9000000000000000000 and high < 9000000000000000000 and high - low <= 86400000000;
create index token_date_long on token (param_id, code_hash, low, rid)
  where not (low > -9000000000000000000 and high < 9000000000000000000 and high - low <= 86400000000);

-- Without rid its entries share index tuples; who asks for a system alone has few rows, or walks the resources.
drop index token_system;
create index token_system on token (param_id, (system_hash + 0));
create index token_resource on token (rid);

-- The unit of a quantity before its value, so that a range is a range of the index.
create index composite_value on composite (param_id, first_hash, second_hash, low, rid);
drop index composite_low;
drop index composite_second;

-- Resources with many names or references are asked for one of them.
drop index string_resource;
create index string_resource on string (rid, param_id);
drop index reference_source;
create index reference_source on reference (rid, param_id);
