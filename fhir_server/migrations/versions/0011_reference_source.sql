-- By parameter it took twice as much: 66 bytes for each resource, to spare the reading of a few neighbours.
drop index reference_source;
create index reference_source on reference (rid);
