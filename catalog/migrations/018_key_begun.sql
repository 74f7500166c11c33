-- The names of keys that this store makes on its token, or deletes from it. A key of the token without a row in signing_key is adopted only if
-- it has one here: other keys are not the store's.
create table signing_key_begun (
  name           text primary key,           -- the label on the token
  brand_id       text not null,
  begun_at       timestamptz not null default now(),
  deleting_until timestamptz                 -- until then, a server may be deleting the key
);
