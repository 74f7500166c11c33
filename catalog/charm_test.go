package catalog_test

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/opencontainers/go-digest"

	"offlinestore/catalog"
	"offlinestore/charm"
	"offlinestore/difference"
)

const jammy = "@ubuntu 22.04 amd64"

// sampleCharms returns a machine charm with a file, one for Kubernetes with an image, and a charm bundle.
func sampleCharms() *catalog.Import {
	in := withCharm(imp("a", 0), "postgresql", []int{6, 7}, "14/stable"+jammy+"=6,lib:1,nothing:0", "14/stable@ubuntu 22.04 arm64=7,lib:1", "14/edge"+jammy+"=0")
	withFile(in, "postgresql", "lib", 1)
	in.CharmResources = append(in.CharmResources, catalog.ImportedCharmResource{ResourceItem: charm.ResourceItem{
		Charm: "postgresql", CharmID: snapID("postgresql"), Resource: charm.Resource{Name: "nothing", Type: charm.ResourceFile},
	}})
	icon := catalog.Blob{Digest: digest.FromString("icon"), Size: 99}
	in.Blobs = append(in.Blobs, icon)
	in.Charms[0].Icon = &catalog.Icon{Blob: icon.Digest, MediaType: "image/svg+xml", Size: 99}
	withCharm(in, "alertmanager-k8s", []int{9}, "latest/stable@ubuntu 20.04 amd64=9,image:3")
	withImage(in, "alertmanager-k8s", "image", 3, "charm/abc/image@"+digest.FromString("image").String())
	withManifest(withIndex(in, "image", "image amd64"), "image amd64", "layer 1", "layer 2")
	return withCharm(in, "cos-lite", []int{11}, "latest/stable=11")
}

func TestApplyCharms(t *testing.T) {
	t.Parallel()
	s, _ := open(t)
	in := sampleCharms()
	plan, err := planOne(t.Context(), s, in)
	if err != nil {
		t.Fatal(err)
	}
	report := apply(t, s, in)
	diff(t, "plan", plan, report)
	const arm, focal = "ubuntu@22.04 arm64", "ubuntu@20.04 amd64"
	diff(t, "report", report, &catalog.Report{
		CharmRevisions: []catalog.CharmRevisionRef{{Charm: "postgresql", Revision: 6, Size: 2006}, {Charm: "postgresql", Revision: 7, Size: 2007},
			{Charm: "alertmanager-k8s", Revision: 9, Size: 2009}, {Charm: "cos-lite", Revision: 11, Size: 2011}},
		CharmResources: []catalog.ResourceRef{{Charm: "postgresql", Resource: "lib", Revision: 1, Size: 2001}, {Charm: "postgresql", Resource: "nothing"},
			{Charm: "alertmanager-k8s", Resource: "image", Revision: 3}},
		CharmMoves: []catalog.CharmMove{{"postgresql", "ubuntu@22.04 amd64", "14/stable", -1, 6}, {"postgresql", arm, "14/stable", -1, 7},
			{"postgresql", "ubuntu@22.04 amd64", "14/edge", -1, 0}, {"alertmanager-k8s", focal, "latest/stable", -1, 9}, {"cos-lite", "", "latest/stable", -1, 11}},
		Images: 2,
	})
	c := load(t, s)
	if len(c.Charms) != 3 || c.Charms[0].Name != "alertmanager-k8s" || c.Charms[1].Name != "cos-lite" || c.Generation != 2 {
		t.Fatalf("LoadSnapshot = generation %d with %+v, want 2 with alertmanager-k8s, cos-lite and postgresql", c.Generation, c.Charms)
	}
	diff(t, "postgresql", c.Charms[2], catalog.Charm{
		Name: "postgresql", ID: snapID("postgresql"), Type: charm.TypeCharm, DefaultTrack: "latest", Details: in.Charms[0].Result, Icon: in.Charms[0].Icon,
		Revisions:  []catalog.CharmRevision{revisionOf(in.CharmRevisions[0]), revisionOf(in.CharmRevisions[1])},
		Resources:  []catalog.CharmResource{{Resource: in.CharmResources[0].Resource, Blob: in.CharmResources[0].Blob}, {Resource: in.CharmResources[1].Resource}},
		ChannelMap: []charm.Release{in.Charms[0].ChannelMap[2], in.Charms[0].ChannelMap[0], in.Charms[0].ChannelMap[1]},
		History:    []charm.Release{in.Charms[0].ChannelMap[2], in.Charms[0].ChannelMap[1], in.Charms[0].ChannelMap[0]},
	})
	diff(t, "the image", c.Charms[0].Resources, []catalog.CharmResource{{Resource: in.CharmResources[2].Resource, Image: in.CharmResources[2].Image}})
	diff(t, "the bundle's channel map", charmRows(c.Charms[1].ChannelMap), []string{"latest/stable=11"})
	diff(t, "images", c.Images, slices.SortedFunc(slices.Values(in.Images), func(a, b catalog.Image) int { return cmp.Compare(a.Digest, b.Digest) }))

	before := content(t, s)
	diff(t, "second report", apply(t, s, in), &catalog.Report{AlreadyImported: true, UpToDate: true})
	diff(t, "the catalogue", content(t, s), before)
}

