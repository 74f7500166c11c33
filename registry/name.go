package registry

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"sync"

	"github.com/opencontainers/go-digest"

	"offlinestore/blob"
	"offlinestore/catalog"
)

// The grammar of names, from the OCI distribution specification.
var (
	validRepository = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*$`)
	})
	validTag = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}$`) })
)

const (
	maxRepository = 255
	defaultTag    = "latest"
)

var errName = errors.New("not the name of an image inside a registry, as in charm/abc/image@sha256:… or postgres:14")

// reference is the name of an image inside a registry.
type reference struct {
	repository string
	// tag is empty if the image is named by its digest alone.
	tag    string
	digest digest.Digest
}

// parseReference parses a name without a host. Without tag and digest, the tag is "latest", as everywhere.
func parseReference(s string) (reference, error) {
	var ref reference
	name, dg, byDigest := strings.Cut(s, "@")
	if byDigest {
		ref.digest = digest.Digest(dg)
		if err := blob.CheckDigest(ref.digest); err != nil {
			return reference{}, fmt.Errorf("image %.300q: %w", s, err)
		}
	}
	var tagged bool
	if ref.repository, ref.tag, tagged = strings.Cut(name, ":"); !tagged && !byDigest {
		ref.tag, tagged = defaultTag, true
	}
	if !isRepository(ref.repository) || tagged && !validTag().MatchString(ref.tag) {
		return reference{}, fmt.Errorf("image %.300q: %w", s, errName)
	}
	return ref, nil
}

func isRepository(name string) bool {
	return len(name) <= maxRepository && validRepository().MatchString(name)
}

// namedImage is an image under the name that a resource or a repository gives it.
type namedImage struct {
	reference
	name, charm, resource string // the resource is empty for an image that a charm bundle names, and the charm for an image of no charm
	revision              int
	// root is the image's manifest or index, or empty if the export left the image out.
	root digest.Digest
}

// namedImages returns the images of all charm bundles and resources, by charm, resource and revision, then the images of no charm, and the
// problems of unusable ones.
func namedImages(c *catalog.Snapshot) (list []namedImage, problems []string) {
	for _, ch := range c.Charms {
		for _, r := range ch.Revisions {
			for _, image := range r.Images {
				n := namedImage{name: image.Name, charm: ch.Name, revision: r.Revision.Number, root: digest.Digest(image.Digest)}
				if err := n.validate(); err != nil {
					problems = append(problems, fmt.Sprintf("bundle %s revision %d: %v", ch.Name, n.revision, err))
					continue
				}
				list = append(list, n)
			}
		}
		for _, res := range ch.Resources {
			if res.Image == nil {
				continue
			}
			n := namedImage{name: res.Image.Name, charm: ch.Name, resource: res.Name, revision: res.Revision, root: digest.Digest(res.Image.Digest)}
			if err := n.validate(); err != nil {
				problems = append(problems, fmt.Sprintf("charm %s, resource %s revision %d: %v", ch.Name, res.Name, res.Revision, err))
				continue
			}
			list = append(list, n)
		}
	}
	for _, r := range c.Repositories {
		more, bad := namedIn(&r)
		list, problems = append(list, more...), append(problems, bad...)
	}
	return list, problems
}

// namedIn returns the images of a repository that belong to no charm: under each of their tags, or under their digests.
func namedIn(r *catalog.Repository) (list []namedImage, problems []string) {
	add := func(name string, root digest.Digest) {
		n := namedImage{name: name, root: root}
		if err := n.validate(); err != nil {
			problems = append(problems, fmt.Sprintf("repository %s: %v", r.Name, err))
			return
		}
		list = append(list, n)
	}
	for _, i := range r.Images {
		if len(r.TagsOf(i.Digest)) == 0 {
			add(r.Name+"@"+i.Digest.String(), i.Digest)
		}
	}
	for _, t := range r.Tags {
		add(r.Name+":"+t.Tag, t.Digest)
	}
	return list, problems
}

// owner names the charm or the repository that gives an image its name.
func (n *namedImage) owner() string {
	if n.charm == "" {
		return "repository " + n.repository
	}
	return fmt.Sprintf("charm %s, resource %s", n.charm, n.resource)
}

// validate sets the reference, and refuses a name that contradicts the digest of its image.
func (n *namedImage) validate() (err error) {
	if n.reference, err = parseReference(n.name); err != nil || n.root == "" {
		return err
	}
	if err := blob.CheckDigest(n.root); err != nil {
		return err
	}
	if n.digest != "" && n.digest != n.root {
		return fmt.Errorf("image %q is %s", n.name, n.root)
	}
	return nil
}
