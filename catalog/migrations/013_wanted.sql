-- What devices ask for in vain: no device is named. Servers write it, and no more than some thousand rows are kept.
create table wanted (
  kind         text not null,                -- snap, snap-id, charm or charm-id: what name is
  name         text not null,
  channel      text not null,                -- empty for none
  architecture text not null,                -- empty for none
  revision     integer not null,             -- 0 for none
  count        bigint not null,
  first_at     timestamptz not null,
  last_at      timestamptz not null,
  primary key (kind, name, channel, architecture, revision)
);

-- The roles of servers may read the tables, and now keep this one.
do $$
declare role text;
begin
  for role in
    select distinct grantee from information_schema.role_table_grants
    where table_schema = current_schema and table_name = 'generation' and privilege_type = 'SELECT' and grantee not in ('PUBLIC', current_user)
  loop
    execute format('grant select, insert, update, delete on wanted to %I', role);
  end loop;
end $$;
