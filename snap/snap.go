// Package snap holds the Snap Store's vocabulary: the messages of its HTTP API, for clients and for servers, the metadata in
// snap.yaml, and the description of a snap in a bundle.
//
// Times are kept as the text that the store sent, since the answers that devices get must not depend on our formatting. Validate
// accepts only RFC 3339.
package snap

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"

	exactjson "github.com/go-json-experiment/json"

	"offlinestore/strictjson"
)

// Limits for input from any source.
const (
	MaxNameLength = 40      // the Snap Store's limit
	MaxYAMLSize   = 1 << 20 // bytes of snap.yaml
	MaxRevision   = 1<<31 - 1
	// All is the architecture of a snap that runs on every one.
	All = "all"
)

var (
	validName = regexp.MustCompile(`^[a-z0-9](?:-?[a-z0-9])*$`)
	validID   = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[a-zA-Z0-9]{32}$`) })
	hasLetter = regexp.MustCompile(`[a-z]`)
	validArch = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[a-z0-9]{2,16}$`) })
)

// ValidateName returns an error if name is invalid for a snap.
func ValidateName(name string) error {
	if len(name) > MaxNameLength || !validName.MatchString(name) || !hasLetter.MatchString(name) {
		return fmt.Errorf("snap name %.60q: want lower-case letters, digits and single dashes, at most %d", name, MaxNameLength)
	}
	return nil
}

// ValidateID returns an error if id is no valid snap-id.
func ValidateID(id string) error {
	if !validID().MatchString(id) {
		return fmt.Errorf("snap-id %.60q: want 32 letters and digits", id)
	}
	return nil
}

// ValidateArchitecture returns an error if arch is no architecture in Debian's naming.
func ValidateArchitecture(arch string) error {
	if !validArch().MatchString(arch) {
		return fmt.Errorf("architecture %.40q: want a Debian architecture such as amd64 or arm64", arch)
	}
	return nil
}

// Publisher is the account that publishes a snap.
type Publisher struct {
	DisplayName string `json:"display-name"`
	ID          string `json:"id"`
	Username    string `json:"username"`
	Validation  string `json:"validation"`
}

// Media is an icon, screenshot or video. Sizes are in pixels, nil if the store doesn't know them.
type Media struct {
	Height *int   `json:"height"`
	Type   string `json:"type"`
	URL    string `json:"url"`
	Width  *int   `json:"width"`
}

// Category is a category of the store that a snap belongs to.
type Category struct {
	Featured bool   `json:"featured"`
	Name     string `json:"name"`
}

// Details holds the store's metadata of a snap by name, independent of the revision. Nil pointers are null in the JSON.
type Details struct {
	Categories  []Category          `json:"categories,omitempty"`
	Contact     *string             `json:"contact"`
	Description string              `json:"description"`
	License     *string             `json:"license"`
	Links       map[string][]string `json:"links,omitempty"`
	Media       []Media             `json:"media"`
	Prices      map[string]string   `json:"prices"`
	Private     bool                `json:"private"`
	Publisher   Publisher           `json:"publisher"`
	StoreURL    string              `json:"store-url,omitempty"`
	Summary     string              `json:"summary"`
	Title       string              `json:"title"`
	Website     *string             `json:"website"`
}

// Delta is a binary difference between two revisions. This store serves none.
type Delta struct {
	Format  string `json:"format"`
	Source  int    `json:"source"`
	Target  int    `json:"target"`
	Size    int64  `json:"size"`
	SHA3384 string `json:"sha3-384"`
	URL     string `json:"url"`
}

// Download holds the URL of a blob, its Size in bytes, and its SHA3384 in hex.
type Download struct {
	Deltas  []Delta `json:"deltas"`
	SHA3384 string  `json:"sha3-384"`
	Size    int64   `json:"size"`
	URL     string  `json:"url"`
}

// Resource is a component of a snap, released along with one of its revisions. Type is "component/<kind>".
type Resource struct {
	Architectures []string `json:"architectures,omitempty"`
	CreatedAt     string   `json:"created-at,omitempty"`
	Description   string   `json:"description,omitempty"`
	Download      Download `json:"download"`
	Name          string   `json:"name"`
	Revision      int      `json:"revision"`
	Type          string   `json:"type"`
	Version       string   `json:"version,omitempty"`
}

// Revision holds the store's metadata of one revision of a snap.
type Revision struct {
	Architectures []string    `json:"architectures"`
	Base          *string     `json:"base"`
	CommonIDs     []string    `json:"common-ids"`
	Confinement   string      `json:"confinement"`
	CreatedAt     string      `json:"created-at,omitempty"`
	Download      Download    `json:"download"`
	Epoch         Epoch       `json:"epoch"`
	Integrity     []Integrity `json:"integrity,omitempty"`
	Resources     []Resource  `json:"resources,omitempty"`
	Number        int         `json:"revision"`
	SnapYAML      string      `json:"snap-yaml,omitempty"`
	Type          string      `json:"type"`
	Version       string      `json:"version"`
	// Further are other revisions of components than the ones that are released along with the revision. A validation set pins them.
	// Bundles have this member, and the stores' own messages don't.
	Further []Resource `json:"further-resources,omitempty"`
	// Contents are known if a catalogue has parsed SnapYAML before.
	Contents *Contents `json:"-"`
}

