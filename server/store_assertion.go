package server

import (
	"net/http"

	"offlinestore/snap"
	"offlinestore/transfer"
)

// The path of the store assertion, and the header of its answer with the store's ID. launchpad-buildd reads only the header. Juju
// looks for type, store and url in the text, in this order. snapd acknowledges the text.
const (
	storeAssertionPath = "/v2/auth/store/assertions"
	headerStoreID      = "X-Assertion-Store-Id"
)

// storeAssertion answers with the stream as issued, byte for byte: it is signed, and clients search its text.
func (s *Server) storeAssertion(w http.ResponseWriter, r *http.Request) {
	l := s.settings.Load()
	if len(l.StoreAssertion) == 0 {
		s.fail(w, r, http.StatusNotFound, codeUnsupported, "this store has no store assertion: its operator has to register the store, "+
			"or to import the assertion; without one, devices reach it by SNAPPY_FORCE_API_URL")
		return
	}
	w.Header().Set(headerStoreID, l.StoreID)
	w.Header().Set("Cache-Control", "no-cache")
	transfer.WriteText(w, http.StatusOK, snap.AssertionMediaType, l.StoreAssertion)
}
