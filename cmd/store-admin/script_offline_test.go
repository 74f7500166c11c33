package main

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"

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
			if status == 0 {
				panic(http.ErrAbortHandler) // breaks the connection
			}
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(status)
			io.WriteString(w, body)
		}
	}
	mux.HandleFunc("/", answer(http.StatusNotFound, `{"code": "resource-not-found", "message": "there is nothing here", "error_list": []}`))
	pages := make(map[string]http.HandlerFunc)
	for i := 1; i+2 < len(args); i += 3 {
		status, err := strconv.Atoi(args[i+1])
		ts.Check(err)
		h := answer(status, args[i+2])
		if strings.Contains(args[i], "?") { // another page of a path
			pages[args[i]] = h
			continue
		}
		mux.HandleFunc(args[i], func(w http.ResponseWriter, r *http.Request) {
			if page := pages[r.URL.String()]; page != nil {
				page(w, r)
				return
			}
			h(w, r)
		})
	}
}
