package server

import (
	"crypto/sha256"
	"crypto/sha3"
	"crypto/sha512"
	"encoding/hex"
	"strings"

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
func (r Registry) imageBlob(image *charm.Image) []byte {
	return charm.ImageBlob(r.Domain, image.Name, r.Username, r.Password)
}

// describe returns the download of a blob that is held in memory.
func describe(content []byte) charm.Download {
	sum256, sum384, sum512, sum3 := sha256.Sum256(content), sha512.Sum384(content), sha512.Sum512(content), sha3.Sum384(content)
	return charm.Download{SHA256: hex.EncodeToString(sum256[:]), SHA384: hex.EncodeToString(sum384[:]), SHA512: hex.EncodeToString(sum512[:]),
		SHA3384: hex.EncodeToString(sum3[:]), Size: int64(len(content))}
}
