-- The stores of brands, as the newest bundle describes each.
create table store (
  id        text primary key,
  name      text not null,                   -- for people
  brand_id  text not null,                   -- the account of the brand
  admin_id  text not null,                   -- the account of the admin; empty if unknown
  parent    text not null,                   -- the store above; empty if there is none
  import_id bigint not null references import
);

-- The list of private snaps of each store.
create table store_snap (
  store_id text not null references store,
  snap_id  text not null,                    -- the catalogue need not have the snap
  name     text not null,
  home     text not null,                    -- the store that the snap is private to
  primary key (store_id, snap_id)
);
create index on store_snap (snap_id);

-- The store that each snap is private to, as the newest signed bundle states it; empty for a global snap. It outlives the snap, so that a
-- private snap does not become global when it is removed and comes back in a file that nobody has signed.
create table snap_home (
  snap_id   text primary key,
  store_id  text not null,
  import_id bigint not null references import
);
create index on snap_home (store_id) where store_id <> '';
insert into snap_home (snap_id, store_id, import_id)
  select snap_id, '', import_id from snap join import i on import_id = i.id where signer not in ('unsigned', 'own signatures', 'store signatures');

-- The roles of servers may read the tables.
do $$
declare role text;
begin
  for role in
    select distinct grantee from information_schema.role_table_grants
    where table_schema = current_schema and table_name = 'generation' and privilege_type = 'SELECT' and grantee not in ('PUBLIC', current_user)
  loop
    execute format('grant select on store, store_snap, snap_home to %I', role);
  end loop;
end $$;
