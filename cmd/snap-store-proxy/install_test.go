//go:build linux

package main_test

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"offlinestore/assertion"
	"offlinestore/instance/pgcluster"
	"offlinestore/internal/freeport"
	"offlinestore/internal/pgtest"
	"offlinestore/internal/upstreamtest"
)

// privateRoot mounts folders of its own over the folders that an installation writes to. It also hides PostgreSQL, because
// the database is elsewhere.
const privateRoot = `
set -eu
mount --make-rprivate /
mkdir "$DIR/etc"
cp -a /etc/. "$DIR/etc"
mount --bind "$DIR/etc" /etc
for dir in /opt /usr/local /var/lib; do mount -t tmpfs tmpfs "$dir"; done
for dir in /usr/lib/postgresql /usr/pgsql-*; do
	if [ -d "$dir" ]; then mount -t tmpfs tmpfs "$dir"; fi
done
export PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
cd "$DIR"
`

// seedScript is the seed script of the original's documentation.
const seedScript = `
tar xvzf offline-snap-store.tar.gz
cd offline-snap-store
./install.sh
enterprise-store config proxy.db.connection="$DSN"
enterprise-store enable-airgap-mode
enterprise-store status
`

// afterwards checks the installation and then installs again. The second run is an upgrade, which also imports the
// bundles.
const afterwards = `
exec 2>&1
echo "== installed"
for name in store-admin snap-store-proxy snap-proxy enterprise-store; do echo "$name: $("$name" --version)"; done
stat -c '%U %a %n' /var/lib/snap-store-proxy /var/lib/snap-store-proxy/settings.yaml /var/lib/snap-store-proxy/store.assert /opt/offlinestore/bin/store-admin
ls /etc/systemd/system/snap-store-proxy.service /etc/systemd/system/snap-store-proxy-ready.path
ls /usr/local/share/man/man1/store-admin-register.1 /usr/local/share/man/man1/enterprise-store.1 /usr/local/share/zsh/site-functions/_store-admin
bash -c '. /usr/local/share/bash-completion/completions/enterprise-store; complete -p enterprise-store'
cmp proxy.assert /var/lib/snap-store-proxy/store.assert && echo same assertion
echo "== again"
enterprise-store config proxy.port.http=8080
enterprise-store config --export-yaml >../before.yaml
/bin/sh "$PWD/install.sh"
enterprise-store config --export-yaml >../after.yaml
cmp ../before.yaml ../after.yaml && echo same settings
enterprise-store list-pushed-snaps
echo "== serving"
enterprise-store serve --listen "127.0.0.1:$PORT" >../serve.log 2>&1 &
server=$!
trap 'kill "$server"' EXIT
ask() {
	bash -c '
	exec 3<>"/dev/tcp/127.0.0.1/$PORT"
	printf "GET /v2/auth/store/assertions HTTP/1.0\r\nHost: snaps\r\n\r\n" >&3
	cat <&3' 2>/dev/null
}
until ask >../answer; do sleep 0.1; done
cat ../answer
echo "== moving"
enterprise-store config proxy.domain=new.example.internal
./install.sh | tail -n 3
enterprise-store reregister --store-assertion ../old.assert || echo "exit code $?"
enterprise-store reregister --store-assertion ../new.assert
enterprise-store config internal.store.url
until ask | grep -q '^url: https://new.example.internal$'; do sleep 0.1; done
./install.sh | grep stays
enterprise-store config proxy.domain
`

// TestSeedScript installs a store with the seed script of the original's documentation, in a private root.
func TestSeedScript(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("builds both programs; CI runs it")
	}
	needPrivateRoot(t)
	dir := makeInstaller(t)
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "sh", "-c", privateRoot+seedScript+afterwards)
	cmd.Env = append(os.Environ(), "DIR="+dir, "PORT="+freePort(t), "DSN="+byTCP(t, pgtest.NewFrom(t, migrated)))
	for _, name := range []string{"SNAP_COMMON", "XDG_DATA_HOME"} {
		cmd.Env = append(cmd.Env, name+"=")
	}
	var out, problems bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &problems
	if err := cmd.Run(); err != nil {
		t.Fatalf("the seed script: %v\n%s\n%s", err, out.String(), problems.String())
	}
	seed, rest, _ := strings.Cut(out.String(), "== installed\n")
	installed, rest, _ := strings.Cut(rest, "== again\n")
	again, rest, _ := strings.Cut(rest, "== serving\n")
	serving, moving, _ := strings.Cut(rest, "== moving\n")
	for _, c := range []struct {
		what, text string
		want       []string
	}{
		{"the seed script", seed, []string{"/bundles/jq.tar.gz\nPostgreSQL is missing here", "Bundles signed by sha256:", "This store is store1 at https://snaps.example.internal",
			"What is left to do:\n- Install PostgreSQL", "    snap-store-proxy enable-airgap-mode", "Store is in air-gapped mode", "Store DB: ok", "Store URL: ", "://snaps.example.internal\n"}},
		{"what is installed", installed, []string{"enterprise-store: snap-store-proxy version", "snap-store-proxy 750 /var/lib/snap-store-proxy\n", "snap-store-proxy 600 /var/lib/snap-store-proxy/settings.yaml",
			"snap-store-proxy 644 /var/lib/snap-store-proxy/store.assert", "root 755 /opt/offlinestore/bin/store-admin", "/etc/systemd/system/snap-store-proxy.service\n", "__start_snap-store-proxy enterprise-store\n", "same assertion"}},
		{"the second installation", again, []string{"Uploaded", "same settings", "jq"}},
		{"what is served", serving, []string{" 200 OK\r\n", "X-Assertion-Store-Id: store1\r\n", "\nurl: https://snaps.example.internal\n"}},
		{"the move", moving, []string{"the store assertion is for https://snaps.example.internal, and proxy.domain is new.example.internal", "exit code 5",
			"This store is store1 at https://new.example.internal", "snap ack", "\nhttps://new.example.internal\n", "and stays so", "\nnew.example.internal\n"}},
	} {
		for _, want := range c.want {
			if !strings.Contains(c.text, want) {
				t.Errorf("%s: no %q in\n%s", c.what, want, c.text)
			}
		}
	}
	if strings.Contains(again, "What is left") && strings.Contains(again, "PostgreSQL") {
		t.Errorf("the second installation still asks for PostgreSQL:\n%s", again)
	}
}

