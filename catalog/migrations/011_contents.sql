-- The parts of snap.yaml that are asked for all the time, so that nobody parses it again. Null until Open has filled it in.
alter table snap_revision add column contents json;

create index snap_revision_without_contents on snap_revision (snap_id) where contents is null;
