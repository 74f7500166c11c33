-- The servers that serve the store. Each keeps its own row while it lives.
create table server (
  id         text primary key,                 -- of the host and its data folder
  host       text not null,
  version    text not null,
  generation bigint not null,                  -- of the catalogue that it serves
  settings   jsonb not null,                   -- by key, a keyed digest of each setting that all servers must share
  started_at timestamptz not null default now(),
  seen_at    timestamptz not null default now()
);

-- Attempts to log in, of all servers together. The buckets are keyed digests, so that nobody reads names or addresses here.
create table login_attempt (
  kind   text not null,
  bucket integer not null,
  until  timestamptz not null,                 -- when all attempts are forgotten
  primary key (kind, bucket)
);

-- The roles of servers may read the tables, and now write their own rows. They need not see attempts to log in.
do $$
declare role text;
begin
  for role in
    select distinct grantee from information_schema.role_table_grants
    where table_schema = current_schema and table_name = 'generation' and privilege_type = 'SELECT' and grantee not in ('PUBLIC', current_user)
  loop
    execute format('grant select, insert, update, delete on server to %I', role);
    execute format('revoke all on login_attempt from %I', role);
  end loop;
end $$;
