package snap

import (
	"fmt"
	"regexp"
	"sync"
)

// Integrity describes integrity data of a revision. Devices verify each block of the snap with it. Type is dm-verity.
type Integrity struct {
	DataBlockSize uint64   `json:"data-block-size"`
	Digest        string   `json:"digest"`
	Download      Download `json:"download"`
	HashAlgorithm string   `json:"hash-algorithm"`
	HashBlockSize uint64   `json:"hash-block-size"`
	Salt          string   `json:"salt"`
	Type          string   `json:"type"`
	Version       string   `json:"version"`
}

// maxIntegrity bounds the integrity data of a revision. The store has one.
const maxIntegrity = 16

var (
	validWord   = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?$`)
	validHex    = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^([0-9a-f]{2}){1,64}$`) })
	validNumber = regexp.MustCompile(`^(0|[1-9][0-9]{0,8})$`)
)

// validate returns an error if i is invalid. snapd refuses a whole answer with a version that is no number.
func (i *Integrity) validate() error {
	switch {
	case !validWord.MatchString(i.Type):
		return fmt.Errorf("integrity: type %.40q", i.Type)
	case !validWord.MatchString(i.HashAlgorithm):
		return fmt.Errorf("integrity: hash-algorithm %.40q", i.HashAlgorithm)
	case !validNumber.MatchString(i.Version):
		return fmt.Errorf("integrity: version %.40q: want a number", i.Version)
	case !validHex().MatchString(i.Digest):
		return fmt.Errorf("integrity: digest %.40q: want hexadecimal digits", i.Digest)
	case i.Salt != "" && !validHex().MatchString(i.Salt):
		return fmt.Errorf("integrity: salt %.40q: want hexadecimal digits", i.Salt)
	}
	return nil
}

// FileName returns the name of the integrity data of a revision's file, without the name of the latter.
func (i *Integrity) FileName() string { return i.Type + "_" + i.Digest }

// validateIntegrity returns an error if the integrity data of r is invalid.
func (r *Revision) validateIntegrity() error {
	if len(r.Integrity) > maxIntegrity {
		return fmt.Errorf("integrity: %d entries, at most %d", len(r.Integrity), maxIntegrity)
	}
	seen := make(map[string]bool, len(r.Integrity))
	for k := range r.Integrity {
		i := &r.Integrity[k]
		if err := i.validate(); err != nil {
			return err
		}
		if seen[i.FileName()] {
			return fmt.Errorf("integrity: digest %s twice", i.Digest)
		}
		seen[i.FileName()] = true
	}
	return nil
}

// Downloads returns the downloads of r: the snap's own, then the components', then the integrity data's.
func (r *Revision) Downloads() []Download {
	out := []Download{r.Download}
	for _, c := range r.Components() {
		out = append(out, c.Download)
	}
	for i := range r.Integrity {
		out = append(out, r.Integrity[i].Download)
	}
	return out
}
