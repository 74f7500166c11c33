package bundle_test

import (
	"slices"
	"strings"
	"testing"

	"offlinestore/bundle"
	"offlinestore/charm"
)

// find returns the item of that name.
func (f *forge) find(name string) *forgeItem {
	i := slices.IndexFunc(f.items, func(it *forgeItem) bool { return it.name == name })
	return f.items[i]
}

func (f *forge) remove(names ...string) {
	f.items = slices.DeleteFunc(f.items, func(it *forgeItem) bool { return slices.Contains(names, it.name) })
}

// change edits the config of an item through its Go type.
func change[T any](name string, edit func(*T)) func(*forge) {
	return func(f *forge) { it := f.find(name); it.config.data = recode(it.config.data, edit) }
}

func TestHostileCharms(t *testing.T) {
	t.Parallel()
	const pg, kit, pg9, kit2, data = "charm.pg", "charm.kit", "charm.pg_9", "charm.kit_2", "charm.pg.data_3"
	tests := []hostile{
		{name: "another name of a charm", edit: change(pg, func(l *charm.Listing) { l.Name = "mysql" }), want: "its config is of charm.mysql"},
		{name: "another name of a revision", edit: change(pg9, func(i *charm.Item) { i.Revision.Number = 8 }), want: "its config is of charm.pg_8"},
		{name: "another name of a resource", edit: change(data, func(r *charm.ResourceItem) { r.Resource.Name = "date" }), want: "its config is of charm.pg.date_3"},
		{name: "a name that is a path", edit: change(pg, func(l *charm.Listing) { l.Name = "../pg" }), want: "charm name"},
		{name: "an ID that is a path", edit: change(pg, func(l *charm.Listing) { l.ID = "../pg" }), want: "charm ID"},
		{name: "an unknown type", edit: change(pg, func(l *charm.Listing) { l.Type = "snap" }), want: "type"},
		{name: "a bundle's revision of a charm", edit: change(kit, func(l *charm.Listing) {
			l.Type = charm.TypeCharm
			l.ChannelMap = nil
		}), want: "no bundle of that name"},
		{name: "another ID of a revision", edit: change(pg9, func(i *charm.Item) { i.ID = kitID }), want: "no charm of that name and id"},
		{name: "another ID of a resource", edit: change(data, func(r *charm.ResourceItem) { r.CharmID = kitID }), want: "no charm of that name and id"},
		{name: "a resource of a bundle", edit: func(f *forge) {
			change(data, func(r *charm.ResourceItem) { r.Charm, r.CharmID = "kit", kitID })(f)
			it := f.find(data)
			it.name, it.layers[0].title = "charm.kit.data_3", "kit.data_3"
			change(pg, func(l *charm.Listing) { l.ChannelMap = nil })(f)
			slices.SortFunc(f.items, compareForged)
		}, want: "no charm of that name and id"},
		{name: "a charm that is not there", edit: func(f *forge) { f.remove(kit) }, want: "no bundle of that name"},
		{name: "a revision that is not there", edit: func(f *forge) { f.remove(kit2) }, want: "revision 2 is released to latest/stable"},
		{name: "a resource that is not there", edit: func(f *forge) { f.remove(data) }, want: "revision 3 of resource data is released to 14/stable"},
		{name: "a resource of revision 0 that is not there", edit: func(f *forge) { f.remove("charm.pg.policy_0") }, want: "revision 0 of resource policy"},
		{name: "another size of a charm", edit: change(pg9, func(i *charm.Item) { i.Revision.Download.Size++ }), want: "not what the config says"},
		{name: "another digest of a charm", edit: change(pg9, func(i *charm.Item) { i.Revision.Download.SHA256 = strings.Repeat("0", 64) }), want: "not what the config says"},
		{name: "another size of a resource", edit: change(data, func(r *charm.ResourceItem) { r.Resource.Download.Size++ }), want: "not what the config says"},
		{name: "a URL", edit: change(pg9, func(i *charm.Item) { i.Revision.Download.URL = "https://example.com/x" }), want: "URL"},
		{name: "a file without a layer", edit: func(f *forge) { f.find(data).layers = nil }, want: "all others have one"},
		{name: "a layer without a file", edit: func(f *forge) { f.find("charm.pg.policy_0").layers = f.find(data).layers }, want: "has no blob"},
		{name: "a layer of an image", edit: func(f *forge) { f.find("charm.pg.image_5").layers = f.find(data).layers }, want: "has no blob"},
		{name: "two files", edit: func(f *forge) { it := f.find(data); it.layers = append(it.layers, it.layers[0]) }, want: "at most one"},
		{name: "two archives", edit: func(f *forge) { it := f.find(pg9); it.layers = append(it.layers, it.layers[0]) }, want: "want its archive"},
		{name: "no archive", edit: func(f *forge) { f.find(pg9).layers = nil }, is: bundle.ErrLimit},
		{name: "a bundle with the title of a charm", edit: func(f *forge) { f.find(kit2).layers[0].title = "kit_2.charm" }, want: "does not follow"},
		{name: "two assertion streams", edit: func(f *forge) { it := f.find(pg); it.layers[1] = it.layers[0] }, want: "at most one assertion stream"},
		{name: "an icon first", edit: func(f *forge) { l := f.find(pg).layers; l[0], l[1] = l[1], l[0] }, want: "at most one assertion stream"},
		{name: "an empty assertion stream", edit: func(f *forge) { f.find(pg).layers[0].data = nil }, want: "without assertions"},
		{name: "a charm as a layer of its name", edit: func(f *forge) { f.find(pg).layers = f.find(pg9).layers }, want: "layer of type"},
		{name: "layers that are null", edit: func(f *forge) { f.find("charm.pg.policy_0").edit = func(m *ociManifest) { m.Layers = nil } }, want: "does not follow"},
		{name: "SHA3-384 of a charm", edit: func(f *forge) { f.find(pg9).layers[0].sha3 = strings.Repeat("0", 96) }, want: "does not follow"},
		{name: "a charm by the name of a snap", edit: func(f *forge) { f.find(kit).name = "kit"; slices.SortFunc(f.items, compareForged) }, want: "its config is of charm.kit"},
		{name: "an upstream image with credentials", edit: change("charm.pg.image_5", func(r *charm.ResourceItem) { r.Image.Name = "user:secret@registry.example.com/x" }), want: "image"},
	}
	runHostileOn(t, charmSample, tests)
}

// TestHostileSharing tries blobs that are used in several places.
func TestHostileSharing(t *testing.T) {
	t.Parallel()
	runHostileOn(t, fullSample, []hostile{
		{name: "a charm that is an assertion stream", edit: func(f *forge) {
			it := f.find("charm.kit_2")
			it.layers[0].data = f.find("charm.pg").layers[0].data
			change("charm.kit_2", func(i *charm.Item) {
				i.Revision.Download = charm.Download{SHA256: sha(it.layers[0].data), Size: int64(len(it.layers[0].data))}
			})(f)
		}, want: "described in two ways"},
		{name: "a resource that is a snap, in another size", edit: func(f *forge) {
			f.find("charm.pg.snap_1").layers[0].edit = func(d *ociDescriptor) { d.Size++ }
			change("charm.pg.snap_1", func(r *charm.ResourceItem) { r.Resource.Download.Size++ })(f)
		}, want: "described in two ways"},
	})
}
