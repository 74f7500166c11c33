-- The nonces that devices have used for sessions. All servers see them, so that each works once. They leave when they expire.
create table session_nonce (
  id         bytea primary key,
  expires_at timestamptz not null
);
create index on session_nonce (expires_at);

-- The roles of servers may read the tables, and now write this one.
do $$
declare role text;
begin
  for role in
    select distinct grantee from information_schema.role_table_grants
    where table_schema = current_schema and table_name = 'generation' and privilege_type = 'SELECT' and grantee not in ('PUBLIC', current_user)
  loop
    execute format('grant select, insert, delete on session_nonce to %I', role);
  end loop;
end $$;