func revisionOf(r catalog.ImportedCharmRevision) catalog.CharmRevision {
	return catalog.CharmRevision{Revision: r.Revision, Snaps: r.Snaps, Blob: r.Blob}
}

// TestOrderOfPushingCharms shows that the order in which bundles are pushed never matters, also within a second.
func TestOrderOfPushingCharms(t *testing.T) {
	t.Parallel()
	for _, days := range [][4]int{{0, 1, 2, 3}, {1, 1, 1, 1}} {
		s, _ := open(t)
		orders := permutations(4)
		for n, order := range orders {
			name := fmt.Sprintf("charm-%02d", n)
			bundles := []*catalog.Import{
				withCharm(imp("mon", days[0]), name, []int{1}, "latest/stable"+jammy+"=1,file:1", "latest/edge"+jammy+"=1", "latest/stable@ubuntu 22.04 arm64=1"),
				withCharm(imp("tue", days[1]), name, []int{2}, "latest/stable"+jammy+"=2,file:1"),
				withCharm(imp("wed", days[2]), name, []int{3, 1}, "latest/edge"+jammy+"=0", "latest/stable"+jammy+"=1,file:2", "2/stable"+jammy+"=3"),
				withCharm(imp("thu", days[3]), name, []int{2, 4}, "latest/edge"+jammy+"=4,file:0", "latest/beta"+jammy+"=2"),
			}
			for i, in := range bundles {
				in.Sequence = uint64(i)
				withFile(withFile(in, name, "file", 1), name, "file", 2)
				in.CharmResources = append(in.CharmResources, catalog.ImportedCharmResource{ResourceItem: charm.ResourceItem{
					Charm: name, CharmID: snapID(name), Resource: charm.Resource{Name: "file", Type: charm.ResourceFile, Description: in.Name},
				}})
				withImage(in, name, "image", 1, "charm/"+in.Name)
			}
			for _, i := range order {
				apply(t, s, bundles[i])
			}
		}
		want := []string{"2/stable" + jammy + "=3", "latest/beta" + jammy + "=2", "latest/edge" + jammy + "=4,file:0", "latest/stable" + jammy + "=1,file:2", "latest/stable@ubuntu 22.04 arm64=1"}
		for n, c := range content(t, s).Charms {
			what := fmt.Sprintf("signed on %v, pushed in order %v: ", days, orders[n])
			diff(t, what+"channel map", charmRows(c.ChannelMap), want)
			diff(t, what+"revision 0", c.Resources[0].Description, "thu.tar.gz")
			diff(t, what+"image", c.Resources[3].Image.Name, "charm/thu.tar.gz")
			if len(c.Revisions) != 4 || len(c.Resources) != 4 {
				t.Errorf("%s%d revisions and %d resources, want 4 of each", what, len(c.Revisions), len(c.Resources))
			}
		}
	}
}

// TestCharmHistory shows that the history keeps the revision of a row that closes, and the earlier resources of a release.
func TestCharmHistory(t *testing.T) {
	t.Parallel()
	s, _ := open(t)
	apply(t, s, withFile(withCharm(imp("a", 0), "pg", []int{6}, "14/beta"+jammy+"=6,lib:1"), "pg", "lib", 1))
	r := apply(t, s, withFile(withCharm(imp("b", 1), "pg", nil, "14/beta"+jammy+"=6,lib:2"), "pg", "lib", 2))
	if len(r.CharmMoves) != 0 || len(r.CharmResources) != 1 {
		t.Errorf("report of another resource = %+v, want the resource and no move", r)
	}
	r = apply(t, s, withCharm(imp("c", 2), "pg", nil, "14/beta"+jammy+"=0"))
	diff(t, "moves", r.CharmMoves, []catalog.CharmMove{{"pg", "ubuntu@22.04 amd64", "14/beta", 6, 0}})
	pg := load(t, s).Charms[0]
	diff(t, "channel map", charmRows(pg.ChannelMap), []string{"14/beta" + jammy + "=0"})
	diff(t, "history", charmRows(pg.History), []string{"14/beta" + jammy + "=0", "14/beta" + jammy + "=6,lib:2", "14/beta" + jammy + "=6,lib:1"})

	old := withCharm(imp("old", 1), "pg", []int{5}, "14/beta"+jammy+"=5")
	diff(t, "kept", apply(t, s, old).KeptCharms, []catalog.CharmMove{{"pg", "ubuntu@22.04 amd64", "14/beta", 0, 5}})
	old.PushChannelMap = true
	diff(t, "moves by hand", apply(t, s, old).CharmMoves, []catalog.CharmMove{{"pg", "ubuntu@22.04 amd64", "14/beta", 0, 5}})
}

