package server_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"

	"offlinestore/blob"
	"offlinestore/internal/s3test"
	"offlinestore/server"
)

// s3Store serves the catalogue of other tests from a bucket.
type s3Store struct {
	*httptest.Server
	proxy *s3test.Proxy
}

func newS3Store(t *testing.T, redirect bool, private bool) *s3Store {
	t.Helper()
	b := newBlobs(t)
	c := catalogue(b)
	if private {
		c.Snaps[2].Store = "acme-store"
	}
	dir, err := blob.Open(b.dir)
	if err != nil {
		t.Fatal(err)
	}
	proxy := s3test.Start(t).NewProxy(t)
	bucket := s3test.Open(t, proxy.URL)
	s3test.Copy(t, dir, bucket)
	staging, err := blob.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	places := blob.Places{Backend: bucket}
	if redirect {
		places.Redirect = bucket
	}
	s := server.New(server.Config{Blobs: staging.StorageIn(places), Operator: private})
	if err := s.SetSnapshot(c); err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewUnstartedServer(nil)
	srv.Config = s.HTTPServer("")
	srv.Start()
	t.Cleanup(srv.Close)
	return &s3Store{srv, proxy}
}

// ask sends a request, and follows redirects if follow is set.
func (s *s3Store) ask(t *testing.T, follow bool, method, file, ranges string) (*http.Response, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, s.URL+"/api/v1/snaps/download/"+file, nil)
	if err != nil {
		t.Fatal(err)
	}
	if ranges != "" {
		req.Header.Set("Range", ranges)
	}
	do := http.DefaultClient.Do
	if !follow {
		do = http.DefaultTransport.RoundTrip
	}
	resp, err := do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, string(body)
}

// TestDownloadFromS3 downloads through the server, and by redirects, which must look the same to a client that follows them.
func TestDownloadFromS3(t *testing.T) {
	t.Parallel()
	for _, redirect := range []bool{false, true} {
		s := newS3Store(t, redirect, false)
		for _, c := range []struct {
			method, file, ranges string
			status               int
			want                 string
		}{
			{"GET", jqID + "_6.snap", "", 200, "snap 1.6"},
			{"HEAD", jqID + "_6.snap", "", 200, ""},
			{"GET", jqID + "_6.snap", "bytes=5-", 206, "1.6"},
			{"GET", jqID + "_6.snap", "bytes=8-", 416, "-"},
			{"GET", jqID + "_6.snap", "bytes=0-1,3-4", 0, "-"},
			{"GET", jqID + "+docs_3.comp", "", 200, "component of jq"},
			{"GET", jqID + "_99.snap", "", 404, "-"},
		} {
			resp, body := s.ask(t, true, c.method, c.file, c.ranges)
			if c.status == 0 { // S3 itself may do as it likes
				if !redirect && (resp.StatusCode != 200 || body != "snap 1.6") {
					t.Errorf("several ranges: %d %q, want the whole", resp.StatusCode, body)
				}
				continue
			}
			if resp.StatusCode != c.status || c.want != "-" && body != c.want {
				t.Errorf("redirect %t: %s %s %s: %d %q, want %d %q", redirect, c.method, c.file, c.ranges, resp.StatusCode, body, c.status, c.want)
			}
			if resp.StatusCode == 200 && (resp.Header.Get("Content-Type") != "application/octet-stream" || resp.Header.Get("Content-Disposition") != `attachment; filename="`+c.file+`"`) {
				t.Errorf("redirect %t: %s %s: headers %v", redirect, c.method, c.file, resp.Header)
			}
		}
	}
}

// TestRedirectsAreShort checks the times of the URLs into S3, and that no cache keeps them.
func TestRedirectsAreShort(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		private bool
		want    string
	}{{false, "3600"}, {true, "120"}} {
		s := newS3Store(t, true, c.private)
		resp, _ := s.ask(t, false, "GET", jqID+"_6.snap", "")
		to, err := url.Parse(resp.Header.Get("Location"))
		if err != nil || resp.StatusCode != http.StatusFound || resp.Header.Get("Cache-Control") != "no-store" {
			t.Fatalf("private %t: %d, %v", c.private, resp.StatusCode, resp.Header)
		}
		if got := to.Query().Get("X-Amz-Expires"); got != c.want {
			t.Errorf("private %t: the URL is valid for %s seconds, want %s", c.private, got, c.want)
		}
	}
}

// TestS3IsDown checks that a device learns to try again, and that all goes on afterwards.
func TestS3IsDown(t *testing.T) {
	t.Parallel()
	for _, redirect := range []bool{false, true} {
		s := newS3Store(t, redirect, false)
		s.proxy.SetFault(func(*http.Request) s3test.Fault {
			return s3test.Fault{Status: http.StatusForbidden, Code: "AccessDenied"}
		})
		if resp, body := s.ask(t, true, "GET", jqID+"_6.snap", ""); resp.StatusCode != http.StatusServiceUnavailable || resp.Header.Get("Retry-After") == "" {
			t.Errorf("redirect %t: %d %q, want 503 and a time to try again", redirect, resp.StatusCode, body)
		}
		s.proxy.SetFault(nil)
		if resp, body := s.ask(t, true, "GET", jqID+"_6.snap", ""); resp.StatusCode != 200 {
			t.Errorf("redirect %t: %d %q afterwards", redirect, resp.StatusCode, body)
		}
	}
}
