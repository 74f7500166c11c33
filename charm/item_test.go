package charm_test

import (
	"strings"
	"testing"

	"offlinestore/charm"
)

func TestValidateNames(t *testing.T) {
	t.Parallel()
	check := func(what string, f func(string) error, good, bad []string) {
		for _, s := range good {
			if err := f(s); err != nil {
				t.Errorf("%s %q: %v", what, s, err)
			}
		}
		for _, s := range bad {
			if f(s) == nil {
				t.Errorf("%s %q: nil, want an error", what, s)
			}
		}
	}
	check("name", charm.ValidateName,
		[]string{"a", "postgresql-k8s", "x1-2y", "kubernetes-control-plane", strings.Repeat("a", 100)},
		[]string{"", "-a", "a-", "a--b", "1a", "A", "a-5", "a_b", "a.b", "a/b", "..", "a\n", strings.Repeat("a", 101)})
	check("ID", charm.ValidateID, []string{"a", "pOSUo3iNAY8mFEm3kHR0jMPTYhMHJ2aV", "a-b_c"}, []string{"", "a.b", "a/b", "a b", "a\n", strings.Repeat("a", 65)})
	check("resource", charm.ValidateResourceName, []string{"a", "postgresql-image", "flannel-amd64", "a_b", "core.snap", "A"}, []string{"", ".", "..", ".a", "-a", "a/b", "a b", strings.Repeat("a", 101)})
	check("architecture", charm.ValidateArchitecture, []string{"amd64", "ppc64el", "s390x"}, []string{"", "all", "NA", "AMD64", "x86_64", "a/b"})
	check("time", charm.ValidateTime, []string{"", "2025-01-17T21:09:54.005947+00:00", "2025-01-17T21:09:54Z"}, []string{"2025-01-17T21:09:54", "now", "2025-01-17"})
}

func base(ch, arch string) *charm.Base {
	b := ubuntu(ch, arch)
	return &b
}

func listing() charm.Listing {
	return charm.Listing{
		Name: "postgresql", ID: "abc", Type: charm.TypeCharm, DefaultTrack: "14",
		ChannelMap: []charm.Release{
			{Base: base("22.04", "amd64"), Channel: "14/stable", ReleasedAt: "2025-01-17T21:09:54Z", Revision: 5, Resources: []charm.ResourceRef{{Name: "x", Revision: 0}, {Name: "y", Revision: 3}}},
			{Base: base("22.04", "arm64"), Channel: "14/stable", Revision: 6},
			{Base: base("22.04", "amd64"), Channel: "14/edge/fix", Revision: 0},
		},
	}
}

func TestListingValidate(t *testing.T) {
	t.Parallel()
	l := listing()
	if err := l.Validate(); err != nil {
		t.Fatal(err)
	}
	for want, spoil := range map[string]func(*charm.Listing){
		"charm name":           func(l *charm.Listing) { l.Name = "X" },
		"charm ID":             func(l *charm.Listing) { l.ID = "" },
		"unknown type":         func(l *charm.Listing) { l.Type = "snap" },
		"default track":        func(l *charm.Listing) { l.DefaultTrack = "a/b" },
		"no base":              func(l *charm.Listing) { l.ChannelMap[0].Base = nil },
		"a bundle has no base": func(l *charm.Listing) { l.Type = charm.TypeBundle },
		"base \"NA\"": func(l *charm.Listing) {
			l.ChannelMap[0].Base = &charm.Base{Architecture: "amd64", Channel: "NA", Name: "NA"}
		},
		"base \"all\"": func(l *charm.Listing) {
			l.ChannelMap[0].Base = &charm.Base{Architecture: "all", Channel: "all", Name: "all"}
		},
		"architecture \"all\"":    func(l *charm.Listing) { l.ChannelMap[0].Base.Architecture = "all" },
		"spelled out":             func(l *charm.Listing) { l.ChannelMap[0].Channel = "stable" },
		"want [track/]risk":       func(l *charm.Listing) { l.ChannelMap[0].Channel = "" },
		"14/stable for ubuntu@22": func(l *charm.Listing) { l.ChannelMap[1].Base.Architecture = "amd64" },
		"revision -1":             func(l *charm.Listing) { l.ChannelMap[0].Revision = -1 },
		"revision 2147483648":     func(l *charm.Listing) { l.ChannelMap[0].Revision = 1 << 31 },
		"released-at":             func(l *charm.Listing) { l.ChannelMap[0].ReleasedAt = "2025-01-17T21:09:54" },
		"resource name":           func(l *charm.Listing) { l.ChannelMap[0].Resources[0].Name = "../x" },
		"resource x: revision -1": func(l *charm.Listing) { l.ChannelMap[0].Resources[0].Revision = -1 },
		"resource y twice":        func(l *charm.Listing) { l.ChannelMap[0].Resources[0].Name = "y" },
	} {
		l := listing()
		spoil(&l)
		if err := l.Validate(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Validate = %v, want an error with %q", err, want)
		}
	}
	b := charm.Listing{Name: "cos-lite", ID: "abc", Type: charm.TypeBundle, ChannelMap: []charm.Release{{Channel: "latest/stable", Revision: 1}, {Channel: "latest/edge", Revision: 1}}}
	if err := b.Validate(); err != nil {
		t.Error(err)
	}
	b.ChannelMap[1].Channel = "latest/stable"
	if err := b.Validate(); err == nil {
		t.Error("a bundle with a channel twice: nil, want an error")
	}
}

