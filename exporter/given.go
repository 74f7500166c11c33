package exporter

import (
	"fmt"
	"strings"

	"github.com/opencontainers/go-digest"

	"offlinestore/charm"
	"offlinestore/edge/api"
)

// GivenPackages returns packages for the revisions that the devices of an online store were given, each in its channel and for its
// architecture.
func GivenPackages(list []api.Release) []Package {
	out := make([]Package, 0, len(list))
	for _, r := range list {
		p := Package{Name: r.Name, Architectures: []string{r.Architecture}}
		if r.Channel == "" {
			p.Revision = r.Revision
		} else {
			p.Channels = []string{r.Channel}
		}
		out = append(out, p)
	}
	return out
}

// GivenCharms returns applications for the charms that Juju was given by an online store, each for its channel, base and architecture.
func GivenCharms(list []api.Charm) []charm.Application {
	out := make([]charm.Application, 0, len(list))
	for _, c := range list {
		app := charm.Application{Name: c.Name, Charm: c.Name, Channel: c.Channel}
		if c.Architecture != "" {
			app.Architectures = []string{c.Architecture}
		}
		if name, version, ok := strings.Cut(c.Base, "/"); ok {
			app.Base = charm.Base{Name: name, Channel: version}
		}
		if c.Channel == "" {
			app.Revision = &c.Revision
		}
		out = append(out, app)
	}
	return out
}

// Remember notes the address of a blob by its SHA3-384 in hexadecimal digits, as if it had been in the cache before.
func (c *Cache) Remember(sha3384 string, d digest.Digest) error { return c.note(sha3384, d) }

// PlannedFile is a file that an export downloads.
type PlannedFile struct {
	// Name is for people: "jq revision 6".
	Name, URL string
	// Size is in bytes. The digests are in hexadecimal digits, and empty if the store does not announce them.
	Size                    int64
	SHA256, SHA384, SHA3384 string
}

// Files returns the files of the snaps, charms and their resources in the plan, each once.
func (p *Plan) Files() (list []PlannedFile) {
	seen := make(map[string]bool)
	add := func(name string, b *remoteBlob) {
		if !seen[b.key()] {
			seen[b.key()] = true
			list = append(list, PlannedFile{name, b.URL, b.Size, b.SHA256, b.SHA384, b.SHA3384})
		}
	}
	for _, s := range p.Snaps {
		for _, r := range s.Revisions {
			for i, d := range r.Downloads() {
				b := snapBlob(d)
				add(blobName(s, r, i), &b)
			}
		}
	}
	for _, c := range p.Charms {
		c.eachBlob(func(b *remoteBlob) { add(fmt.Sprintf("a file of %s", c.Listing.Name), b) })
	}
	return list
}
