-- Codes that occur together in a resource, so that a search for two that never do need not look for them.

create table token_pair (
  first_param integer not null,
  first_hash bigint not null,
  second_param integer not null,
  second_hash bigint not null,
  primary key (first_param, first_hash, second_param, second_hash)
);

-- Of what is there: the code of each type with one clinical date, beside its category, status, ...
insert into token_pair
select distinct a.param_id, a.code_hash, b.param_id, b.code_hash
from (values
    (314346427, -1221190009), (314346427, -214527503), (314346427, -2108678226), (314346427, -1925319950),
    (-277939034, -592392448), (-277939034, 1545441765), (-277939034, -1846509736), (1993374509, -1679199838),
    (1993374509, -1721892120), (-470733199, 1681814649), (-470733199, -1459213497), (2086503115, -1917011132),
    (-412929549, -1139655034), (23341317, 918262946), (-1731481872, 1825238355), (-1731481872, -1059926302),
    (-1464337297, -502008136), (-1464337297, -414323761), (-1464337297, -2050857303), (-1372445665, 1253406706),
    (-1372445665, -1405704102), (613285100, 2025029527), (613285100, 655332007), (1510801497, -55279646),
    (1510801497, 255462395), (-1419152523, -1536437426), (-1419152523, -378584130), (1945635245, -1825965760),
    (1945635245, -1248219838), (1945635245, -1653726184), (-66084537, -1822633499), (-66084537, 359544939)
  ) p(first_param, second_param)
join token a on a.param_id = p.first_param
join token b on b.rid = a.rid and b.param_id = p.second_param;

analyze token_pair;
