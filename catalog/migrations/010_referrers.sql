-- The manifest that one refers to, as a signature does. It need not be here. Null for none, and for what came before this was remembered.
alter table image add column subject text;

-- Tags by which tools find what belongs to an image, such as its signatures: sha256-HEX.sig.
create table image_tag (
  repository text not null,
  tag        text not null,
  digest     text not null references image on delete cascade,
  signed_at  timestamptz not null,           -- the newest signed time wins
  import_id  bigint not null references import,
  primary key (repository, tag)
);
