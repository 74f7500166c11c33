-- The audit trail. A row is the canonical JSON of an act, and names the hash of the row before it.
create table audit (
  number  bigint primary key,
  at      timestamptz not null,
  event   text unique,                       -- of an act that waited for the database, so that it gets one row
  hash    text not null,                     -- SHA-256 of the content, in hexadecimal digits
  content text not null check (octet_length(content) <= 65536)
);
create index on audit (at);

-- Signed statements: the trail has so many rows, and the last of them has the hash.
create table audit_head (
  id        bigint generated always as identity primary key,
  number    bigint not null,
  hash      text not null,
  at        timestamptz not null,
  key_id    text not null,
  content   text not null check (octet_length(content) <= 4096),
  signature bytea not null
);
create index on audit_head (number);

-- A row must follow the last one. Writers hold an advisory lock, so that they see it.
create function audit_follows() returns trigger language plpgsql as $$
declare
  number bigint;
  hash text;
begin
  select a.number, a.hash into number, hash from audit a order by a.number desc limit 1;
  if new.number <> coalesce(number, 0) + 1
    or (new.content::json ->> 'number')::bigint <> new.number
    or new.content::json ->> 'previous' <> coalesce(hash, repeat('0', 64))
    or new.hash <> encode(sha256(convert_to(new.content, 'UTF8')), 'hex') then
    raise exception 'row % does not follow the audit trail', new.number;
  end if;
  return new;
end $$;
create trigger audit_follows before insert on audit for each row execute function audit_follows();

-- A fence against accidents: the owner of a table could take it away.
create function audit_stays() returns trigger language plpgsql as $$
begin
  raise exception 'the audit trail only grows';
end $$;
create trigger audit_stays before update or delete or truncate on audit for each statement execute function audit_stays();
create trigger audit_stays before update or delete or truncate on audit_head for each statement execute function audit_stays();

-- The rows of the history. Older entries have none.
alter table import add column audit_row bigint;
alter table removal add column audit_row bigint;

-- The roles of servers add to the trail what they do.
do $$
declare role text;
begin
  for role in
    select distinct grantee from information_schema.role_table_grants
    where table_schema = current_schema and table_name = 'generation' and privilege_type = 'SELECT' and grantee not in ('PUBLIC', current_user)
  loop
    execute format('grant select, insert on audit, audit_head to %I', role);
  end loop;
end $$;
