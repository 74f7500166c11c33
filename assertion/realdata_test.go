package assertion_test

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"offlinestore/assertion"
)

// realdata returns the folder of genuine data, which is not part of the module.
func realdata(t testing.TB) string {
	t.Helper()
	if dir := os.Getenv("OFFLINESTORE_REALDATA"); dir != "" {
		return dir
	}
	root, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(root, "go.mod")); err == nil {
			break
		}
		if root == filepath.Dir(root) {
			t.Fatal("no go.mod above the test")
		}
		root = filepath.Dir(root)
	}
	dir := filepath.Join(root, "..", "shared", "realdata")
	if _, err := os.Stat(dir); err != nil {
		t.Skip("no genuine data: set OFFLINESTORE_REALDATA")
	}
	return dir
}

// readFiles returns the files that match a pattern below the genuine data, by path.
func readFiles(t testing.TB, pattern string) map[string][]byte {
	t.Helper()
	root := realdata(t)
	paths, err := filepath.Glob(filepath.Join(root, pattern))
	if err != nil {
		t.Fatal(err)
	}
	if len(paths) == 0 {
		t.Fatalf("%s: no such files", filepath.Join(root, pattern))
	}
	files := make(map[string][]byte)
	for _, path := range paths {
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		rel, _ := filepath.Rel(root, path)
		files[rel] = b
	}
	return files
}

func decode(t testing.TB, path string, b []byte) *assertion.Assertion {
	t.Helper()
	a, err := assertion.Decode(b)
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	return a
}

// genuine is the time of verification of the genuine data. It is fixed, so that the tests don't start to fail one day.
var genuine = time.Date(2026, 11, 20, 0, 0, 0, 0, time.UTC)

// recorded returns the assertions in recorded answers of the genuine store to a genuine snapd.
func recorded(t testing.TB) map[string]*assertion.Assertion {
	t.Helper()
	all := make(map[string]*assertion.Assertion)
	for path, b := range readFiles(t, "wire/*/*.resp.200.application_x.ubuntu.assertion.http") {
		resp, err := http.ReadResponse(bufio.NewReader(bytes.NewReader(b)), nil)
		if err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		all[path] = decode(t, path, body)
	}
	return all
}

func genuineVerifier(t testing.TB) *assertion.Verifier {
	t.Helper()
	set := assertion.NewSet()
	for _, a := range recorded(t) {
		set.Add(a)
	}
	for path, b := range readFiles(t, "asserts/verified/*/*.assert") {
		set.Add(decode(t, path, b))
	}
	return &assertion.Verifier{Trust: assertion.Canonical(), Source: set, Time: genuine}
}

func TestVerifiedFilesVerify(t *testing.T) {
	t.Parallel()
	v := genuineVerifier(t)
	for path, b := range readFiles(t, "asserts/verified/*/*.assert") {
		a := decode(t, path, b)
		if err := v.Verify(a); err != nil {
			t.Errorf("%s: %v", path, err)
		}
		if got, want := a.Raw(), bytes.TrimSuffix(b, []byte("\n")); !bytes.Equal(got, want) {
			t.Errorf("%s: Raw() differs from the file", path)
		}
	}
}

func TestRecordedAnswersVerify(t *testing.T) {
	t.Parallel()
	v := genuineVerifier(t)
	for path, a := range recorded(t) {
		if err := v.Verify(a); err != nil {
			t.Errorf("%s: %v", path, err)
		}
	}
}

func TestChainsVerify(t *testing.T) {
	t.Parallel()
	for path, b := range readFiles(t, "chains/*.assert") {
		all, err := assertion.DecodeAll(b)
		if err != nil {
			t.Errorf("%s: %v", path, err)
			continue
		}
		v := genuineVerifier(t)
		for _, a := range all {
			if err := v.Verify(a); err != nil {
				t.Errorf("%s: %v", path, err)
			}
		}
		var out bytes.Buffer
		if err := assertion.EncodeAll(&out, all); err != nil {
			t.Fatal(err)
		}
		if got, want := strings.TrimSpace(out.String()), strings.TrimSpace(string(b)); got != want {
			t.Errorf("%s: encoded again, the stream differs", path)
		}
	}
}

func TestBadSignaturesAreRefused(t *testing.T) {
	t.Parallel()
	v := genuineVerifier(t)
	for path, b := range readFiles(t, "asserts/negative-bad-signature/*/*.assert") {
		if err := v.Verify(decode(t, path, b)); !errors.Is(err, assertion.ErrBadSignature) {
			t.Errorf("%s: got %v, want %v", path, err, assertion.ErrBadSignature)
		}
	}
}

func TestMissingPrerequisitesAreNamed(t *testing.T) {
	t.Parallel()
	v := genuineVerifier(t)
	for path, b := range readFiles(t, "asserts/signature-ok-prereq-missing/*/*.assert") {
		a := decode(t, path, b)
		err := v.Verify(a)
		// These two have all prerequisites. They were signed with a key that became valid three months after their timestamp.
		// snapd refuses them too.
		if strings.Contains(path, "test-snapd-remodel-pc") {
			if !errors.Is(err, assertion.ErrKeyNotYetValid) {
				t.Errorf("%s: got %v, want %v", path, err, assertion.ErrKeyNotYetValid)
			}
			continue
		}
		want := "snap-declaration/16/" + a.HeaderString("snap-id")
		if a.Type() == "store" {
			want = "account/" + a.HeaderString("operator-id")
		}
		if missing, ok := errors.AsType[*assertion.MissingError](err); !ok || missing.Ref.String() != want {
			t.Errorf("%s: got %v, want that %s is missing", path, err, want)
		}
	}
}
