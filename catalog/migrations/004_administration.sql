-- What operators put into a channel in place of what was imported. The architecture is all where the revision runs on all.
create table snap_override (
  snap_id      text not null references snap,
  architecture text not null,
  channel      text not null,                -- track/risk or track/risk/branch
  revision     integer not null,
  set_by       text not null,                -- email of an admin, or the user of this host
  set_at       timestamptz not null default now(),
  primary key (snap_id, architecture, channel),
  foreign key (snap_id, revision) references snap_revision
);

-- Every override that there ever was, so that devices can keep a revision by its number. No revision: it was deleted.
create table snap_override_history (
  id           bigint generated always as identity primary key,
  snap_id      text not null references snap,
  architecture text not null,
  channel      text not null,
  revision     integer,
  set_by       text not null,
  set_at       timestamptz not null default now(),
  foreign key (snap_id, revision) references snap_revision
);
create index snap_override_history_snap on snap_override_history (snap_id);

-- Who may administer the store from elsewhere.
create table admin (
  email      text primary key,
  secret     text not null,                  -- argon2id of a password or a one-time token; empty once the token was used
  once       boolean not null,               -- it is a one-time token
  expires_at timestamptz,                    -- of the token
  added_at   timestamptz not null default now()
);

-- Each login. What it was given is worth nothing without its row.
create table admin_session (
  id         text primary key,
  email      text not null references admin on delete cascade,
  serial     integer not null default 1,     -- counts the refreshes, so that an old discharge is known when it comes again
  started_at timestamptz not null default now(),
  expires_at timestamptz not null
);
create index admin_session_email on admin_session (email);
