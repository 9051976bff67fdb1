-- Who has a code, in the order of a page of patients: see search/stepping.py.
create index patient_value_code on patient_value (param_id, value_hash, patient_rid) where param_id in (
    -1731481872, -1464337297, -1431748233, -1419152523, -1372445665, -470733199, -412929549, -277939034,
    -85449121, -66084537, 23341317, 314346427, 613285100, 1510801497, 1520831164, 1945635245, 1993374509,
    2086503115
);
-- By parameter it took twice as much, to spare the reading of a few neighbours: what the other index takes.
drop index composite_resource;
create index composite_resource on composite (rid);
