-- What was taken out of the catalogue, by whom and when. An import from before the last removal may have brought something that is
-- gone.
create table removal (
  id         bigint generated always as identity primary key,
  reason     text not null,                  -- remove, prune or replace
  removed_by text not null,                  -- the user of this host
  removed_at timestamptz not null default clock_timestamp(),
  forced     boolean not null,               -- although something needed it
  report     json not null
);
