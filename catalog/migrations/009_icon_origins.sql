-- Which bundle said what the icon is. A bundle may leave that open, and then the icon stays as it is. No time: no bundle has said it.
alter table snap add column icon_signed_at timestamptz, add column icon_import_id bigint references import;
alter table charm add column icon_signed_at timestamptz, add column icon_import_id bigint references import;
update snap set icon_signed_at = signed_at, icon_import_id = import_id;
update charm set icon_signed_at = signed_at, icon_import_id = import_id;