// needPrivateRoot skips the test if no private root can be made.
func needPrivateRoot(t *testing.T) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("not root")
	}
	if _, _, err := pgcluster.Find(); err != nil && os.Getenv("CI") == "" {
		t.Skip(err)
	}
	if out, err := exec.Command("unshare", "--mount", "--pid", "--fork", "--mount-proc", "true").CombinedOutput(); err != nil && os.Getenv("CI") == "" {
		t.Skipf("unshare: %v: %s", err, out)
	}
}

// freePort returns a port that nobody listens on.
func freePort(t *testing.T) string {
	t.Helper()
	port, err := freeport.Port()
	if err != nil {
		t.Fatal(err)
	}
	return port
}

// byTCP returns a connection string that lets every user reach a database whose socket is restricted. The test ends before
// its connections are closed, because nothing waits for them.
func byTCP(t *testing.T, dsn string) string {
	t.Helper()
	cfg, err := pgx.ParseConfig(dsn)
	if err != nil {
		t.Fatal(err)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	network, address := pgconn.NetworkAddress(cfg.Host, cfg.Port)
	go func() {
		for {
			client, err := ln.Accept()
			if err != nil {
				return
			}
			database, err := net.Dial(network, address)
			if err != nil {
				client.Close()
				continue
			}
			for _, pair := range [][2]net.Conn{{client, database}, {database, client}} {
				go func() {
					io.Copy(pair[0], pair[1])
					pair[0].Close()
				}()
			}
		}
	}()
	u := url.URL{Scheme: "postgresql", User: url.User(cfg.User), Host: ln.Addr().String(), Path: "/" + cfg.Database, RawQuery: "sslmode=disable"}
	return u.String()
}

// makeInstaller exports a bundle and makes an installer with it, as an operator does. It returns the folder of the
// installer, which also contains old.assert and new.assert, for the old name and a new one.
func makeInstaller(t *testing.T) string {
	t.Helper()
	dir := tempDir(t)
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	run := func(args ...string) {
		t.Helper()
		cmd := exec.Command(args[0], args[1:]...)
		cmd.Env = append(os.Environ(), "STORE_ADMIN_CONFIG_DIR="+filepath.Join(dir, "keys"))
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%s: %v: %s", args, err, out)
		}
	}
	run("go", "build", "-buildvcs=false", "-o", filepath.Join(dir, "bin")+"/", "offlinestore/cmd/store-admin", "offlinestore/cmd/snap-store-proxy")
	srv := httptest.NewUnstartedServer(nil)
	upstream := "http://" + srv.Listener.Addr().String()
	demo, err := upstreamtest.Demo(upstreamtest.DemoOptions{Origin: upstream})
	if err != nil {
		t.Fatal(err)
	}
	srv.Config.Handler = demo.Handler()
	srv.Start()
	t.Cleanup(srv.Close)
	file := func(name string) string { return filepath.Join(dir, name) }
	save := func(name string, text []byte) {
		if err := os.WriteFile(file(name), text, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	save("root.assert", demo.Stack.RootStream())
	for name, url := range map[string]string{"old.assert": "https://snaps.example.internal", "new.assert": "https://new.example.internal"} {
		all := append(demo.Stack.Base(), demo.Stack.Account("operator1", "The operator", nil), demo.Stack.Store("store1", "operator1", url, nil))
		var b bytes.Buffer
		if err := assertion.EncodeAll(&b, all); err != nil {
			t.Fatal(err)
		}
		save(name, b.Bytes())
	}
	admin := file("bin/store-admin")
	run("env", "STORE_ADMIN_SNAP_STORE_URL="+upstream, admin, "export", "snaps", "jq", "--no-deps", "--single", file("jq.tar.gz"), "--trusted-root", file("root.assert"), "--cache-dir", file("cache"))
	run(admin, "register", "--offline", "https://snaps.example.internal", "--store-assertion", file("old.assert"), "--trusted-root", file("root.assert"),
		"--with", file("jq.tar.gz"), "--output", file("offline-snap-store.tar.gz"), "--yes")
	return dir
}
