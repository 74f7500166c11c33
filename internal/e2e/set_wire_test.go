//go:build linux

package e2e_test

import (
	"crypto/sha3"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"offlinestore/assertion"
	"offlinestore/internal/assertiontest"
	"offlinestore/internal/upstreamtest"
	"offlinestore/snap"
)

// imageBuilder asks a store what 'snap prepare-image' of snapd 2.59 and newer asks about a model with validation-sets. Debian's snapd is
// older and does not know that header.
type imageBuilder struct {
	t   *testing.T
	url string
}

// set fetches a point of a validation set, as prepare-image does for each of the model: by its sequence, or the latest.
func (b imageBuilder) set(set, sequence string) (*assertion.Assertion, []assertion.SetSnap) {
	b.t.Helper()
	if sequence == "" {
		sequence = "latest"
	}
	a, err := assertion.Decode([]byte(readAll(b.t, fmt.Sprintf("%s/v2/assertions/validation-set/16/%s?max-format=0&sequence=%s", b.url, set, sequence))))
	if err != nil {
		b.t.Fatal(err)
	}
	snaps, err := a.SetSnaps()
	if err != nil {
		b.t.Fatal(err)
	}
	return a, snaps
}

// download asks for the revision that the set pins. It names the set and no channel.
func (b imageBuilder) download(set *assertion.Assertion, s assertion.SetSnap) *snap.Snap {
	b.t.Helper()
	sets, err := json.Marshal([][]string{set.Ref().PrimaryKey})
	if err != nil {
		b.t.Fatal(err)
	}
	asked := `{"action":"download","instance-key":"download-1","name":"` + s.Name + `","epoch":null,"validation-sets":` + string(sets)
	if s.Revision > 0 {
		asked += fmt.Sprintf(`,"revision":%d`, s.Revision)
	} else {
		asked += `,"channel":"stable"`
	}
	answer := post(b.t, b.url+"/v2/snaps/refresh", `{"context":[],"fields":["download","name","resources","revision","snap-id","snap-yaml","type","version"],"actions":[`+asked+`}]}`)
	var got snap.RefreshResponse
	if err := json.Unmarshal([]byte(answer), &got); err != nil || len(got.Results) != 1 || got.Results[0].Snap == nil {
		b.t.Fatalf("%s is answered with %s, %v", asked, answer, err)
	}
	return got.Results[0].Snap
}

// verify downloads a snap and its components, and fetches the assertions that the image needs for them.
func (b imageBuilder) verify(sn *snap.Snap) {
	b.t.Helper()
	digest := func(d snap.Download) string {
		sum := sha3.Sum384([]byte(readAll(b.t, d.URL)))
		if hex.EncodeToString(sum[:]) != d.SHA3384 {
			b.t.Errorf("%s has another digest than announced", d.URL)
		}
		return assertion.DigestHeader(sum[:])
	}
	readAll(b.t, b.url+"/v2/assertions/snap-revision/"+digest(sn.Download)+"?max-format=0")
	for _, c := range sn.Resources {
		readAll(b.t, fmt.Sprintf("%s/v2/assertions/snap-resource-revision/%s/%s/%s?max-format=0", b.url, sn.SnapID, c.Name, digest(c.Download)))
		readAll(b.t, fmt.Sprintf("%s/v2/assertions/snap-resource-pair/%s/%s/%d/%d?max-format=0", b.url, sn.SnapID, c.Name, c.Revision, sn.Revision.Number))
	}
}

