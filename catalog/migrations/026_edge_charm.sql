-- The revisions of charms that Juju was given by the stores upstream, the newest of each channel, architecture and base.
create table edge_charm (
  charm_id     text not null,
  architecture text not null,
  base         text not null,                  -- "ubuntu/22.04", or empty if Juju asked for the revision by its number
  channel      text not null,                  -- with its track, or empty if Juju asked for the revision by its number
  by_number    integer not null,               -- the revision if channel is empty, or else 0
  name         text not null,
  revision     integer not null,
  charm        bytea not null,                 -- the JSON of upstream's result, byte by byte
  seen_at      timestamptz not null,
  primary key (charm_id, architecture, base, channel, by_number)
);
create index edge_charm_seen_at on edge_charm (seen_at);

-- The roles of servers note charms, as they note the revisions of snaps.
do $$
declare role text;
begin
  for role in
    select distinct grantee from information_schema.role_table_grants
    where table_schema = current_schema and table_name = 'edge_release' and privilege_type = 'INSERT' and grantee not in ('PUBLIC', current_user)
  loop
    execute format('grant select, insert, update, delete on edge_charm to %I', role);
  end loop;
end $$;