// TestCharmConflict tries imports that contradict a fixed property. None of them changes anything.
func TestCharmConflict(t *testing.T) {
	t.Parallel()
	s, _ := open(t)
	apply(t, s, sampleCharms())
	before := load(t, s)
	otherArchive := withCharm(imp("b", 1), "postgresql", []int{8, 7})
	otherArchive.CharmRevisions[1].Blob = otherArchive.CharmRevisions[0].Blob
	otherFile := withFile(withFile(withCharm(imp("c", 1), "postgresql", nil), "postgresql", "lib", 2), "postgresql", "lib", 1)
	otherFile.CharmResources[1].Blob = otherFile.CharmResources[0].Blob
	noFile := withFile(withCharm(imp("d", 1), "postgresql", nil), "postgresql", "lib", 1)
	noFile.CharmResources[0].Blob = ""
	otherID := withCharm(imp("e", 1), "postgresql", []int{8})
	otherID.Charms[0].ID, otherID.CharmRevisions[0].ID = snapID("x"), snapID("x")
	for _, c := range []struct {
		what string
		in   *catalog.Import
	}{
		{"charm postgresql revision 7", otherArchive}, {"resource postgresql.lib revision 1", otherFile},
		{"resource postgresql.lib revision 1", noFile}, {"charm postgresql", otherID},
	} {
		_, err := s.Apply(t.Context(), c.in)
		var conflict *catalog.ConflictError
		if !errors.As(err, &conflict) || conflict.What != c.what {
			t.Errorf("Apply of another %s = %v, want a ConflictError", c.what, err)
		}
		if _, err := planOne(t.Context(), s, c.in); !errors.As(err, &conflict) {
			t.Errorf("Plan of another %s = %v, want a ConflictError", c.what, err)
		}
	}
	for row, want := range map[string]string{"14/stable" + jammy + "=9": "revision 9", "14/stable" + jammy + "=6,lib:9": "resource lib revision 9"} {
		if _, err := s.Apply(t.Context(), withCharm(imp("f", 1), "postgresql", nil, row)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Apply of %q = %v, want an error that names %s", row, err, want)
		}
	}
	diff(t, "the catalogue", load(t, s), before)
}

// TestWhatMayChange shows that the same image may get another name in the registry, that an index may get more of its children,
// and that a charm and a snap may have the same name.
func TestWhatMayChange(t *testing.T) {
	t.Parallel()
	s, _ := open(t)
	apply(t, s, with(sampleCharms(), "postgresql", []int{1}, "latest/stable/amd64=1"))
	next := withImage(withCharm(imp("b", 1), "alertmanager-k8s", nil), "alertmanager-k8s", "image", 3, "mine/image")
	withManifest(withIndex(next, "image", "image arm64"), "image arm64", "layer 3")
	diff(t, "report", apply(t, s, next), &catalog.Report{Images: 1, ImageMoves: []catalog.ImageMove{
		{Charm: "alertmanager-k8s", Resource: "image", Revision: 3, From: "charm/abc/image@" + digest.FromString("image").String(), To: "mine/image"}},
		Updates: []difference.Change{{What: difference.Charm, Charm: "alertmanager-k8s", Field: "summary", Old: "of a.tar.gz", New: "of b.tar.gz"},
			{What: difference.Manifest, Name: digest.FromString("image").String(), Field: "manifests"}}})
	c := load(t, s)
	diff(t, "name of the image", c.Charms[0].Resources[0].Image.Name, "mine/image")
	for _, im := range c.Images {
		if im.Digest == digest.FromString("image") {
			want := []digest.Digest{digest.FromString("image amd64"), digest.FromString("image arm64")}
			slices.Sort(want)
			diff(t, "children of the index", im.Children, want)
		}
	}
	// Revision 0 means that there is no resource, so it never conflicts.
	apply(t, s, withFile(withCharm(imp("c", 1), "postgresql", nil), "postgresql", "lib", 0))
	other := withFile(withCharm(imp("d", 2), "postgresql", nil), "postgresql", "lib", 0)
	other.CharmResources[0].Blob = ""
	apply(t, s, other)
	c = load(t, s)
	if got := c.Charms[2].Resources[0]; got.Name != "lib" || got.Blob != "" {
		t.Errorf("revision 0 of the resource is %+v, want it without a blob", got)
	}
	generation := c.Generation
	withIndex(next, "image", "image arm64") // twice in one import, and again later
	diff(t, "report of the same", apply(t, s, next), &catalog.Report{AlreadyImported: true, UpToDate: true})
	if again := load(t, s); again.Generation != generation || len(again.Images) != 3 {
		t.Errorf("%d images of generation %d, want 3 of %d", len(again.Images), again.Generation, generation)
	}
}

