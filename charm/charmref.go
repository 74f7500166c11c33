package charm

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// errCharmStore reports a charm of the store that preceded Charmhub.
var errCharmStore = errors.New("the Charm Store (cs:) was closed in 2023")

// charmRef is the value of the field charm in a charm bundle.
type charmRef struct {
	name     string
	local    bool
	revision *int
	// arch and series are empty if the reference has none.
	arch, series string
}

var endsInRevision = regexp.MustCompile(`^(.*)-([0-9]+)$`)

// parseCharmRef parses the charm of an application: a name, a URL such as ch:amd64/jammy/name-5 (only the name is required), or a
// local path.
func parseCharmRef(s string) (*charmRef, error) {
	if len(s) > maxValue {
		return nil, fmt.Errorf("charm %.60q…: longer than %d bytes", s, maxValue)
	}
	if strings.HasPrefix(s, "local:") || strings.HasSuffix(s, ".charm") || isPath(s) || s == "." {
		return &charmRef{name: s, local: true}, nil
	}
	if strings.HasPrefix(s, "cs:") || strings.HasPrefix(s, "~") {
		return nil, errCharmStore
	}
	r := &charmRef{}
	parts := strings.Split(strings.TrimPrefix(s, "ch:"), "/")
	r.name = parts[len(parts)-1]
	if m := endsInRevision.FindStringSubmatch(r.name); m != nil {
		n, err := strconv.Atoi(m[2])
		if err != nil || validateRevision(n, 0) != nil {
			return nil, fmt.Errorf("charm %.60q: revision out of range", s)
		}
		r.name, r.revision = m[1], &n
	}
	if err := r.setFront(parts[:len(parts)-1]); err != nil {
		return nil, fmt.Errorf("charm %.60q: %w", s, err)
	}
	if err := ValidateName(r.name); err != nil {
		return nil, err
	}
	return r, nil
}

// setFront parses the part before the name: an architecture, a series or both.
func (r *charmRef) setFront(front []string) error {
	if len(front) > 0 && slices.Contains(Architectures(), front[0]) {
		r.arch, front = front[0], front[1:]
	}
	if len(front) == 0 {
		return nil
	}
	if _, err := ParseBase(front[0]); err != nil || len(front) > 1 {
		return errors.New("want a name, ch:name or a path")
	}
	r.series = front[0]
	return nil
}

// Architectures returns the architectures of Juju's machines.
func Architectures() []string {
	return []string{"amd64", "arm64", "armhf", "i386", "ppc64el", "riscv64", "s390x"}
}
