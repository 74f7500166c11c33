package server

import (
	"crypto/sha256"
	"crypto/sha3"
	"crypto/sha512"
	"encoding/hex"
	"strings"

	"offlinestore/charm"
)

// Registry is where the images of charms are, for those who pull them. A resource that stands for an image is a small file made of it,
// so its hashes change with it.
type Registry struct {
	// Domain is the registry's host or host:port. Empty takes this store's own host, with Port instead of its port.
	Domain string
	Port   string
	// Username and Password are what the registry asks for; both are empty where it is open to everyone.
	Username, Password string
}

// registry returns where images are, for answers whose URLs begin with origin: always with a domain.
func (s *Server) registry(origin string) Registry {
	r := s.settings.Load().Registry
	if r.Domain != "" {
		return r
	}
	_, host, _ := strings.Cut(origin, "://")
	if i := strings.LastIndexByte(host, ':'); i > strings.LastIndexByte(host, ']') {
		host = host[:i]
	}
	host = strings.TrimSuffix(host, ".") // which a URL may end in, but no reference to an image
	if r.Domain = host; r.Port != "" {
		r.Domain += ":" + r.Port
	}
	return r
}

// imageBlob is the file that tells Juju where the image of a resource is.
func (r Registry) imageBlob(image *charm.Image) []byte {
	return charm.ImageBlob(r.Domain, image.Name, r.Username, r.Password)
}

// describe returns what is advertised of a blob that is held in memory.
func describe(content []byte) charm.Download {
	sum256, sum384, sum512, sum3 := sha256.Sum256(content), sha512.Sum384(content), sha512.Sum512(content), sha3.Sum384(content)
	return charm.Download{SHA256: hex.EncodeToString(sum256[:]), SHA384: hex.EncodeToString(sum384[:]), SHA512: hex.EncodeToString(sum512[:]),
		SHA3384: hex.EncodeToString(sum3[:]), Size: int64(len(content))}
}
