-- The changes of the last generations, so that a server that knows one of them loads only the items that have changed since. Triggers write
-- them, because programs of an earlier version write the same tables.
create table generation_change (
  number bigint primary key,                 -- of the generation
  xid    xid8 not null,                      -- the transaction that made it
  items  integer not null default 0,
  token  uuid not null default gen_random_uuid() -- tells the generations of a restored backup from others with the same number
);
create index on generation_change (xid);
insert into generation_change (number, xid) select number, pg_current_xact_id() from generation;

create table changed_item (
  xid  xid8 not null,
  kind text not null,                        -- snap, charm, assertion, image, or all for too many items
  id   text not null,                        -- snap-id, charm-id, or the type of an assertion with its primary key as an array
  primary key (xid, kind, id)
);

create function note_snaps() returns trigger language plpgsql security definer set search_path = public, pg_temp as $$
begin
  insert into changed_item select distinct pg_current_xact_id(), 'snap', snap_id from changed_rows on conflict do nothing;
  return null;
end $$;

create function note_charms() returns trigger language plpgsql security definer set search_path = public, pg_temp as $$
begin
  insert into changed_item select distinct pg_current_xact_id(), 'charm', charm_id from changed_rows on conflict do nothing;
  return null;
end $$;

create function note_assertions() returns trigger language plpgsql security definer set search_path = public, pg_temp as $$
begin
  insert into changed_item select distinct pg_current_xact_id(), 'assertion', type || primary_key::text from changed_rows on conflict do nothing;
  return null;
end $$;

create function note_holds() returns trigger language plpgsql security definer set search_path = public, pg_temp as $$
begin
  insert into changed_item select distinct pg_current_xact_id(), kind, id from changed_rows where kind in ('snap', 'charm') on conflict do nothing;
  return null;
end $$;

-- The home of a global snap is empty, and each push of it writes that again.
create function note_homes() returns trigger language plpgsql security definer set search_path = public, pg_temp as $$
begin
  insert into changed_item select distinct pg_current_xact_id(), 'snap', snap_id from changed_rows where store_id <> '' on conflict do nothing;
  return null;
end $$;

create function note_images() returns trigger language plpgsql security definer set search_path = public, pg_temp as $$
begin
  insert into changed_item select pg_current_xact_id(), 'image', '' from changed_rows limit 1 on conflict do nothing;
  return null;
end $$;

-- An update is noted for the rows before and after it.
do $$
declare
  target text;
  note text;
  event text;
  rows text;
begin
  for target, note in
    select * from (values ('snap', 'note_snaps'), ('snap_revision', 'note_snaps'), ('snap_component', 'note_snaps'), ('channel_map', 'note_snaps'),
      ('channel_history', 'note_snaps'), ('snap_override', 'note_snaps'), ('snap_override_history', 'note_snaps'), ('charm', 'note_charms'),
      ('charm_revision', 'note_charms'), ('charm_resource', 'note_charms'), ('charm_channel_map', 'note_charms'),
      ('charm_channel_history', 'note_charms'), ('assertion', 'note_assertions'), ('hold', 'note_holds'), ('snap_home', 'note_homes'),
      ('image', 'note_images'), ('image_tag', 'note_images'), ('repository_image', 'note_images'), ('repository_tag', 'note_images'),
      ('repository_tag_history', 'note_images')) as v (target, note)
  loop
    for event, rows in
      select * from (values ('insert', 'new'), ('update', 'new'), ('update', 'old'), ('delete', 'old')) as v (event, rows)
    loop
      execute format('create trigger %I after %s on %I referencing %s table as changed_rows for each statement execute function %I()',
        format('note_%s_%s', event, rows), event, target, rows, note);
    end loop;
  end loop;
end $$;

-- A generation keeps at most 100,000 items, and all of them together about 300,000.
create function record_generation() returns trigger language plpgsql security definer set search_path = public, pg_temp as $$
declare
  mine xid8 := pg_current_xact_id();
  noted integer;
begin
  select count(*) into noted from (select from changed_item where xid = mine limit 100001) c;
  if noted > 100000 then
    delete from changed_item where xid = mine;
    insert into changed_item values (mine, 'all', '');
    noted := 1;
  end if;
  insert into generation_change (number, xid, items) values (new.number, mine, noted)
    on conflict (number) do update set xid = excluded.xid, items = excluded.items, token = excluded.token;
  delete from generation_change where number <= new.number - 100 or number <= (
    select max(number) from (select number, sum(items) over (order by number desc) as total from generation_change) s
      where total > 300000 and number < new.number);
  delete from changed_item where xid <> mine and xid < (select xid from generation_change order by xid limit 1);
  return null;
end $$;
create trigger record_generation after update on generation for each row execute function record_generation();

-- The roles of servers may read the tables.
do $$
declare role text;
begin
  for role in
    select distinct grantee from information_schema.role_table_grants
    where table_schema = current_schema and table_name = 'generation' and privilege_type = 'SELECT' and grantee not in ('PUBLIC', current_user)
  loop
    execute format('grant select on generation_change, changed_item to %I', role);
  end loop;
end $$;
