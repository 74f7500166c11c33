-- Images that belong to no charm. Each is served in its repository.
create table repository_image (
  repository text not null,
  digest     text not null references image,
  source     text not null,                  -- its name upstream
  platforms  text[] not null,                -- for people: linux/amd64
  import_id  bigint not null references import,
  primary key (repository, digest)
);
create index on repository_image (digest);

-- The image of each tag, as the most recently signed bundle states it.
create table repository_tag (
  repository text not null,
  tag        text not null,
  digest     text not null,
  source     text not null,                  -- the name upstream that the tag follows
  import_id  bigint not null references import,
  primary key (repository, tag),
  foreign key (repository, digest) references repository_image
);

-- Every image that a tag was ever given to, the newest last. No digest: the tag went away.
create table repository_tag_history (
  id          bigint generated always as identity primary key,
  repository  text not null,
  tag         text not null,
  digest      text,
  import_id   bigint not null references import,
  rollback_id bigint references rollback,    -- the rollback that returned to it
  foreign key (repository, digest) references repository_image on delete cascade
);
create index on repository_tag_history (repository, digest);

-- The roles of servers may read the tables.
do $$
declare role text;
begin
  for role in
    select distinct grantee from information_schema.role_table_grants
    where table_schema = current_schema and table_name = 'generation' and privilege_type = 'SELECT' and grantee not in ('PUBLIC', current_user)
  loop
    execute format('grant select on repository_image, repository_tag, repository_tag_history to %I', role);
  end loop;
end $$;
