package main

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"

	"github.com/rogpeppe/go-internal/testscript"

	"offlinestore/server/admin/api"
)

// serveOffline implements offline VARIABLE [PATH STATUS BODY]..., which serves the administration of an air-gapped store that proves its
// identity, and answers the given paths. Others are 404, as in a store without a publisher gateway. The variable gets the URL. The scripts of
// snap-store-proxy have real stores.
func serveOffline(ts *testscript.TestScript, neg bool, args []string) {
	identity := api.NewIdentity(args[0])
	mux := http.NewServeMux()
	srv := httptest.NewServer(mux)
	ts.Defer(srv.Close)
	ts.Setenv(args[0], srv.URL)
	ts.Setenv("RUNTIME_DIRECTORY", ts.MkAbs("run")) // a killed service of another test may have left a socket in the system's
	mux.HandleFunc("POST "+api.IdentityPath, func(w http.ResponseWriter, r *http.Request) {
		var q api.IdentityRequest
		if json.NewDecoder(r.Body).Decode(&q) != nil {
			http.Error(w, "{}", http.StatusBadRequest)
			return
		}
		answer, err := identity.Prove(srv.URL, q)
		if err != nil {
			http.Error(w, "{}", http.StatusBadRequest)
			return
		}
		json.NewEncoder(w).Encode(answer)
	})
	answer := func(status int, body string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(status)
			io.WriteString(w, body)
		}
	}
	mux.HandleFunc("/", answer(http.StatusNotFound, `{"code": "resource-not-found", "message": "there is nothing here", "error_list": []}`))
	for i := 1; i+2 < len(args); i += 3 {
		mux.HandleFunc(args[i], answer(map[string]int{"200": 200, "201": 201, "401": 401, "403": 403, "409": 409, "503": 503}[args[i+1]], args[i+2]))
	}
}