// TestCharmBlobs shows that all blobs of charms are in use, and that earlier icons and removed resources are not.
func TestCharmBlobs(t *testing.T) {
	t.Parallel()
	s, _ := open(t)
	in := sampleCharms()
	shared := blobOf("snap", 1)
	shared.Digest = in.CharmRevisions[0].Blob // a blob that is also a snap: its SHA3-384 must not be lost
	shared.Size = 2006
	in.Blobs = append(in.Blobs, shared)
	apply(t, s, in)
	want := slices.SortedFunc(slices.Values(in.Blobs[:len(in.Blobs)-1]), func(a, b catalog.Blob) int { return cmp.Compare(a.Digest, b.Digest) })
	for i := range want {
		if want[i].Digest == shared.Digest {
			want[i] = shared
		}
	}
	blobs := func() []catalog.Blob {
		t.Helper()
		b, err := s.Blobs(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	diff(t, "blobs", blobs(), want)
	if err := s.ForgetBlobs(t.Context()); err != nil {
		t.Fatal(err)
	}
	diff(t, "blobs that were not forgotten", blobs(), want)

	next := withCharm(imp("b", 1), "postgresql", nil)
	icon := catalog.Blob{Digest: digest.FromString("new icon"), Size: 4}
	next.Blobs = append(next.Blobs, icon)
	next.Charms[0].Icon = &catalog.Icon{Blob: icon.Digest, MediaType: "image/png", Size: 4}
	apply(t, s, next)
	if got := blobs(); len(got) != len(want) || !slices.Contains(got, icon) {
		t.Errorf("%d blobs after a new icon, want %d with that one", len(got), len(want))
	}
	if err := s.ForgetBlobs(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// TestBasesOfArchitectures imports exports of one revision for three architectures, in all orders. The revision is in no channel, so only its
// own bases tell Juju where it runs.
func TestBasesOfArchitectures(t *testing.T) {
	t.Parallel()
	for _, order := range permutations(3) {
		s, _ := open(t)
		bundles := make([]*catalog.Import, 3)
		for i, arch := range []string{"amd64", "arm64", "s390x"} {
			bundles[i] = withCharm(imp(arch, i), "app", []int{6})
			bundles[i].CharmRevisions[0].Revision.Bases[0].Architecture = arch
		}
		for n, i := range order {
			if r := apply(t, s, bundles[i]); n > 0 && len(r.Updates) == 0 {
				t.Errorf("order %v: the import of %s changes nothing", order, bundles[i].Name)
			}
		}
		if r := apply(t, s, bundles[order[0]]); !r.UpToDate {
			t.Errorf("order %v: the first bundle again: %+v", order, r)
		}
		var got []string
		for _, b := range load(t, s).Charms[0].Revisions[0].Bases {
			got = append(got, b.Architecture)
		}
		diff(t, fmt.Sprint("architectures, order ", order), got, []string{"amd64", "arm64", "s390x"})
	}
}

// TestUnfetchedImage imports a bundle of which the export could not fetch a mapped image, before and after the bundle that has it. The image
// stays, unless it gets another name.
func TestUnfetchedImage(t *testing.T) {
	t.Parallel()
	for _, order := range permutations(2) {
		s, _ := open(t)
		bundles := make([]*catalog.Import, 2)
		for i, name := range []string{"whole", "unfetched"} {
			bundles[i] = withImage(withCharm(imp(name, i), "app", []int{1}), "app", "image", 1, "local/app:1")
		}
		digest := bundles[0].CharmResources[0].Image.Digest
		bundles[1].CharmResources[0].Image.Digest = ""
		for _, i := range order {
			apply(t, s, bundles[i])
		}
		diff(t, fmt.Sprint("the image, order ", order), load(t, s).Charms[0].Resources[0].Image, &charm.Image{Name: "local/app:1", Digest: digest})
		if r := apply(t, s, bundles[order[1]]); !r.UpToDate {
			t.Errorf("order %v: the last bundle again: %+v", order, r)
		}
		other := withImage(withCharm(imp("other", 3), "app", []int{1}), "app", "image", 1, "local/other:1")
		other.CharmResources[0].Image.Digest = ""
		apply(t, s, other)
		diff(t, fmt.Sprint("another name, order ", order), load(t, s).Charms[0].Resources[0].Image, &charm.Image{Name: "local/other:1"})
	}
}
