-- Divided bundles of which some parts have arrived. Their blobs stay until the others arrive, or until an operator removes the set.
create table part_set (
  id        text primary key,              -- digest of the content, the signed statement and the division
  bundle    text not null,                 -- digest of the bundle index
  signer    text not null,                 -- fingerprint of the key
  signed_at timestamptz not null,
  sequence  bigint not null,
  exporter  text not null,
  content   text not null,                 -- the names of snaps and charms, for people
  files     text[] not null,               -- names of the files of all parts, in their order
  begun_at  timestamptz not null default now()
);

create table part (
  set_id     text not null references part_set on delete cascade,
  number     integer not null check (number > 0),
  file       text not null,                -- the operator's name of the file
  arrived_at timestamptz not null default now(),
  primary key (set_id, number)
);

create table part_blob (
  set_id text not null,
  number integer not null,
  blob   text not null references blob,    -- a blob of the bundle, or a range of one
  primary key (set_id, number, blob),
  foreign key (set_id, number) references part on delete cascade
);
create index part_blob_blob on part_blob (blob);
