-- Charms and charm bundles share their names, as on Charmhub, and nothing with snaps.
create table charm (
  charm_id      text primary key,
  name          text not null unique,
  type          text not null,                -- charm or bundle
  default_track text not null,
  details       json not null,
  icon          text references blob,
  icon_type     text,
  signed_at     timestamptz not null,         -- of the bundle that said this
  check ((icon is null) = (icon_type is null))
);

create table charm_revision (
  charm_id  text not null references charm,
  revision  integer not null check (revision > 0),
  item      json not null,                    -- what the export said of it, without URLs
  blob      text not null references blob,    -- the .charm, or the archive of a bundle
  import_id bigint not null references import,
  primary key (charm_id, revision)
);

-- Resources are revised on their own, and the same revision is released with many of the charm's.
create table charm_resource (
  charm_id  text not null references charm,
  name      text not null,
  revision  integer not null check (revision >= 0),
  item      json not null,                    -- what the export said of it, and which image it stands for
  blob      text references blob,             -- null for an image, and for a file that was never uploaded
  import_id bigint not null references import,
  primary key (charm_id, name, revision)
);

-- A row for each channel and base that a bundle was asked for. No revision: the channel was closed.
create table charm_channel_map (
  charm_id     text not null references charm,
  base         text not null,                 -- ubuntu; empty for a bundle, as are the next two
  base_channel text not null,                 -- 22.04
  architecture text not null,
  channel      text not null,                 -- track/risk or track/risk/branch
  revision     integer,
  released_at  text not null,
  resources    json not null,                 -- those released with the revision, by name
  signed_at    timestamptz not null,          -- the newest signed time wins
  import_id    bigint not null references import,
  primary key (charm_id, base, base_channel, architecture, channel),
  foreign key (charm_id, revision) references charm_revision
);

-- Every release that a row of the channel map ever held, so that Juju can install it by its number.
create table charm_channel_history (
  id           bigint generated always as identity primary key,
  charm_id     text not null references charm,
  base         text not null,
  base_channel text not null,
  architecture text not null,
  channel      text not null,
  revision     integer,
  released_at  text not null,
  resources    json not null,
  signed_at    timestamptz not null,
  import_id    bigint not null references import,
  foreign key (charm_id, revision) references charm_revision
);
create index charm_channel_history_charm on charm_channel_history (charm_id);

-- The manifests and indexes of container images. Their bytes are blobs too; what they list can't change, but a later bundle may
-- bring more of an index.
create table image (
  digest     text primary key references blob,
  media_type text not null,
  children   text[] not null,                 -- the manifests of an index that are here
  blobs      text[] not null                  -- the config and the layers of a manifest
);
