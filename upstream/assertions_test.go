package upstream_test

import (
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"offlinestore/assertion"
	"offlinestore/upstream"
)

// assertions returns a store that answers with the newest format of a requested text. The key of texts is the path.
func assertions(texts map[string]map[int]string, asked *[]int) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n, err := strconv.Atoi(r.URL.Query().Get("max-format"))
		if err != nil || r.Header.Get("Accept") != "application/x.ubuntu.assertion" {
			http.Error(w, "bad request", 400)
			return
		}
		*asked = append(*asked, n)
		for ; n >= 0; n-- {
			if text, ok := texts[r.URL.Path][n]; ok {
				io.WriteString(w, text)
				return
			}
		}
		w.Header().Set("Content-Type", "application/problem+json")
		w.WriteHeader(404)
		io.WriteString(w, `{"error-list":[{"code":"not-found","message":"not found"}]}`)
	})
}

// declaration returns a well-formed declaration without a valid signature, since the client verifies none.
func declaration(id string, format int) string {
	f := ""
	if format > 0 {
		f = "format: " + strconv.Itoa(format) + "\n"
	}
	return "type: snap-declaration\n" + f + "authority-id: canonical\nseries: 16\nsnap-id: " + id + "\npublisher-id: canonical\nsnap-name: jq\n" +
		"timestamp: 2016-01-01T00:00:00Z\nsign-key-sha3-384: BWDEoaqyr25nF5SNCvEv2v7QnM9QsfCc0PBMYD_i2NGSQ32EF2d4D0hqUel3m8ul\n\nAcLB"
}

func TestSnapDeclarations(t *testing.T) {
	t.Parallel()
	tests := []struct {
		stored, asked, got []int
	}{
		{[]int{0}, []int{7}, []int{0}},
		{[]int{7, 5, 4, 0}, []int{7, 6, 4, 3}, []int{7, 5, 4, 0}},
		{[]int{6, 3}, []int{7, 5, 2}, []int{6, 3}},
		{[]int{2, 1}, []int{7}, []int{2}},
		{nil, []int{7}, nil},
	}
	for _, tt := range tests {
		path := "/v2/assertions/snap-declaration/16/" + jqID
		texts := map[int]string{}
		for _, f := range tt.stored {
			texts[f] = declaration(jqID, f)
		}
		var asked, got []int
		c, _ := newClient(t, assertions(map[string]map[int]string{path: texts}, &asked), upstream.Config{})
		all, err := c.SnapDeclarations(t.Context(), jqID)
		if (err != nil) != (tt.stored == nil) || err != nil && !errors.Is(err, upstream.ErrNotFound) {
			t.Errorf("SnapDeclarations with %v stored: %v", tt.stored, err)
		}
		for _, a := range all {
			got = append(got, a.Format())
			if string(a.Raw()) != texts[a.Format()] {
				t.Errorf("format %d is not as the store sent it", a.Format())
			}
		}
		if d := cmp.Diff(tt.got, got) + cmp.Diff(tt.asked, asked); d != "" {
			t.Errorf("with %v stored: formats got and asked for (-want +got):\n%s", tt.stored, d)
		}
	}
}

func TestAssertionRefusesWrongAnswers(t *testing.T) {
	t.Parallel()
	other := strings.Replace(jqID, "6", "7", 1)
	tests := map[string]struct{ body, want string }{
		"another subject": {declaration(other, 0), "answered with snap-declaration/16/" + other},
		"newer format":    {declaration(jqID, 3), "in format 3"},
		"garbage":         {"hotel wifi", "decode the store's answer"},
		"trailing":        {declaration(jqID, 0) + "\n\n<html>", "decode the store's answer"},
		"nothing":         {"", "empty"},
		"huge":            {strings.Repeat("x", 5<<20), "over the limit"},
	}
	for name, tt := range tests {
		c, _ := newClient(t, text(tt.body), upstream.Config{})
		_, err := c.Assertion(t.Context(), "snap-declaration", []string{"16", jqID}, 2)
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: Assertion = %v, want %q", name, err, tt.want)
		}
	}
}

func TestAssertionNotFound(t *testing.T) {
	t.Parallel()
	var asked []int
	c, _ := newClient(t, assertions(nil, &asked), upstream.Config{})
	_, err := c.Assertion(t.Context(), "account", []string{"canonical"}, 0)
	if !errors.Is(err, upstream.ErrNotFound) || !errors.Is(err, assertion.ErrNotFound) {
		t.Errorf("Assertion = %v, want ErrNotFound of both packages", err)
	}
	// A 404 of a web server without the API doesn't mean that there is no assertion.
	c, _ = newClient(t, http.NotFoundHandler(), upstream.Config{})
	if _, err := c.Assertion(t.Context(), "account", []string{"canonical"}, 0); err == nil || errors.Is(err, upstream.ErrNotFound) {
		t.Errorf("Assertion = %v, want an error other than ErrNotFound", err)
	}
	for _, pk := range [][]string{{".."}, {"."}, {""}, {"a/b"}, {}, {"a", "b"}} {
		if _, err := c.Assertion(t.Context(), "account", pk, 0); err == nil || strings.Contains(err.Error(), "404") {
			t.Errorf("Assertion(account, %q) = %v, want it refused before it is asked", pk, err)
		}
	}
	if _, err := c.Assertion(t.Context(), "no-such-type", []string{"x"}, 0); !errors.Is(err, assertion.ErrUnsupported) {
		t.Errorf("Assertion of an unknown type = %v", err)
	}
}

func TestAssertionGenuine(t *testing.T) {
	t.Parallel()
	body := wireBody(t, "010.resp.200.application_x.ubuntu.assertion.http")
	var path string
	c, _ := newClient(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		path = r.URL.RequestURI()
		w.Write(body)
	}), upstream.Config{})
	digest := "2D3OSmGI2YTHT_0BSMzC-46T5-WIbkZAiBfdEweK5wsYCECBKwj6rkpGqs_8VSND"
	for _, pk := range [][]string{{digest}, {digest, "global-upload"}} {
		a, err := c.Assertion(t.Context(), "snap-revision", pk, 0)
		if err != nil {
			t.Fatal(err)
		}
		if a.HeaderString("snap-size") != "8192" || string(a.Raw()) != strings.TrimSuffix(string(body), "\n") {
			t.Errorf("Assertion = %q", a.Raw())
		}
		if want := "/v2/assertions/snap-revision/" + digest + "?max-format=0"; path != want {
			t.Errorf("asked for %s, want %s", path, want)
		}
	}
}