func item() charm.Item {
	return charm.Item{
		ID: "abc", Name: "postgresql", Type: charm.TypeCharm,
		Revision: charm.Revision{
			Number: 5, MetadataYAML: "name: postgresql\n", CreatedAt: "2025-01-17T21:09:54.005947+00:00",
			Bases:    []*charm.Base{base("22.04", "amd64"), base("22.04", "arm64")},
			Download: charm.Download{Size: 1, SHA256: sha256Of},
		},
		Snaps: []charm.SnapHint{{Name: "charmed-postgresql", Channel: "14/stable", Revisions: map[string]int{"amd64": 1, "": 2}}},
	}
}

func TestItemValidate(t *testing.T) {
	t.Parallel()
	i := item()
	if err := i.Validate(); err != nil {
		t.Fatal(err)
	}
	long := strings.Repeat("#", charm.MaxYAMLSize+1)
	for want, spoil := range map[string]func(*charm.Item){
		"charm name":                 func(i *charm.Item) { i.Name = "" },
		"charm ID":                   func(i *charm.Item) { i.ID = "a/b" },
		"unknown type":               func(i *charm.Item) { i.Type = "" },
		"revision 0: out of range":   func(i *charm.Item) { i.Revision.Number = 0 },
		"created-at":                 func(i *charm.Item) { i.Revision.CreatedAt = "2025-01-17T21:09:54.005947" },
		"the URL":                    func(i *charm.Item) { i.Revision.Download.URL = "https://example.com/x" },
		"want a size and a hash":     func(i *charm.Item) { i.Revision.Download.SHA256 = "" },
		"a size and":                 func(i *charm.Item) { i.Revision.Download.Size = 0 },
		"size -1":                    func(i *charm.Item) { i.Revision.Download.Size = -1 },
		"hash-sha-256":               func(i *charm.Item) { i.Revision.Download.SHA256 = strings.ToUpper(sha256Of) },
		"hash-sha-384":               func(i *charm.Item) { i.Revision.Download.SHA384 = sha256Of },
		"hash-sha-512":               func(i *charm.Item) { i.Revision.Download.SHA512 = sha256Of },
		"hash-sha3-384":              func(i *charm.Item) { i.Revision.Download.SHA3384 = sha384Of[1:] + "g" },
		"no metadata.yaml":           func(i *charm.Item) { i.Revision.MetadataYAML = "{}\n" },
		"metadata.yaml of":           func(i *charm.Item) { i.Revision.MetadataYAML = long },
		"config.yaml of":             func(i *charm.Item) { i.Revision.ConfigYAML = long },
		"README.md of":               func(i *charm.Item) { i.Revision.ReadmeMD = long },
		"no bases":                   func(i *charm.Item) { i.Revision.Bases = nil },
		"null":                       func(i *charm.Item) { i.Revision.Bases[0] = nil },
		"architecture \"all\"":       func(i *charm.Item) { i.Revision.Bases[0].Architecture = "all" },
		"amd64 twice":                func(i *charm.Item) { i.Revision.Bases[1].Architecture = "amd64" },
		"a bundle has none":          func(i *charm.Item) { i.Type = charm.TypeBundle },
		"65 snaps":                   func(i *charm.Item) { i.Snaps = make([]charm.SnapHint, 65) },
		"snap name":                  func(i *charm.Item) { i.Snaps[0].Name = "../x" },
		"snap charmed-postgresql: c": func(i *charm.Item) { i.Snaps[0].Channel = "a/b/c/d" },
		"revision -1":                func(i *charm.Item) { i.Snaps[0].Revisions["amd64"] = -1 },
		"architecture \"x86_64\"":    func(i *charm.Item) { i.Snaps[0].Revisions["x86_64"] = 1 },
	} {
		i := item()
		spoil(&i)
		if err := i.Validate(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Validate = %v, want an error with %q", err, want)
		}
	}
	i.Type, i.Revision.Bases = charm.TypeBundle, []*charm.Base{nil}
	if err := i.Validate(); err == nil || !strings.Contains(err.Error(), "no bundle.yaml") {
		t.Errorf("a bundle without bundle.yaml: %v, want an error", err)
	}
	i.Revision.BundleYAML = "applications: {}\n"
	if err := i.Validate(); err != nil {
		t.Errorf("a bundle: %v", err)
	}
}

