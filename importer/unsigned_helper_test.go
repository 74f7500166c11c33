package importer_test

import (
	"bytes"
	"fmt"
	"testing"

	"offlinestore/charm"
	"offlinestore/importer"
	"offlinestore/internal/canonicaltest"
)

// member is a file of an archive.
type member = canonicaltest.Member

// tarGz packs files as the original store-admin does.
func tarGz(t testing.TB, members ...member) string {
	t.Helper()
	return canonicaltest.TarGz(t, members...)
}

// read reads a file of the original store-admin.
func (s *site) read(name, file string) (*importer.Unsigned, error) {
	return s.ReadUnsigned(s.t.Context(), name, bytes.NewReader([]byte(file)), int64(len(file)), nil)
}

func (s *site) mustRead(name, file string) *importer.Unsigned {
	s.t.Helper()
	u, err := s.read(name, file)
	if err != nil {
		s.t.Fatal(err)
	}
	return u
}

// rowsOf prints the channel map of a charm.
func rowsOf(list []charm.Release) []string {
	out := []string{}
	for _, r := range list {
		base := "no base"
		if r.Base != nil {
			base = r.Base.String()
		}
		out = append(out, fmt.Sprintf("%s for %s: %d %v", r.Channel, base, r.Revision, r.Resources))
	}
	return out
}
