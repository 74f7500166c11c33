package upstreamtest

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"path/filepath"
)

// SnapdID is the genuine snap-id of snapd, by which snapd recognizes itself.
const SnapdID = "PMrrV4ml8uWuEUDBT8dSGnKUYbevVhc4"

// DemoOptions are the options of Demo.
type DemoOptions struct {
	Origin string
	// Dir is the folder where snaps are made with mksquashfs. "" makes blobs that only look like snaps.
	Dir string
	// Payload is the number of random bytes in each snap; 0 is 64 KiB.
	Payload int64
	// SSO verifies logins, or is nil.
	SSO *SSO
}

// Demo returns a store with a small catalogue: jq (two architectures, stable and edge, a component), hello (all architectures, default track
// 2.0, an icon, no base), gnome-calculator, whose content comes from gtk-common-themes, their dependencies (snapd, core, core22, core24
// and bare), and a brand with a validation set.
func Demo(opts DemoOptions) (*Store, error) {
	s, err := New(Options{Origin: opts.Origin, SSO: opts.SSO})
	if err != nil {
		return nil, err
	}
	if opts.Payload == 0 {
		opts.Payload = 64 << 10
	}
	b := &builder{store: s, opts: opts}
	b.bases()
	b.jq()
	b.hello()
	b.calculator()
	b.brand()
	return s, b.err
}

// builder fills a store until a call fails.
type builder struct {
	store *Store
	opts  DemoOptions
	err   error
}

func (b *builder) do(err error) {
	if b.err == nil {
		b.err = err
	}
}

// addRevision uploads a revision and releases it to channels.
func (b *builder) addRevision(s Snap, r Rev, channels ...string) {
	if b.err != nil {
		return
	}
	r.YAML = YAML(s, r)
	for i, c := range r.Components {
		meta := fmt.Sprintf("component: %s+%s\ntype: %s\nversion: '%s'\nsummary: %s of %s\n", s.Name, c.Name, cmpOr(c.Kind, "standard"), c.Version, c.Name, s.Name)
		r.Components[i].Blob = b.blob(fmt.Sprintf("%s+%s_%d.comp", s.Name, c.Name, c.Revision), "meta/component.yaml", meta, nil)
	}
	files := map[string]string{}
	for _, app := range s.Apps {
		files["bin/"+app] = "#!/bin/sh\necho " + s.Name + " " + r.Version + "\n"
	}
	r.Blob = b.blob(fmt.Sprintf("%s_%d.snap", s.Name, r.Revision), "meta/snap.yaml", r.YAML, files)
	if b.err == nil {
		b.do(b.store.AddRevision(s.Name, r))
	}
	for _, c := range channels {
		b.do(b.store.Release(s.Name, "", c, r.Revision))
	}
}

func (b *builder) blob(name, metaPath, meta string, files map[string]string) Blob {
	if b.opts.Dir == "" {
		return Random(name, b.opts.Payload)
	}
	path := filepath.Join(b.opts.Dir, name)
	b.do(makeSquashfs(path, metaPath, meta, files, b.opts.Payload))
	return File(path)
}

func (b *builder) bases() {
	amd64, arm64 := []string{"amd64"}, []string{"arm64"}
	for _, s := range []struct {
		snap    Snap
		version string
		first   int
	}{
		{Snap{Name: "snapd", SnapID: SnapdID, Type: "snapd", Title: "snapd", License: "GPL-3.0", Summary: "Daemon and tooling that enable snap packages", DeclarationFormats: []int{0, 2, 4}}, "2.71", 24505},
		{Snap{Name: "core", SnapID: "99T7MUlRhtI3U0QFgl5mXXESAiSwt776", Type: "os", Summary: "snapd runtime environment"}, "16-2.61.4", 17200},
		{Snap{Name: "core22", Type: "base", Summary: "Runtime environment based on Ubuntu 22.04"}, "20240111", 1122},
		{Snap{Name: "core24", Type: "base", Summary: "Runtime environment based on Ubuntu 24.04"}, "20240528", 423},
	} {
		b.do(b.store.AddSnap(s.snap))
		b.addRevision(s.snap, Rev{Revision: s.first, Architectures: amd64, Version: s.version}, "stable", "candidate")
		b.addRevision(s.snap, Rev{Revision: s.first + 1, Architectures: arm64, Version: s.version}, "stable")
		b.addRevision(s.snap, Rev{Revision: s.first + 2, Architectures: amd64, Version: s.version + "+git1"}, "edge")
	}
	bare := Snap{Name: "bare", Type: "base", Summary: "A base that is empty"}
	b.do(b.store.AddSnap(bare))
	b.addRevision(bare, Rev{Revision: 5, Version: "1.0"}, "stable")
}

