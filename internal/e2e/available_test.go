//go:build linux

package e2e_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"offlinestore/internal/s3test"
	"offlinestore/internal/upstreamtest"
)

// site is a store of several servers: two processes of serve, HAProxy in front of them, S3 with two gateways, and a PostgreSQL with a replica.
type site struct {
	t                *testing.T
	outside          *outside
	up               *origin
	servers          [2]*inside
	processes        map[string]*process
	primary, replica *database
	url              string
}

// TestHighAvailability kills each part of a store in turn while devices ask and operators push, and promotes the replica of the database. No request
// of a device fails, and no push is lost.
func TestHighAvailability(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("takes a minute; CI runs it")
	}
	need(t, "haproxy")
	s := newSite(t)
	load := s.startLoad()
	pushes := s.startPushes()
	pushes.await(2)
	for _, name := range []string{"store-1", "store-2", "gateway-1", "gateway-2"} {
		s.processes[name].kill()
		before := pushes.done()
		time.Sleep(2 * time.Second)
		s.processes[name].start()
		s.awaitHealth(name)
		time.Sleep(balancerTime)
		pushes.await(before + 1)
	}
	s.primary.kill()
	before := pushes.done()
	time.Sleep(2 * time.Second)
	s.replica.promote()
	pushes.await(before + 2)
	last := pushes.stop()
	load.stop()
	for i, in := range s.servers {
		in.await("greeter", "stable", last)
		if out := in.proxy("status"); strings.Count(out, "running since") != 2 {
			t.Errorf("status of host %d does not show two servers:\n%s", i+1, out)
		}
	}
	t.Logf("%d pushes, %d answers and %d downloads, of which %d were continued", last, load.answers.Load(), load.downloads.Load(), load.resumed.Load())
	if load.answers.Load() < 1000 || load.downloads.Load() < 20 {
		t.Error("that is too little to show anything")
	}
}

func newSite(t *testing.T) *site {
	t.Helper()
	s := &site{t: t, up: newOrigin(t), processes: make(map[string]*process)}
	s.up.addSnap("greeter")
	s.outside = newOutside(t, s.up.url, s.up.Stack.RootStream())
	dir := newDir(t)
	s.primary, s.replica = newDatabases(t, dir)
	s.startGateways(dir)
	stores := [2]string{freeAddress(t), freeAddress(t)}
	bind, objects := freeAddress(t), freeAddress(t)
	s.url = "http://" + bind
	config, err := filepath.Abs("../../deploy/haproxy.cfg")
	if err != nil {
		t.Fatal(err)
	}
	balancer := &process{t: t, args: []string{"haproxy", "-db", "-f", config}, env: []string{"STORE_BIND=" + bind, "STORE_1=" + stores[0], "STORE_2=" + stores[1], "OBJECTS_BIND=" + objects,
		"GATEWAY_1=" + s.processes["gateway-1"].address, "GATEWAY_2=" + s.processes["gateway-2"].address}}
	balancer.start()
	for i := range s.servers {
		in := newInside(t, s.outside)
		if i > 0 { // docs/high-availability.md: the hosts share the key that signs the audit trail
			run(t, nil, "cp", "-p", filepath.Join(s.servers[0].data, "audit.key"), in.data)
		}
		_, port, _ := strings.Cut(stores[i], ":")
		settings := fmt.Sprintf(`
proxy.airgap: "true"
proxy.db.connection: %s
proxy.storage.backend: s3
proxy.storage.s3.server-url: http://%s
proxy.storage.s3.access-key-id: %s
proxy.storage.s3.secret-access-key: %s
proxy.storage.s3.scanned-container-name: blobs
proxy.device-auth.secret: a-secret-that-both-servers-have
proxy.auth.secret: another-secret-that-both-servers-have
proxy.ipaddress: 127.0.0.1
proxy.port.http: "%s"
proxy.admin.listen: %s
proxy.oci-registry.builtin: "false"
`, databaseName(s.primary, s.replica), objects, s3test.AccessKey, s3test.SecretKey, port, freeAddress(t))
		in.configure(settings)
		in.url = "http://" + stores[i]
		s.servers[i] = in
		if i == 0 {
			s.push(0, s.bundle(1))
		}
		name := fmt.Sprint("store-", i+1)
		s.processes[name] = &process{t: t, address: stores[i], args: []string{program(t, "snap-store-proxy"), "--data-dir", in.data, "serve", "--log-level", "warn"}}
	}
	for _, name := range []string{"store-1", "store-2"} {
		s.processes[name].start()
		s.awaitHealth(name)
	}
	time.Sleep(balancerTime)
	return s
}

// balancerTime is the time that HAProxy needs to believe that a server is back: two checks.
const balancerTime = 3 * time.Second

// startGateways starts two gateways of S3 with the same objects.
func (s *site) startGateways(dir string) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), 10*time.Minute)
	defer cancel()
	path, err := s3test.Binary(ctx)
	if err != nil {
		s.t.Fatal(err)
	}
	for _, sub := range []string{"objects", "meta"} {
		if err := os.Mkdir(filepath.Join(dir, sub), 0o755); err != nil {
			s.t.Fatal(err)
		}
	}
	for _, name := range []string{"gateway-1", "gateway-2"} {
		address := freeAddress(s.t)
		p := &process{t: s.t, address: address, args: []string{path, "--port", address, "--access", s3test.AccessKey, "--secret", s3test.SecretKey, "--region", s3test.Region, "--quiet",
			"posix", "--sidecar", filepath.Join(dir, "meta"), filepath.Join(dir, "objects")}}
		s.processes[name] = p
		p.start()
		s.awaitHealth(name)
	}
}

// bundle exports a new revision of the snap.
func (s *site) bundle(revision int) string {
	s.t.Helper()
	blob := upstreamtest.Random(fmt.Sprint("greeter ", revision), 6<<20)
	if err := s.up.AddRevision("greeter", upstreamtest.Rev{Revision: revision, Version: fmt.Sprint(revision), Blob: blob}); err != nil {
		s.t.Fatal(err)
	}
	if err := s.up.Release("greeter", "", "stable", revision); err != nil {
		s.t.Fatal(err)
	}
	return s.outside.export("greeter", "--no-deps", "--no-icons")[0]
}

// push pushes a bundle on one of the hosts until that works, as an operator does whom an exit code of 8 tells to try again.
func (s *site) push(host int, file string) {
	s.t.Helper()
	deadline := time.Now().Add(90 * time.Second)
	for {
		_, stderr, err := tryRun(s.t, nil, program(s.t, "snap-store-proxy"), "--data-dir", s.servers[host].data, "push-snap", file)
		switch {
		case err == nil, s.t.Context().Err() != nil:
			return
		case exitCode(err) != 8 || time.Now().After(deadline):
			s.t.Errorf("push %s: %v: %s", file, err, stderr)
			return
		}
		time.Sleep(200 * time.Millisecond)
	}
}
