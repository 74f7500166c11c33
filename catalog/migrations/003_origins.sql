-- Which bundle said what is known of a snap or charm by name: of two that were signed in the same second, one has to win whatever the
-- order in which they come. Null for what was said before this was remembered.
alter table snap add column import_id bigint references import;
alter table charm add column import_id bigint references import;
