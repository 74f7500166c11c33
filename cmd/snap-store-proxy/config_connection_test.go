//go:build linux

package main_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"offlinestore/cmd/internal/cli"
	"offlinestore/internal/bundletest"
	"offlinestore/internal/pgtest"
)

// TestConnections sets the database in each form that libpq accepts, with a dead host first.
func TestConnections(t *testing.T) {
	t.Parallel()
	dsn, err := url.Parse(pgtest.NewFrom(t, bundletest.Migrate))
	if err != nil {
		t.Fatal(err)
	}
	socket, user, database := dsn.Query().Get("host"), dsn.Query().Get("user"), strings.TrimPrefix(dsn.Path, "/")
	if !strings.HasPrefix(socket, "/") {
		t.Skip("PostgreSQL is not on a Unix socket")
	}
	dead, live := freePort(t), forward(t, filepath.Join(socket, socketName))
	for form, code := range map[string]int{
		"postgresql://USER@127.0.0.1:LIVE/DATABASE":                                                                               cli.OK,
		"postgres://USER@127.0.0.1:DEAD,127.0.0.1:LIVE/DATABASE":                                                                  cli.OK,
		"postgresql://USER@127.0.0.1:DEAD,127.0.0.1:LIVE/DATABASE?target_session_attrs=read-write&sslmode=disable":                cli.OK,
		"postgresql://USER@[::1]:DEAD,127.0.0.1:LIVE/DATABASE?target_session_attrs=primary":                                       cli.OK,
		"postgresql:///DATABASE?user=USER&host=/nonexistent,SOCKET":                                                               cli.OK,
		"host=127.0.0.1,127.0.0.1 port=DEAD,LIVE user=USER dbname=DATABASE target_session_attrs=any":                              cli.OK,
		"host='/nonexistent,SOCKET' user='USER' dbname = DATABASE target_session_attrs=prefer-standby application_name='a b\\'c'": cli.OK,
		"postgresql://USER@127.0.0.1:DEAD,127.0.0.1:LIVE/DATABASE?target_session_attrs=standby":                                   cli.Database,
		"host=127.0.0.1,127.0.0.1 port=DEAD,LIVE user=USER dbname=DATABASE sslmode=require":                                       cli.Database,
		"host=127.0.0.1,127.0.0.1 port=DEAD,DEAD user=USER dbname=DATABASE":                                                       cli.Database,
	} {
		t.Run(form, func(t *testing.T) {
			t.Parallel()
			dir := tempDir(t)
			s := &site{t: t, dir: filepath.Join(dir, "data"), tmp: dir}
			s.useDatabase(strings.NewReplacer("USER", user, "DATABASE", database, "SOCKET", socket, "LIVE", live, "DEAD", dead).Replace(form))
			if r := s.run("enable-airgap-mode"); r.code != code {
				t.Errorf("exit code %d, want %d: %s", r.code, code, r.stderr)
			}
		})
	}
}

// forward forwards a TCP port to a Unix socket until the test ends.
func forward(t *testing.T, socket string) (port string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			in, err := l.Accept()
			if err != nil {
				return
			}
			wg.Go(func() { join(ctx, in, socket) })
		}
	})
	t.Cleanup(func() {
		stop()
		l.Close()
		wg.Wait()
	})
	return fmt.Sprint(l.Addr().(*net.TCPAddr).Port)
}

// join copies both ways until one side ends.
func join(ctx context.Context, in net.Conn, socket string) {
	defer in.Close()
	out, err := new(net.Dialer).DialContext(ctx, "unix", socket)
	if err != nil {
		return
	}
	defer out.Close()
	defer context.AfterFunc(ctx, func() { in.Close() })()
	var wg sync.WaitGroup
	wg.Go(func() {
		io.Copy(out, in)
		out.Close()
	})
	io.Copy(in, out)
	in.Close()
	wg.Wait()
}
