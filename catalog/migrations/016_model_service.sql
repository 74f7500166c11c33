-- The keys on this store's token that sign for a brand. The private halves never leave the token.
create table signing_key (
  id          text primary key,              -- SHA3-384, as assertions name the key
  brand_id    text not null,
  name        text not null,                 -- for people, and the label on the token
  fingerprint text not null,                 -- of the OpenPGP key, in hexadecimal digits
  created_at  timestamptz not null default now(),
  created_by  text not null,                 -- email of an admin, or the user of this host
  modified_at timestamptz not null default now(),
  modified_by text not null,
  unique (brand_id, name)
);

-- The models whose devices this store registers.
create table device_model (
  brand_id    text not null,
  name        text not null,
  series      text not null,
  api_key     text not null,                 -- devices show it; empty if they need none
  created_at  timestamptz not null default now(),
  created_by  text not null,
  modified_at timestamptz not null default now(),
  modified_by text not null,
  primary key (brand_id, name)
);

-- Which key signs the serials of a model. The newest revision counts.
create table serial_policy (
  brand_id     text not null,
  model        text not null,
  revision     integer not null,
  key_id       text not null references signing_key,
  authority_id text not null,                -- the account in whose name the key signs
  created_at   timestamptz not null default now(),
  created_by   text not null,
  primary key (brand_id, model, revision),
  foreign key (brand_id, model) references device_model on delete cascade
);
create index on serial_policy (key_id);

-- The revision of the newest policy of each model, deleted or not. Rows stay when a model is deleted, so that no revision is used twice.
create table last_policy (
  brand_id text not null,
  model    text not null,
  revision integer not null,
  primary key (brand_id, model)
);

-- Devices that may become another model of the brand. An empty serial stands for all devices of the model.
create table remodel (
  brand_id    text not null,
  from_model  text not null,
  to_model    text not null,
  from_serial text not null,
  description text not null,
  created_at  timestamptz not null default now(),
  created_by  text not null,
  modified_at timestamptz not null default now(),
  modified_by text not null default '',
  primary key (brand_id, from_model, to_model, from_serial)
);

-- The serials that were issued: one for each device key, and one device key for each serial. Rows stay when a model is deleted, so that no
-- serial is given to another device.
create table serial (
  brand_id   text not null,
  model      text not null,
  serial     text not null,
  device_key text not null,                  -- SHA3-384 of the device's key
  revision   integer not null,               -- of the newest assertion
  primary key (brand_id, model, serial),
  unique (brand_id, model, device_key)
);

-- Each serial assertion that was signed. A row is there before the assertion leaves this store.
create table serial_log (
  id         bigint generated always as identity primary key,
  brand_id   text not null,
  model      text not null,
  serial     text not null,
  revision   integer not null,
  device_key text not null,
  key_id     text not null,                  -- the key that signed
  policy     integer not null,               -- the revision of the policy
  origin     text not null,                  -- the address of the device
  signed_at  timestamptz not null default now(),
  request    text not null,                  -- the serial-request
  assertion  text not null,                  -- the serial
  unique (brand_id, model, serial, revision)
);
create index on serial_log (brand_id, model, id);

-- The IDs that devices have put into requests. All servers see them, so that each serves one request. They leave when they expire.
create table serial_request (
  id         bytea primary key,
  request    bytea not null,                 -- SHA-256 of the request: a device that was told to wait sends the same one again
  state      text not null,                  -- taken, signed, delivered
  log_id     bigint references serial_log,   -- the answer, once it is signed
  expires_at timestamptz not null,
  changed_at timestamptz not null default now()
);
create index on serial_request (expires_at);

-- Each admin may read. An operator may change what devices get, and a model administrator what gets serials.
alter table admin add column roles text[] not null default '{operator}';
alter table admin add constraint admin_roles check (roles <@ array['operator', 'model-administrator', 'viewer'] and roles <> '{}');

-- The roles of servers may read the tables, and now write those of serials.
do $$
declare role text;
begin
  for role in
    select distinct grantee from information_schema.role_table_grants
    where table_schema = current_schema and table_name = 'generation' and privilege_type = 'SELECT' and grantee not in ('PUBLIC', current_user)
  loop
    execute format('grant select on signing_key, device_model, serial_policy, remodel to %I', role);
    execute format('grant select, insert, update (revision) on serial to %I', role);
    execute format('grant select, insert on serial_log to %I', role);
    execute format('grant select, insert, update (state, log_id, expires_at, changed_at), delete on serial_request to %I', role);
  end loop;
end $$;
