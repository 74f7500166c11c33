// Package s3test gives each test a bucket of its own on a real S3 server, versitygw, and a proxy in front of the server that makes faults.
//
// The first test of a process starts the server. It ends with the process.
package s3test

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"offlinestore/blob"
	"offlinestore/internal/freeport"
)

// Version is the version of versitygw.
const Version = "v1.8.0"

// The keys of the server.
const (
	AccessKey = "TESTACCESSKEY"
	SecretKey = "a-secret-of-the-tests"
	Region    = "us-east-1"
)

const (
	buildTime = 10 * time.Minute
	startTime = time.Minute
)

// Server is a running S3 server.
type Server struct {
	// URL is the one of the server.
	URL string
	// Dir has a folder for each bucket.
	Dir string
	// alive is the standard input of the server, which stays open.
	alive io.Closer
}

// Start returns the server of this process. If it can't be built, the test is skipped, or fails if the variable CI is set.
func Start(tb testing.TB) *Server {
	tb.Helper()
	s, err := start()
	if err != nil {
		if os.Getenv("CI") != "" {
			tb.Fatalf("start versitygw: %v", err)
		}
		tb.Skipf("needs versitygw: %v", err)
	}
	return s
}

// NewBucket returns a name for a bucket.
func NewBucket() string { return "test-" + strings.ToLower(rand.Text()) }

var start = sync.OnceValues(func() (*Server, error) {
	ctx, cancel := context.WithTimeout(context.Background(), buildTime)
	defer cancel()
	path, err := Binary(ctx)
	if err != nil {
		return nil, err
	}
	parent := os.TempDir()
	if free, err := blob.Free("/dev/shm"); err == nil && free > 2<<30 {
		parent = "/dev/shm"
	}
	dir, err := os.MkdirTemp(parent, "s3test-")
	if err != nil {
		return nil, err
	}
	return run(path, dir)
})

// script runs a server until its standard input ends, then removes its folder. So even a killed process leaves nothing behind.
const script = `"$@" & pid=$!; cat >/dev/null; kill "$pid"; wait "$pid"; rm -rf "$DIR"`

func run(path, dir string) (*Server, error) {
	for _, sub := range []string{"buckets", "meta"} {
		if err := os.Mkdir(filepath.Join(dir, sub), 0o755); err != nil {
			return nil, err
		}
	}
	address, err := freeport.Address()
	if err != nil {
		return nil, err
	}
	s := &Server{URL: "http://" + address, Dir: filepath.Join(dir, "buckets")}
	cmd := exec.Command("sh", "-c", script, "sh", path, "--port", address, "--access", AccessKey, "--secret", SecretKey, "--region", Region, "--quiet",
		"posix", "--sidecar", filepath.Join(dir, "meta"), s.Dir)
	cmd.Env = append(os.Environ(), "DIR="+dir)
	cmd.SysProcAttr = ownSession()
	log, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		return nil, err
	}
	defer log.Close()
	cmd.Stdout, cmd.Stderr = log, log
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	s.alive = in
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	return s, s.await()
}

// await waits until the server answers.
func (s *Server) await() error {
	for end := time.Now().Add(startTime); ; time.Sleep(20 * time.Millisecond) {
		r, err := http.Get(s.URL)
		if err == nil {
			r.Body.Close()
			return nil
		}
		if time.Now().After(end) {
			text, _ := os.ReadFile(filepath.Join(filepath.Dir(s.Dir), "log"))
			return fmt.Errorf("versitygw does not answer: %w\n%s", err, text)
		}
	}
}

// Binary returns the path of versitygw, which it builds once for a user. Processes that ask at the same time wait for one build.
func Binary(ctx context.Context) (string, error) {
	if path, err := exec.LookPath("versitygw"); err == nil {
		return path, nil
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		cache = os.TempDir() // HOME is not set, as in a bare container
	}
	dir := filepath.Join(cache, "offlinestore-test", "versitygw-"+Version)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	path := filepath.Join(dir, "versitygw")
	unlock, err := blob.Lock(ctx, dir+".lock")
	if err != nil {
		return "", err
	}
	defer unlock()
	if _, err := os.Stat(path); err == nil {
		return path, nil
	}
	cmd := exec.CommandContext(ctx, "go", "install", "github.com/versity/versitygw/cmd/versitygw@"+Version)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOBIN="+dir, "GOFLAGS=", "GOWORK=off", "CGO_ENABLED=0", "GOOS=", "GOARCH=")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", errors.Join(fmt.Errorf("go install versitygw: %w\n%s", err, out), os.Remove(path))
	}
	return path, nil
}
