-- The snaps and charms that the store upstream did not offer any more, according to the newest bundle that says so. An older bundle does
-- not open their channels again.
create table withdrawal (
  kind      text not null,                   -- snap, or charm for charms and charm bundles
  name      text not null,
  id        text not null,                   -- the snap-id; empty if unknown
  reason    text not null,                   -- gone or revoked
  import_id bigint not null references import,
  primary key (kind, name)
);
