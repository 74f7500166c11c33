-- The description of each component, so that devices can be told of one that a validation set pins. Null for what was imported before this
-- was kept.
alter table snap_component add column item json;
update snap_component c set item = component
  from snap_revision r,
    json_array_elements(case when json_typeof(r.item->'resources') = 'array' then r.item->'resources' else '[]' end) with ordinality as e (component, place)
  where c.snap_id = r.snap_id and c.revision = r.revision and c.blob = r.resources[place] and c.name = component->>'name'
    and c.component_revision = (component->>'revision')::integer;
