package server

import (
	"net/http"
	"slices"
	"strconv"
	"strings"

	"offlinestore/snap"
)

// typeSnapd is the type of the snap that snapd itself comes in.
const typeSnapd = "snapd"

// legacyType returns a type that old clients know. snapd before 2.36 drops a whole answer with a type that it does not know.
func legacyType(t string) string {
	if t == typeSnapd {
		return "app"
	}
	return t
}

// isOldClient reports whether a request comes from a snapd that does not know the type snapd: a release before 2.36.
func isOldClient(r *http.Request) bool {
	rest, ok := strings.CutPrefix(r.UserAgent(), "snapd/2.")
	if !ok {
		return false
	}
	end := strings.IndexFunc(rest, func(c rune) bool { return c < '0' || c > '9' })
	if end < 0 {
		end = len(rest)
	}
	minor, err := strconv.Atoi(rest[:end])
	return err == nil && minor < 36
}

// clientFields returns the set of the fields in names, with values that the client of a request knows.
func clientFields(r *http.Request, names []string) fieldSet {
	set := newFieldSet(names)
	if isOldClient(r) {
		return set.forOldClients()
	}
	return set
}

// varyByClient tells caches that an answer about rev depends on the client, if that is so. Other answers stay shared: the User-Agent
// of snapd names even the kernel.
func varyByClient(w http.ResponseWriter, rev *indexedRevision) {
	if h := w.Header(); rev.kind == typeSnapd && !slices.Contains(h["Vary"], "User-Agent") {
		h.Add("Vary", "User-Agent")
	}
}

// headerArchitecture returns the architecture that the headers of a GET request name, and tells caches that the answer depends on them.
func headerArchitecture(w http.ResponseWriter, r *http.Request) string {
	w.Header().Add("Vary", snap.HeaderArchitecture+", X-Ubuntu-Architecture")
	return architecture(r)
}
