-- One row for each bundle that was imported, for ever: who signed it, when, and what it changed.
create table import (
  id          bigint generated always as identity primary key,
  bundle      text not null,                 -- digest of the bundle index
  name        text not null,                 -- of the file, for people
  signer      text not null,                 -- fingerprint of the key
  signed_at   timestamptz not null,
  sequence    bigint not null,
  exporter    text not null,
  program     text not null,
  imported_at timestamptz not null default now(),
  report      json not null
);
create index import_bundle on import (bundle);

-- What was verified and may be referred to. The bytes are in the blob folder.
create table blob (
  digest   text primary key check (digest ~ '^sha256:[0-9a-f]{64}$'),
  size     bigint not null check (size >= 0),
  sha3_384 text not null check (sha3_384 ~ '^([0-9a-f]{96})?$')  -- empty for an icon, which no assertion names
);

create table assertion (
  type        text not null,
  primary_key text[] not null,               -- whole, optional parts included
  format      integer not null,
  revision    integer not null,
  raw         bytea not null,                -- byte for byte as signed
  primary key (type, primary_key, format)
);

create table snap (
  snap_id       text primary key,
  name          text not null unique,
  default_track text not null,
  details       json not null,
  icon          text references blob,
  icon_type     text,
  signed_at     timestamptz not null,        -- of the bundle that said this
  check ((icon is null) = (icon_type is null))
);

create table snap_revision (
  snap_id   text not null references snap,
  revision  integer not null check (revision > 0),
  item      json not null,                   -- the store's message about it, without URLs
  blob      text not null references blob,
  resources text[] not null,                 -- digests of the components, in the order of the message
  import_id bigint not null references import,
  primary key (snap_id, revision)
);

-- A row for each channel and architecture that a bundle was asked for. No revision: the channel was closed.
create table channel_map (
  snap_id      text not null references snap,
  architecture text not null,
  channel      text not null,                -- track/risk or track/risk/branch
  revision     integer,
  released_at  text not null,
  signed_at    timestamptz not null,         -- the newest signed time wins
  import_id    bigint not null references import,
  primary key (snap_id, architecture, channel),
  foreign key (snap_id, revision) references snap_revision
);

-- Every release that a row of the channel map ever held, so that devices can install it by its number.
create table channel_history (
  id           bigint generated always as identity primary key,
  snap_id      text not null references snap,
  architecture text not null,
  channel      text not null,
  revision     integer,
  released_at  text not null,
  signed_at    timestamptz not null,
  import_id    bigint not null references import,
  foreign key (snap_id, revision) references snap_revision
);
create index channel_history_snap on channel_history (snap_id);

-- Grows with every change; servers compare it with what they serve.
create table generation (
  only_row boolean primary key default true check (only_row),
  number   bigint not null
);
insert into generation (number) values (1);
