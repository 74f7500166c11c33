// Package downloadtest makes files as "snap download" writes them: snaps and components with the assertions about them.
package downloadtest

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"offlinestore/assertion"
	"offlinestore/internal/assertiontest"
	"offlinestore/internal/upstreamtest"
)

// Publisher is the ID of the account that publishes all snaps.
const Publisher = "PublisherPublisherPublisher00001"

// Download is a revision of a snap with its assertions.
type Download struct {
	tb    testing.TB
	stack *assertiontest.Stack
	id    string

	Name     string
	Revision int
	// Blob is the snap.
	Blob []byte
	// About are the assertions about the snap and its components. The others lead to them.
	About, Others []*assertion.Assertion
}

// New makes a revision of a snap. yaml is added to its snap.yaml.
func New(tb testing.TB, stack *assertiontest.Stack, name string, revision int, yaml string) *Download {
	tb.Helper()
	d := &Download{tb: tb, stack: stack, id: upstreamtest.ID(name), Name: name, Revision: revision}
	d.Blob = d.pack("meta/snap.yaml", fmt.Sprintf("name: %s\nversion: 'v%d'\nsummary: The %[1]s\n%[3]s", name, revision, yaml))
	d.Others = append(stack.Base(), stack.Account(Publisher, "The Publisher", nil), stack.SnapDeclaration(d.id, name, Publisher, nil))
	d.Sign(nil)
	return d
}

// Sign replaces the assertion about the snap.
func (d *Download) Sign(changes assertiontest.Headers) {
	d.About = []*assertion.Assertion{d.stack.SnapRevision(d.id, d.Revision, Publisher, assertiontest.BlobOf(d.Blob), changes)}
}

// ID returns the snap-id.
func (d *Download) ID() string { return d.id }

// AddComponent returns a new component, and adds the assertions about it.
func (d *Download) AddComponent(name string, revision int) []byte {
	d.tb.Helper()
	b := d.pack("meta/component.yaml", fmt.Sprintf("component: %s+%s\ntype: standard\nversion: 'c%d'\n", d.Name, name, revision))
	d.About = append(d.About, d.stack.SnapResourceRevision(d.id, name, revision, Publisher, assertiontest.BlobOf(b), nil),
		d.stack.SnapResourcePair(d.id, name, revision, d.Revision, Publisher, nil))
	return b
}

// Stream returns the assertions as one file.
func (d *Download) Stream() []byte {
	d.tb.Helper()
	return Stream(d.tb, append(d.Others, d.About...)...)
}

// Stream encodes assertions.
func Stream(tb testing.TB, list ...*assertion.Assertion) []byte {
	tb.Helper()
	var b bytes.Buffer
	if err := assertion.EncodeAll(&b, list); err != nil {
		tb.Fatal(err)
	}
	return b.Bytes()
}

// pack makes a squashfs with one file.
func (d *Download) pack(path, text string) []byte {
	d.tb.Helper()
	file := filepath.Join(d.tb.TempDir(), "file")
	err := upstreamtest.MakeSquashfs(file, path, text)
	var b []byte
	if err == nil {
		b, err = os.ReadFile(file)
	}
	if err != nil {
		d.tb.Fatal(err)
	}
	return b
}
