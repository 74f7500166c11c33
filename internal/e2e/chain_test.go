//go:build linux

package e2e_test

import (
	"errors"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"offlinestore/assertion"
	"offlinestore/internal/snapddriver"
	"offlinestore/internal/upstreamtest"
	"offlinestore/snap"
)

// TestChainOfEnclaves exports from a store of ours into a second one, and checks that the second serves the same as the
// first.
func TestChainOfEnclaves(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("makes clusters of PostgreSQL; CI runs it")
	}
	up := newOrigin(t)
	up.addSnap("stepper")
	for i, e := range []upstreamtest.Epoch{{Read: []uint32{1}, Write: []uint32{1}}, {Read: []uint32{1, 2}, Write: []uint32{2}}, {Read: []uint32{2}, Write: []uint32{2}}} {
		up.upload("stepper", upstreamtest.Rev{Revision: 1 + i, Epoch: e}, "stable")
	}
	asked := []string{"jq", "hello", "gnome-calculator", "stepper", "--channel", "stable", "--channel", "edge"}
	o := newOutside(t, up.url, up.Stack.RootStream())
	first := newInside(t, o)
	first.push(o.export(asked...)...)
	first.serve()

	between := newOutside(t, first.url, up.Stack.RootStream())
	second := newInside(t, between)
	second.push(between.export(asked...)...)
	second.serve()

	for _, name := range []string{"jq", "hello", "gnome-calculator", "gtk-common-themes", "core22", "core24", "core", "snapd"} {
		sameInfo(t, first, second, name)
	}
	got := (&client{second.url, between.root, up}).fetch(t, "jq")
	if got.Revision != 6 || got.EffectiveChannel != "stable" {
		t.Errorf("install from the second store: revision %d from %q, want 6 from stable", got.Revision, got.EffectiveChannel)
	}
	for epoch, want := range map[string]int{"1": 2, "2": 3} {
		if got := (&client{second.url, between.root, up}).fetch(t, "--amend", epoch, "stepper").Revision; got != want {
			t.Errorf("the second store gives a device with data of epoch %s revision %d, want %d", epoch, got, want)
		}
	}
	sameDeclarations(t, up, second)
	second.proxy("check") // exits with 6 if a dependency of the snaps is missing
	sameComponent(t, first, second)
}

// sameInfo compares the answers of two stores about a snap, except for the stores' own names in URLs.
func sameInfo(t *testing.T, a, b *inside, name string) {
	t.Helper()
	var got [2]map[string]any
	for i, in := range []*inside{a, b} {
		resp := get(t, in.url+"/v2/snaps/info/"+name+"?architecture=amd64", &got[i])
		if resp.StatusCode != http.StatusOK {
			t.Errorf("%s: status %d", name, resp.StatusCode)
		}
		replaceStrings(got[i], in.url, "http://store")
	}
	if diff := cmp.Diff(got[1], got[0]); diff != "" {
		t.Errorf("info of %s (-second store +first):\n%s", name, diff)
	}
}

// replaceStrings replaces old in all strings of an answer.
func replaceStrings(v any, old, by string) any {
	switch v := v.(type) {
	case string:
		return strings.ReplaceAll(v, old, by)
	case []any:
		for i := range v {
			v[i] = replaceStrings(v[i], old, by)
		}
	case map[string]any:
		for k := range v {
			v[k] = replaceStrings(v[k], old, by)
		}
	}
	return v
}

// sameDeclarations checks that each format of a snap-declaration arrives byte for byte.
func sameDeclarations(t *testing.T, up *origin, in *inside) {
	t.Helper()
	path := "/v2/assertions/snap-declaration/16/" + upstreamtest.ID("jq") + "?max-format="
	var formats []int
	for _, format := range []string{"0", "3", "5"} {
		got, want := readAll(t, in.url+path+format), readAll(t, up.url+path+format)
		if got != want {
			t.Errorf("the snap-declaration in format %s:\n%s\nwant\n%s", format, got, want)
		}
		a, err := assertion.Decode([]byte(got))
		if err != nil {
			t.Fatal(err)
		}
		formats = append(formats, a.Format())
	}
	if !slices.Equal(formats, []int{0, 3, 5}) {
		t.Errorf("formats %v, want 0, 3 and 5", formats)
	}
}

// sameComponent downloads jq's component from both stores.
func sameComponent(t *testing.T, a, b *inside) {
	t.Helper()
	var files []string
	for _, in := range []*inside{a, b} {
		var info snap.InfoResponse
		get(t, in.url+"/v2/snaps/info/jq?architecture=amd64&fields=resources,channel-map", &info)
		if len(info.ChannelMap) == 0 || len(info.ChannelMap[0].Resources) != 1 {
			t.Fatalf("jq has %+v, want a component in stable", info.ChannelMap)
		}
		files = append(files, readAll(t, info.ChannelMap[0].Resources[0].Download.URL))
	}
	if files[0] != files[1] || !strings.HasPrefix(files[0], "hsqs") {
		t.Errorf("the components differ: %d and %d bytes", len(files[0]), len(files[1]))
	}
}

func readAll(t *testing.T, url string) string {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), "GET", url, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("GET %s: status %d, %v", url, resp.StatusCode, err)
	}
	return string(text)
}

// TestUntrustedSigner checks that a store rejects an unknown signer. Without it the passing tests would mean little.
func TestUntrustedSigner(t *testing.T) {
	t.Parallel()
	up := newOrigin(t)
	o := newOutside(t, up.url, up.Stack.RootStream())
	files := o.export("hello", "--no-deps")
	other := newOutside(t, up.url, up.Stack.RootStream())
	in := newInside(t, other)
	refused := func(want string) {
		t.Helper()
		_, stderr, err := tryRun(t, nil, program(t, "snap-store-proxy"), append([]string{"--data-dir", in.data, "push-snap"}, files...)...)
		const untrusted = 5 // the exit code that the help names
		var exit *exec.ExitError
		if !errors.As(err, &exit) || exit.ExitCode() != untrusted || !strings.Contains(stderr, want) {
			t.Errorf("push: %v, %s, want exit code %d and %q", err, stderr, untrusted, want)
		}
	}
	refused("snap-store-proxy trust add")
	in.proxy("trust", "add", o.key)
	// Now the store trusts the signer, but no longer the root of the assertions.
	if err := os.RemoveAll(filepath.Join(in.data, "trust", "roots")); err != nil {
		t.Fatal(err)
	}
	refused("snap-store-proxy trust root add")
	in.serve()
	if got := snapddriver.Run(t, "info", "--store", in.url, "hello"); got.Code != snapddriver.ExitAnswer || got.Error.Kind != "snap-not-found" {
		t.Errorf("after refused pushes, info exits with %d, %+v", got.Code, got.Error)
	}
}
