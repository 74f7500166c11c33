-- The part of a store that passes devices on to the stores upstream. The snaps in these tables need not be in the catalogue.

-- Revisions that an operator has put into channels of upstream's snaps.
create table edge_override (
  snap_id      text not null,
  name         text not null,
  architecture text not null,
  channel      text not null,                  -- with its track
  revision     integer not null check (revision > 0),
  set_by       text not null,
  set_at       timestamptz not null default now(),
  primary key (snap_id, architecture, channel)
);

-- Changes with each change of edge_override, so that servers need not read the overrides again and again.
create table edge_version (
  overrides uuid not null default gen_random_uuid()
);
insert into edge_version default values;

-- The devices that got a session upstream. The identity is a keyed digest, so that nobody reads serials here.
create table edge_device (
  id      bytea primary key,
  seen_on date not null                        -- in UTC
);
create index edge_device_seen_on on edge_device (seen_on);

-- The revisions that devices were given, the newest of each channel.
create table edge_release (
  snap_id      text not null,
  architecture text not null,
  store        text not null,                  -- the ID of the devices' store for a private snap, or else empty
  channel      text not null,                  -- with its track, or empty if devices asked for the revision by its number
  by_number    integer not null,               -- the revision if channel is empty, or else 0
  name         text not null,
  revision     integer not null,
  snap         bytea not null,                 -- the JSON of upstream's answer, byte by byte
  private      boolean not null,
  seen_at      timestamptz not null,
  primary key (snap_id, architecture, store, channel, by_number)
);
create index edge_release_seen_at on edge_release (seen_at);

-- The roles of servers may read the tables, and note devices and releases. The roles of administration may change overrides.
do $$
declare role text;
begin
  for role in
    select distinct grantee from information_schema.role_table_grants
    where table_schema = current_schema and table_name = 'generation' and privilege_type = 'SELECT' and grantee not in ('PUBLIC', current_user)
  loop
    execute format('grant select on edge_override, edge_version to %I', role);
    execute format('grant select, insert, update, delete on edge_device, edge_release to %I', role);
  end loop;
  for role in
    select distinct grantee from information_schema.role_table_grants
    where table_schema = current_schema and table_name = 'snap_override' and privilege_type = 'INSERT' and grantee not in ('PUBLIC', current_user)
  loop
    execute format('grant insert, update, delete on edge_override to %I', role);
    execute format('grant update on edge_version to %I', role);
  end loop;
end $$;