func file() charm.ResourceItem {
	return charm.ResourceItem{Charm: "postgresql", CharmID: "abc", Resource: charm.Resource{
		Name: "policy", Type: charm.ResourceFile, Revision: 3, Filename: "policy.zip", CreatedAt: "2024-08-07T10:21:41.554301",
		Download: charm.Download{Size: 1, SHA256: sha256Of, SHA384: sha384Of},
	}}
}

func TestResourceItemValidate(t *testing.T) {
	t.Parallel()
	image := charm.ResourceItem{Charm: "postgresql", CharmID: "abc", Image: &charm.Image{Name: "postgres:mine"}, Resource: charm.Resource{Name: "image", Type: charm.ResourceImage, Revision: 3}}
	never := file()
	never.Resource.Revision, never.Resource.Download = 0, charm.Download{SHA256: charm.EmptySHA256, SHA384: charm.EmptySHA384}
	unsaid := file()
	unsaid.Resource.Revision, unsaid.Resource.Download = 0, charm.Download{}
	for _, good := range []struct {
		r    charm.ResourceItem
		blob bool
	}{{file(), true}, {image, false}, {never, false}, {unsaid, false}} {
		if err := good.r.Validate(); err != nil || good.r.HasBlob() != good.blob {
			t.Errorf("Validate(%+v) = %v, HasBlob %v, want %v", good.r, err, good.r.HasBlob(), good.blob)
		}
	}
	for want, spoil := range map[string]func(*charm.ResourceItem){
		"charm name":        func(r *charm.ResourceItem) { r.Charm = "" },
		"charm ID":          func(r *charm.ResourceItem) { r.CharmID = "" },
		"resource name":     func(r *charm.ResourceItem) { r.Resource.Name = "" },
		"revision -1":       func(r *charm.ResourceItem) { r.Resource.Revision = -1 },
		"file name":         func(r *charm.ResourceItem) { r.Resource.Filename = "../x" },
		"file name \"..\"":  func(r *charm.ResourceItem) { r.Resource.Filename = ".." },
		"created-at":        func(r *charm.ResourceItem) { r.Resource.CreatedAt = "yesterday" },
		"the URL":           func(r *charm.ResourceItem) { r.Resource.Download.URL = "x" },
		"and hash-sha-384":  func(r *charm.ResourceItem) { r.Resource.Download.SHA384 = "" },
		"want hash-sha-256": func(r *charm.ResourceItem) { r.Resource.Download.SHA256 = "" },
		"a size of none":    func(r *charm.ResourceItem) { r.Resource.Download.Size = 0 },
		"an image, where":   func(r *charm.ResourceItem) { r.Image = &charm.Image{Name: "x"} },
		"unknown type":      func(r *charm.ResourceItem) { r.Resource.Type = "docker" },
		"no image":          func(r *charm.ResourceItem) { r.Resource.Type = charm.ResourceImage },
		"a size or digest":  func(r *charm.ResourceItem) { r.Resource.Type, r.Image = charm.ResourceImage, &charm.Image{Name: "x"} },
		"image name \"../x\"": func(r *charm.ResourceItem) {
			r.Resource.Type, r.Image, r.Resource.Download = charm.ResourceImage, &charm.Image{Name: "../x"}, charm.Download{}
		},
	} {
		r := file()
		spoil(&r)
		if err := r.Validate(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Validate = %v, want an error with %q", err, want)
		}
	}
}