// types are the values of Revision.Type that snapd understands. With any other value, its whole request fails.
var types = []string{"app", "application", "base", "os", "gadget", "kernel", "snapd"}

// Validate returns an error if r is invalid. It does not read the blob.
func (r *Revision) Validate() error {
	switch {
	case r.Number < 1 || r.Number > MaxRevision:
		return fmt.Errorf("revision %d: out of range", r.Number)
	case !slices.Contains(types, r.Type):
		return fmt.Errorf("revision %d: unknown type %.40q", r.Number, r.Type)
	case len(r.Architectures) == 0:
		return fmt.Errorf("revision %d: no architectures", r.Number)
	case r.Base != nil && *r.Base != "" && ValidateName(*r.Base) != nil:
		return fmt.Errorf("revision %d: base: %w", r.Number, ValidateName(*r.Base))
	}
	if r.SnapYAML != "" {
		if _, err := ParseYAML(r.SnapYAML); err != nil {
			return fmt.Errorf("revision %d: %w", r.Number, err)
		}
	}
	for _, a := range r.Architectures {
		if err := ValidateArchitecture(a); err != nil {
			return fmt.Errorf("revision %d: %w", r.Number, err)
		}
	}
	if err := ValidateTime(r.CreatedAt); err != nil {
		return fmt.Errorf("revision %d: created-at: %w", r.Number, err)
	}
	if err := r.validateComponents(); err != nil {
		return fmt.Errorf("revision %d: %w", r.Number, err)
	}
	if err := r.validateIntegrity(); err != nil {
		return fmt.Errorf("revision %d: %w", r.Number, err)
	}
	return nil
}

// Supports reports whether r runs on arch.
func (r *Revision) Supports(arch string) bool {
	return slices.Contains(r.Architectures, arch) || slices.Contains(r.Architectures, All)
}

// Snap is a revision together with the metadata of its snap, as in refresh answers.
type Snap struct {
	Name   string `json:"name"`
	SnapID string `json:"snap-id"`
	Details
	Revision
}

// Epoch lists the data formats that a revision reads and writes.
type Epoch struct {
	Read  []uint32 `json:"read"`
	Write []uint32 `json:"write"`
}

// UnmarshalJSON accepts each form in use: null, "1", "1*" (which also reads the epoch before) and {read, write}.
func (e *Epoch) UnmarshalJSON(b []byte) error {
	switch {
	case string(b) == "null":
		*e = Epoch{Read: []uint32{0}, Write: []uint32{0}}
		return nil
	case len(b) > 0 && b[0] == '"':
		var s string
		if err := json.Unmarshal(b, &s); err != nil {
			return err
		}
		return e.parse(s)
	}
	// The standard library accepts the names in any spelling, and in a signed bundle another reader would see another epoch.
	type plain Epoch
	return exactjson.Unmarshal(b, (*plain)(e))
}

func (e *Epoch) parse(s string) error {
	if s == "" {
		s = "0"
	}
	digits, star := strings.CutSuffix(s, "*")
	n, err := strconv.ParseUint(digits, 10, 32)
	if err != nil || star && n == 0 {
		return fmt.Errorf("epoch %.20q: want a number, with * if it reads the one before", s)
	}
	*e = Epoch{Read: []uint32{uint32(n)}, Write: []uint32{uint32(n)}}
	if star {
		e.Read = []uint32{uint32(n) - 1, uint32(n)}
	}
	return nil
}

// MarshalJSON encodes an empty epoch as epoch 0.
func (e Epoch) MarshalJSON() ([]byte, error) {
	type plain Epoch
	p := plain(e)
	if len(p.Read) == 0 {
		p.Read = []uint32{0}
	}
	if len(p.Write) == 0 {
		p.Write = []uint32{0}
	}
	return json.Marshal(p)
}

// CanRead reports whether a snap of this epoch can read the data that a snap of the epoch installed wrote.
func (e Epoch) CanRead(installed Epoch) bool {
	read, written := e.Read, installed.Write
	if len(read) == 0 {
		read = []uint32{0}
	}
	if len(written) == 0 {
		written = []uint32{0}
	}
	return slices.ContainsFunc(written, func(w uint32) bool { return slices.Contains(read, w) })
}

var errTime = errors.New("want a time in RFC 3339")

// ValidateTime returns an error unless s is empty or a time in RFC 3339.
func ValidateTime(s string) error {
	if s != "" && !strictjson.IsTime(s) {
		return fmt.Errorf("%.40q: %w", s, errTime)
	}
	return nil
}
