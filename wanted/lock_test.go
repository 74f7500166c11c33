package wanted_test

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"offlinestore/bundle"
	"offlinestore/internal/bundletest"
	"offlinestore/receipt"
	"offlinestore/wanted"
)

// sample returns a content with a snap, a charm with an image, and an icon.
func sample(t testing.TB) *bundle.Content {
	t.Helper()
	b := bundletest.New(t, 1).AddWholeCharm("app", 7, 300).Add("jq", 6, 100)
	b.Snaps[0].Icon = &bundle.Icon{MediaType: "image/png", Data: []byte("\x89PNG\r\n\x1a\n\x00\xff<&>")}
	b.Snaps[0].Snap.Title = "jq <&> \u2028"
	c, err := b.Builder().Content()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// TestLock writes a lock and reads it again. Both have the same content, and the same text.
func TestLock(t *testing.T) {
	t.Parallel()
	c := sample(t)
	l := &wanted.Lock{Wanted: c.Digest(), Receivers: []string{"ship-7"}, Content: c}
	text, err := l.Encode()
	if err != nil {
		t.Fatal(err)
	}
	if !wanted.IsLock(text) {
		t.Errorf("IsLock = false for\n%.200s", text)
	}
	got, err := wanted.ParseLock(text)
	if err != nil {
		t.Fatal(err)
	}
	if got.Content.Digest() != c.Digest() || got.Wanted != l.Wanted || !slices.Equal(got.Receivers, l.Receivers) {
		t.Errorf("ParseLock = %s, %s, %q", got.Content.Digest(), got.Wanted, got.Receivers)
	}
	again, err := got.Encode()
	if err != nil || !bytes.Equal(again, text) {
		t.Errorf("the second text differs (%v):\n%s", err, cmp.Diff(string(text), string(again)))
	}
	for _, want := range []string{`"snap jq latest/stable amd64: 6"`, `"type: account"`, `"data": "`} {
		if !strings.Contains(string(text), want) {
			t.Errorf("the lock lacks %s", want)
		}
	}
}

// TestDamagedLock changes each byte of a lock. No change but one of the members that follow from nothing may pass.
func TestDamagedLock(t *testing.T) {
	t.Parallel()
	c := sample(t)
	text, err := (&wanted.Lock{Wanted: c.Digest(), Content: c}).Encode()
	if err != nil {
		t.Fatal(err)
	}
	step := 1
	if testing.Short() {
		step = 97
	}
	free := bytes.Index(text, []byte(`"wanted"`))
	for i := 0; i < len(text); i += step {
		if i >= free && i < free+100 {
			continue // the digest of the wanted.yaml
		}
		bad := bytes.Clone(text)
		bad[i] ^= 0x02
		got, err := wanted.ParseLock(bad)
		if err == nil && got.Content.Digest() != c.Digest() {
			t.Fatalf("byte %d of %d: a lock with the index %s", i, len(text), got.Content.Digest())
		}
		if err != nil && !errors.Is(err, wanted.ErrLock) {
			t.Fatalf("byte %d of %d: %v", i, len(text), err)
		}
	}
	for i := 0; i < len(text)-1; i += 101 {
		if _, err := wanted.ParseLock(text[:i]); !errors.Is(err, wanted.ErrLock) {
			t.Fatalf("cut off at %d: %v", i, err)
		}
	}
}

// TestCompare compares a file, a content and a receipt in each pair.
func TestCompare(t *testing.T) {
	t.Parallel()
	h := sample(t).Head()
	parse := func(text string) *wanted.File {
		f, err := wanted.Parse("f", []byte(text))
		if err != nil {
			t.Fatal(err)
		}
		return f
	}
	f := parse("snaps: [{name: jq, channels: [stable, edge]}]")
	blobs, err := receipt.NewBlobs(nil)
	if err != nil {
		t.Fatal(err)
	}
	r := &receipt.Receipt{Blobs: blobs, Channels: []receipt.Channel{{Kind: "snap", Name: "jq", Platform: "amd64", Channel: "latest/stable", Revision: 5}}}
	for _, c := range []struct {
		a, b wanted.Side
		want []string
	}{
		{wanted.Side{Head: h}, wanted.Side{Head: h}, nil},
		{wanted.Side{File: f}, wanted.Side{File: f}, nil},
		{wanted.Side{Receipt: r}, wanted.Side{Receipt: r}, nil},
		{wanted.Side{File: f}, wanted.Side{Head: h}, []string{"wanted jq edge 0 -1", "wanted app  -1 0"}},
		{wanted.Side{Head: h}, wanted.Side{File: f}, []string{"wanted jq edge -1 0", "wanted app  0 -1"}},
		{wanted.Side{File: f}, wanted.Side{Receipt: r}, []string{"wanted jq edge 0 -1"}},
		{wanted.Side{File: parse("snaps: [jq]")}, wanted.Side{File: f}, []string{"wanted jq edge -1 0"}},
		{wanted.Side{File: parse("snaps: [{name: jq, revision: 6}]\ncharms: [app]")}, wanted.Side{Head: h}, nil},
		{wanted.Side{Receipt: r}, wanted.Side{Receipt: &receipt.Receipt{}}, []string{"channel jq latest/stable 5 -1"}},
	} {
		diffs, err := wanted.Compare(c.a, c.b)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, d := range diffs {
			got = append(got, fmt.Sprint(d.Kind, " ", d.Snap+d.Charm, " ", d.Channel, " ", d.From, " ", d.To))
		}
		slices.Sort(got)
		slices.Sort(c.want)
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("Compare (-want +got):\n%s", diff)
		}
	}
	// A store that has none of the files lacks each revision, and its channel has another one.
	diffs, err := wanted.Compare(wanted.Side{Head: h}, wanted.Side{Receipt: r})
	if err != nil {
		t.Fatal(err)
	}
	want := bundle.Difference{Snap: "jq", Kind: bundle.DifferentChannel, Channel: "latest/stable", Architecture: "amd64", From: 6, To: 5}
	if !slices.Contains(diffs, want) || !slices.ContainsFunc(diffs, func(d bundle.Difference) bool {
		return d.Kind == bundle.DifferentRevision && d.Snap == "jq" && d.To == -1
	}) {
		t.Errorf("Compare of a content and a receipt = %+v", diffs)
	}
}

func FuzzLock(f *testing.F) {
	text, err := (&wanted.Lock{Content: sample(f)}).Encode()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(text)
	f.Fuzz(func(t *testing.T, text []byte) {
		if _, err := wanted.ParseLock(text); err != nil && !errors.Is(err, wanted.ErrLock) {
			t.Error(err)
		}
	})
}
