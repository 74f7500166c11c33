package server

import (
	"crypto/sha256"
	"crypto/sha3"
	"crypto/sha512"
	"encoding/hex"
	"net/http"
	"strings"

	"offlinestore/catalog"
	"offlinestore/charm"
)

// Registry is the registry from which clusters pull the images of charms. A resource that stands for an image is a small file with
// this address in it, so the hashes of the file change with the address.
type Registry struct {
	// Domain is the registry's host or host:port. If it is empty, images are at this store's own host, on Port.
	Domain string
	Port   string
	// Username and Password log in to the registry. Both are empty for a registry that is open to everyone.
	Username, Password string
}

// ImageRegistry returns the registry that clients are sent to for images, in an answer to r. Its Domain is never empty.
func (s *Server) ImageRegistry(r *http.Request) Registry { return s.registry(s.Origin(r)) }

// registry returns the registry of images for answers whose URLs begin with origin. Its Domain is never empty.
func (s *Server) registry(origin string) Registry {
	r := s.settings.Load().Registry
	if r.Domain != "" {
		return r
	}
	_, host, _ := strings.Cut(origin, "://")
	if i := strings.LastIndexByte(host, ':'); i > strings.LastIndexByte(host, ']') {
		host = host[:i]
	}
	host = strings.TrimSuffix(host, ".") // a URL may end its host in a dot, but a reference to an image may not
	if r.Domain = host; r.Port != "" {
		r.Domain += ":" + r.Port
	}
	return r
}

// imageBlob returns the file that tells Juju where the image of a resource is.
func (s *Server) imageBlob(r Registry, res *charmResource) []byte {
	return charm.ImageBlob(r.Domain, s.imageName(res), r.Username, r.Password)
}

// imageName returns the name under which clusters pull the image of res. Our own registry has the image that was exported, so the name
// has its digest. Another registry may hold an image of the operator's under the tag, and gets the tag unless it stands for several images.
func (s *Server) imageName(res *charmResource) string {
	if res.ambiguous || res.here && s.settings.Load().Registry.Domain == "" {
		return res.Image.Pinned()
	}
	return res.Image.Name
}

// setImageNames decides which images of resources are named by their digests.
func (cc *charmContent) setImageNames(c *catalog.Snapshot) {
	images := make(map[string]bool, len(c.Images))
	for _, m := range c.Images {
		images[m.Digest.String()] = true
	}
	var uses []charm.ImageUse
	var list []*charmResource
	for _, ch := range cc.charms {
		released := make(map[charm.ResourceRef]bool)
		for _, row := range ch.channels.Open() {
			for _, res := range row.Value.resources {
				released[charm.ResourceRef{Name: res.Name, Revision: res.Revision}] = true
			}
		}
		for ref, res := range ch.resources {
			if res.Image == nil {
				continue
			}
			res.here = images[res.Image.Digest]
			list = append(list, res)
			uses = append(uses, charm.ImageUse{Charm: ch.Name, Resource: ref.Name, Revision: ref.Revision, Image: res.Image, Released: released[ref]})
		}
	}
	uses = append(uses, bundleImages(c)...)
	tags := charm.NewImageTags(uses)
	for _, res := range list {
		res.ambiguous = !tags.Names(res.Image)
	}
}

// bundleImages returns the images that charm bundles name. All count, because models may have been made of any revision.
func bundleImages(c *catalog.Snapshot) (uses []charm.ImageUse) {
	for _, ch := range c.Charms {
		for _, r := range ch.Revisions {
			for i := range r.Images {
				uses = append(uses, charm.ImageUse{Charm: ch.Name, Revision: r.Revision.Number, Image: &r.Images[i], Released: true})
			}
		}
	}
	return uses
}

// describe returns the download of a blob that is held in memory.
func describe(content []byte) charm.Download {
	sum256, sum384, sum512, sum3 := sha256.Sum256(content), sha512.Sum384(content), sha512.Sum512(content), sha3.Sum384(content)
	return charm.Download{SHA256: hex.EncodeToString(sum256[:]), SHA384: hex.EncodeToString(sum384[:]), SHA512: hex.EncodeToString(sum512[:]),
		SHA3384: hex.EncodeToString(sum3[:]), Size: int64(len(content))}
}
