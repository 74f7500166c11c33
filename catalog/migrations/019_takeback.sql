-- The state that each import replaced, for a rollback. Null for imports of older programs, which cannot be taken back.
alter table import add column replaced json;

-- What was taken back. Rollbacks are numbered together with imports, because both move channels.
create table rollback (
  id        bigint primary key,
  import_id bigint not null references import, -- the first import that was taken back
  made_by   text not null,
  made_at   timestamptz not null default clock_timestamp(),
  report    json not null,
  audit_row bigint
);

-- The rollback that took an import back: its statements about channels do not count. Null for an import that counts.
alter table import add column rollback_id bigint references rollback;

-- The rollback that put a release back into its row. Null for a release that an import put there.
alter table channel_history add column rollback_id bigint references rollback;

-- The snaps and charms whose channels stay as they are, whatever bundles state.
create table hold (
  kind       text not null,                  -- snap, or charm for charms and charm bundles; all holds the ones that come later
  id         text not null,                  -- snap-id or charm-id; empty for all
  held_until timestamptz,                    -- null: until it is released
  import_id  bigint not null,                -- the newest import or rollback at that time
  rows       json not null,                  -- what the channels hold
  held_by    text not null,
  held_at    timestamptz not null default now(),
  primary key (kind, id)
);

-- The roles of servers may read the tables.
do $$
declare role text;
begin
  for role in
    select distinct grantee from information_schema.role_table_grants
    where table_schema = current_schema and table_name = 'generation' and privilege_type = 'SELECT' and grantee not in ('PUBLIC', current_user)
  loop
    execute format('grant select on rollback, hold to %I', role);
  end loop;
end $$;