func (b *builder) jq() {
	jq := Snap{
		Name: "jq", Base: "core24", Title: "jq", Summary: "jq is a lightweight and flexible command-line JSON processor", License: "MIT",
		Website: "https://jqlang.org", Categories: []string{"development", "utilities"}, Apps: []string{"jq"},
		Publisher: mvo(), DeclarationFormats: []int{0, 3, 5}, Icon: icon(color.RGBA{0x33, 0x33, 0x66, 0xff}),
	}
	b.do(b.store.AddSnap(jq))
	for i, arch := range []string{"amd64", "arm64"} {
		docs := []Component{{Name: "docs", Version: "1.7", Revision: 1 + i}}
		b.addRevision(jq, Rev{Revision: 6 + i, Architectures: []string{arch}, Version: "1.7.1", Components: docs}, "stable", "candidate")
		b.addRevision(jq, Rev{Revision: 8 + i, Architectures: []string{arch}, Version: "1.8-rc1"}, "edge")
	}
}

func (b *builder) hello() {
	hello := Snap{
		Name: "hello", Title: "GNU Hello", Summary: "GNU Hello, the \"hello world\" snap", License: "GPL-3.0", DefaultTrack: "2.0",
		Categories: []string{"featured", "education"}, Apps: []string{"hello"}, Icon: icon(color.RGBA{0xe9, 0x54, 0x20, 0xff}),
	}
	b.do(b.store.AddSnap(hello))
	b.addRevision(hello, Rev{Revision: 20, Version: "1.9"}, "latest/stable")
	b.addRevision(hello, Rev{Revision: 38, Version: "2.0"}, "2.0/stable")
	b.addRevision(hello, Rev{Revision: 42, Version: "2.0.1"}, "2.0/candidate", "2.0/edge")
	b.addRevision(hello, Rev{Revision: 43, Version: "2.0.1+fix", Epoch: Epoch{Read: []uint32{0, 1}, Write: []uint32{1}}}, "2.0/edge/fix-greeting")
}

func (b *builder) calculator() {
	themes := Snap{Name: "gtk-common-themes", Base: "bare", Summary: "All the (common) themes", Publisher: gnome()}
	b.do(b.store.AddSnap(themes))
	b.addRevision(themes, Rev{Revision: 1535, Version: "0.1-81-g442e511"}, "stable")
	calculator := Snap{
		Name: "gnome-calculator", Base: "core22", Title: "GNOME Calculator", Summary: "GNOME Calculator", License: "GPL-3.0",
		Providers: []string{"gtk-common-themes"}, Apps: []string{"gnome-calculator"}, Publisher: gnome(), Categories: []string{"utilities"},
	}
	b.do(b.store.AddSnap(calculator))
	b.addRevision(calculator, Rev{Revision: 955, Architectures: []string{"amd64"}, Version: "46.1"}, "stable")
	b.addRevision(calculator, Rev{Revision: 956, Architectures: []string{"arm64"}, Version: "46.1"}, "stable")
}

func mvo() Publisher {
	return Publisher{ID: ID("account mvo"), Username: "mvo", DisplayName: "Michael Vogt", Validation: "unproven"}
}

func gnome() Publisher {
	return Publisher{ID: ID("account ken-vandine"), Username: "ken-vandine", DisplayName: "Ken VanDine", Validation: "verified"}
}

// icon returns a square.
func icon(c color.Color) []byte {
	img := image.NewPaletted(image.Rect(0, 0, 256, 256), color.Palette{c})
	var b bytes.Buffer
	if err := png.Encode(&b, img); err != nil {
		panic(err) // neither the image nor the buffer can fail
	}
	return b.Bytes()
}
