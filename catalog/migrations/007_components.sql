-- The file of every component that a bundle named for a revision. A device may still ask for an older one than the revision has now.
create table snap_component (
  snap_id            text not null,
  revision           integer not null,        -- of the snap
  name               text not null,
  component_revision integer not null,
  blob               text not null references blob,
  primary key (snap_id, revision, name, component_revision, blob),
  foreign key (snap_id, revision) references snap_revision on delete cascade
);
insert into snap_component
  select snap_id, revision, component->>'name', (component->>'revision')::integer, resources[place]
  from snap_revision,
    json_array_elements(case when json_typeof(item->'resources') = 'array' then item->'resources' else '[]' end) with ordinality as c (component, place)
  on conflict do nothing;
