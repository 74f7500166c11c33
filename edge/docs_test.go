package edge

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"offlinestore/internal/doctest"
)

// TestTableOfBadUpstreams compares the table in docs/errors.md with the tests: the same rows, the same answers.
func TestTableOfBadUpstreams(t *testing.T) {
	t.Parallel()
	rows := map[string]struct {
		status string
		test   func(*testing.T)
	}{
		"upstream that sends other bytes of a file":                      {"cut", TestLyingUpstream},
		"upstream that sends a web page in place of a file":              {"502", TestLyingUpstream},
		"upstream, or a portal before it, that answers with web pages":   {"502", TestLyingUpstream},
		"answer of upstream over 16 MiB, or without an end":              {"502", TestEndlessAnswer},
		"upstream that does not answer, and nothing is kept":             {"502", TestInstall},
		"request to another host":                                        {"421", TestOtherHosts},
		"address of a file that this store has not made, or with an end": {"403", TestOtherHosts},
		"device service that is not listed, or not by https":             {"403", TestDeviceServices},
		"device service that redirects":                                  {"502", TestDeviceServices},
		"session of the time in air-gapped mode":                         {"401", TestOwnSession},
	}
	want := map[string]string{}
	for row, r := range rows {
		want[row] = r.status
	}
	if diff := cmp.Diff(want, doctest.BadInput(t, "Bad upstreams")); diff != "" {
		t.Errorf("the table of bad upstreams (-tests +docs/errors.md):\n%s", diff)
	}
}