// addBook publishes a snap with two revisions, whose component the store has released in a newer revision than the set acme/base pins.
func (u *origin) addBook() {
	u.t.Helper()
	u.addSnap("book")
	pages := func(n int) upstreamtest.Component {
		return upstreamtest.Component{Name: "pages", Version: fmt.Sprint(n), Revision: n, Blob: upstreamtest.Bytes(fmt.Appendf(nil, "hsqs pages %d", n))}
	}
	u.upload("book", upstreamtest.Rev{Revision: 1, Components: []upstreamtest.Component{pages(8)}, Further: []upstreamtest.Component{pages(5), pages(6)}}, "stable")
	u.upload("book", upstreamtest.Rev{Revision: 2, Components: []upstreamtest.Component{pages(9)}}, "stable")
	acme := u.Brand()
	for sequence, revision := range []string{"5", "6", "7"} {
		u.AddAssertions(acme.ValidationSet("base", sequence+1, []any{assertiontest.Headers{"name": "book", "id": upstreamtest.ID("book"), "revision": "1",
			"components": assertiontest.Headers{"pages": assertiontest.Headers{"presence": "required", "revision": revision}}}}, nil))
	}
}

// TestPinnedComponents takes validation sets that pin components across the gap, and through a second one. Devices with a set get its
// components, and other devices the released one.
func TestPinnedComponents(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("makes clusters of PostgreSQL; CI runs it")
	}
	up := newOrigin(t)
	up.addBook()
	storeURL := up.url
	for range 2 {
		o := newOutside(t, storeURL, up.Stack.RootStream())
		in := newInside(t, o)
		file := filepath.Join(o.dir, "sets.tar.gz")
		o.admin("export", "validation-sets", "acme/base=1", "acme/base=2", "--single", file, "--trusted-root", o.root)
		if out := in.proxy("push-validation-sets", file); !strings.Contains(out, "validation-set acme/base=2") {
			t.Errorf("push-validation-sets prints %s", out)
		}
		if out := in.proxy("list-pushed-snaps", "--long"); strings.Count(out, "book+pages") != 3 {
			t.Errorf("the list has not the released component and two others:\n%s", out)
		}
		in.proxy("check") // exits with 6 if a pinned component is missing
		in.serve()
		storeURL = in.url

		b := imageBuilder{t, in.url}
		for sequence, want := range map[string]int{"1": 5, "2": 6, "": 6} {
			set, snaps := b.set("acme/base", sequence)
			got := b.download(set, snaps[0])
			if got.Revision.Number != 1 || len(got.Resources) != 1 || got.Resources[0].Revision != want {
				t.Errorf("book for %s: revision %d, components %+v; want revision 1 and pages %d", set.Ref(), got.Revision.Number, got.Resources, want)
			}
			b.verify(got)
		}
		none := b.download(unknownSet(t, up), assertion.SetSnap{Name: "book", Revision: 1})
		if len(none.Resources) != 1 || none.Resources[0].Revision != 8 {
			t.Errorf("a device with an unknown set gets the components %+v, want the released one", none.Resources)
		}
		refreshed := post(t, in.url+"/v2/snaps/refresh", `{"context":[{"snap-id":"`+upstreamtest.ID("book")+`","instance-key":"k","revision":1,"tracking-channel":"stable",`+
			`"validation-sets":[["16","acme","base","1"]]}],"fields":["resources"],"actions":[{"action":"refresh","instance-key":"k","snap-id":"`+upstreamtest.ID("book")+`","revision":1}]}`)
		if !strings.Contains(refreshed, "+pages_5.comp") {
			t.Errorf("a refresh whose context names the set is answered with %s", refreshed)
		}
	}
	// The store does not have the component that the third point pins.
	o := newOutside(t, up.url, up.Stack.RootStream())
	file := filepath.Join(o.dir, "missing.tar.gz")
	_, stderr, err := tryRun(t, o.env, program(t, "store-admin"), "export", "validation-sets", "acme/base=3", "--single", file, "--trusted-root", o.root)
	if err != nil || !strings.Contains(stderr, "book+pages revision 7") {
		t.Errorf("a set with a component that the store does not have: %v, %s", err, stderr)
	}
}

// unknownSet returns a point of a set that no store has.
func unknownSet(t *testing.T, up *origin) *assertion.Assertion {
	t.Helper()
	return up.Brand().ValidationSet("unknown", 1, []any{assertiontest.Headers{"name": "book", "id": upstreamtest.ID("book")}}, nil)
}
