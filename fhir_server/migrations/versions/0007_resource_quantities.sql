-- An observation has quantities under several parameters, a panel a dozen composites.
drop index quantity_resource;
create index quantity_resource on quantity (rid, param_id);
drop index composite_resource;
create index composite_resource on composite (rid, param_id);
