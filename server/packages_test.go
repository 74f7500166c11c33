package server_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"offlinestore/server"
	"offlinestore/transfer"
)

// TestPackagesCountWhileTheyGrow builds an answer that is larger than one client may hold. It ends while it is built.
func TestPackagesCountWhileTheyGrow(t *testing.T) {
	t.Parallel()
	const large, most = 1 << 20, 100
	added, err := 0, error(nil)
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		added, err = server.AddPackage(r, strings.Repeat("a", large), most)
	}))
	guard := transfer.NewGuard()
	guard.Protect(srv.Config)
	srv.Listener = guard.Listen(srv.Listener, 100)
	srv.Start()
	defer srv.Close()
	resp, gerr := http.Get(srv.URL)
	if gerr != nil {
		t.Fatal(gerr)
	}
	resp.Body.Close()
	if !errors.Is(err, transfer.ErrBusy) || added < 2 || added > 24 {
		t.Errorf("%d entries of 1 MiB were built, %v; want ErrBusy after a few", added, err)
	}
}
