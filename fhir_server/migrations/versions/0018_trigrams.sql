-- The middle of names and addresses of people and places, for :contains. Both extensions come with PostgreSQL and may be
-- created by the owner of a database; where they are missing the search goes through all names.
do $$
begin
  if (select count(*) from pg_available_extensions where name in ('pg_trgm', 'btree_gin')) < 2 then
    raise notice 'no pg_trgm or no btree_gin: :contains has no index';
    return;
  end if;
  create extension if not exists pg_trgm;
  create extension if not exists btree_gin;
  create index string_trigrams on string using gin (param_id, normalised gin_trgm_ops) with (gin_pending_list_limit = 64)
  where param_id in (
    -2115872861, -2075584719, -1733442071, -1729732771, -1663598526, -1646352967, -1582371998, -1195296851,
    -1056764277, -1040421293, -974032757, -885967869, -859641163, -653949030, -378306274, -304076386, -269683437,
    -269111831, -31444427, -23963185, 83068171, 94185273, 103490152, 236916614, 398379074, 417579053, 523204014,
    726722583, 828459618, 888122320, 914418898, 933515946, 939880283, 1027572157, 1253922061, 1261004470,
    1397710319, 1472417707, 1929389769, 1940272260, 2010056927, 2037506917
  );
exception when insufficient_privilege then
  raise notice 'pg_trgm and btree_gin may not be created: :contains has no index';
end $$;
