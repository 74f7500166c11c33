-- A channel holds a release for each epoch, so that devices with older data find a revision that can read it. Each release has a
-- row. A closed channel has one row, without a revision.
alter table channel_map drop constraint channel_map_pkey;
create unique index channel_map_release on channel_map (snap_id, architecture, channel, coalesce(revision, 0));
