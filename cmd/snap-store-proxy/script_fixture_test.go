//go:build linux

package main_test

import (
	"errors"
	"fmt"
	"net"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"offlinestore/internal/assertiontest"
	"offlinestore/internal/freeport"
	"offlinestore/internal/upstreamtest"
)

// fixture is shared by all scripts: it holds the files that the exporters made outside.
type fixture struct {
	dir, upstream  string
	dashboard, sso string // for logins of the brand acme
	layer          string // see writeCharms
}

// The login of the brand acme at the simulated Snap Store.
const brandEmail, brandPassword = "brand@acme.example", "correct-horse-battery"

// serveLogins serves Ubuntu SSO and the dashboard of a simulated store.
func (f *fixture) serveLogins(t *testing.T, demo *upstreamtest.Store, sso *upstreamtest.SSO) {
	login, dashboard := httptest.NewServer(sso.Handler()), httptest.NewServer(demo.Dashboard())
	t.Cleanup(login.Close)
	t.Cleanup(dashboard.Close)
	sso.SetHost(login.Listener.Addr().String())
	sso.SetAccount(upstreamtest.Account{Email: brandEmail, Password: brandPassword, ID: upstreamtest.BrandID, Username: upstreamtest.BrandID})
	f.dashboard, f.sso = dashboard.URL, login.URL
}

// newFixture exports, with a real store-admin, from a simulated store:
//
//	old.tar.gz   on Monday: jq 6 in stable, amd64
//	new.tar.gz   on Tuesday: jq 8 in stable and edge, amd64
//	all.tar.gz   on Wednesday: jq and hello with all that they need, amd64 and arm64
//
//	brief.tar.gz   the snap brief in stable and edge
//	closed.tar.gz  brief, whose stable is closed
//	gone.tar.gz    brief, which is withdrawn and revoked, and jq
//	model.tar.gz   a model of the brand with jq
//
// writeCharms makes the bundles of charms, writeReports makes the bundles for reports, writeImages makes the ones of images that belong to no charm, writeStores makes the ones of stores, and writeDownloads makes the files of snaps.
func newFixture(t *testing.T) (*fixture, error) {
	dir := tempDir(t)
	build := exec.Command("go", "build", "-buildvcs=false", "-ldflags=-w", "-o", filepath.Join(dir, "bin")+"/", "offlinestore/cmd/store-admin")
	if out, err := build.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("build store-admin: %w: %s", err, out)
	}
	srv := httptest.NewUnstartedServer(nil)
	f := &fixture{dir: dir, upstream: "http://" + srv.Listener.Addr().String()}
	f.writeCharms(t)
	f.writeReports(t)
	f.writeStores(t)
	f.writeImages(t)
	if err := f.writeDownloads(t); err != nil {
		return nil, err
	}
	sso := upstreamtest.NewSSO()
	demo, err := upstreamtest.Demo(upstreamtest.DemoOptions{Origin: f.upstream, SSO: sso})
	if err != nil {
		return nil, err
	}
	f.serveLogins(t, demo, sso)
	big := upstreamtest.Snap{Name: "big", Summary: "Takes a while"}
	rev := upstreamtest.Rev{Revision: 1, Version: "1", Blob: upstreamtest.Random("big", 32<<20)}
	if err := errors.Join(demo.AddSnap(big), demo.AddRevision("big", rev), demo.Release("big", "", "stable", 1)); err != nil {
		return nil, err
	}
	adrift := upstreamtest.Snap{Name: "adrift", Base: "core24", Providers: []string{"nowhere"}, Summary: "Needs what there isn't"}
	rev = upstreamtest.Rev{Revision: 1, Version: "1", Architectures: []string{"amd64"}, Blob: upstreamtest.Random("adrift", 1<<10)}
	if err := errors.Join(demo.AddSnap(adrift), demo.AddRevision("adrift", rev), demo.Release("adrift", "amd64", "stable", 1)); err != nil {
		return nil, err
	}
	srv.Config.Handler = demo.Handler()
	srv.Start()
	t.Cleanup(srv.Close)
	if err := os.WriteFile(filepath.Join(dir, "root.assert"), demo.Stack.RootStream(), 0o644); err != nil {
		return nil, err
	}
	if _, err := f.admin("", "key", "generate"); err != nil {
		return nil, err
	}
	key, err := f.admin("", "key", "export")
	if err != nil {
		return nil, err
	}
	if err := os.WriteFile(filepath.Join(dir, "exporter.pem"), key, 0o644); err != nil {
		return nil, err
	}
	if err := f.export("1794819600", "old.tar.gz", "jq", "--no-deps"); err != nil {
		return nil, err
	}
	if err := demo.Release("jq", "amd64", "stable", 8); err != nil {
		return nil, err
	}
	if err := f.export("1794906000", "new.tar.gz", "jq", "--no-deps", "--channel", "stable", "--channel", "edge"); err != nil {
		return nil, err
	}
	if err := f.writeAssertions(demo); err != nil {
		return nil, err
	}
	if err := f.export("1794992400", "all.tar.gz", "jq", "hello", "--arch", "amd64", "--arch", "arm64"); err != nil {
		return nil, err
	}
	brief := upstreamtest.Snap{Name: "brief", Summary: "Is withdrawn soon"}
	rev = upstreamtest.Rev{Revision: 1, Version: "1", Blob: upstreamtest.Random("brief", 1<<10)}
	if err := errors.Join(demo.AddSnap(brief), demo.AddRevision("brief", rev), demo.Release("brief", "", "stable", 1), demo.Release("brief", "", "edge", 1)); err != nil {
		return nil, err
	}
	if err := f.export("1794992500", "brief.tar.gz", "brief", "--no-deps", "--channel", "stable", "--channel", "edge"); err != nil {
		return nil, err
	}
	if err := demo.Close("brief", "", "stable"); err != nil {
		return nil, err
	}
	if err := f.export("1794992600", "closed.tar.gz", "brief", "--no-deps"); err != nil {
		return nil, err
	}
	demo.Withdraw("brief")
	demo.Revoke(upstreamtest.ID("brief"))
	if err := f.export("1794992700", "gone.tar.gz", "brief", "jq", "--no-deps"); err != nil {
		return nil, err
	}
	return f, f.writeModel(demo)
}

// writeModel writes the bundle of a brand's model, model.tar.gz.
func (f *fixture) writeModel(demo *upstreamtest.Store) error {
	model := demo.Brand().Model("pump", assertiontest.Headers{"required-snaps": []any{"jq"}})
	path := filepath.Join(f.dir, "pump.model")
	if err := os.WriteFile(path, model.Raw(), 0o644); err != nil {
		return err
	}
	_, err := f.admin("1794992800", "export", "model", path, "--single", filepath.Join(f.dir, "model.tar.gz"))
	return err
}

// writeAssertions writes the key of a brand, alone, with its account and as a bundle, and a bundle of a validation set.
func (f *fixture) writeAssertions(demo *upstreamtest.Store) error {
	brand := demo.Brand()
	key, account := string(brand.AccountKey.Raw()), string(brand.Account.Raw())
	for name, text := range map[string]string{"key.assert": key + "\n", "brand.assert": key + "\n\n" + account + "\n\n" + string(demo.Stack.StoreAccountKey.Raw()) + "\n"} {
		if err := os.WriteFile(filepath.Join(f.dir, name), []byte(text), 0o644); err != nil {
			return err
		}
	}
	_, err := f.admin("1794992400", "export", "account-keys", brand.ID, brand.Key.KeyID(), "--single", filepath.Join(f.dir, "keys.tar.gz"))
	if err == nil {
		_, err = f.admin("1794992400", "export", "validation-sets", "acme/tools=1", "--no-deps", "--single", filepath.Join(f.dir, "sets.tar.gz"))
	}
	return err
}

// export writes one bundle, signed at a time given in seconds.
func (f *fixture) export(epoch, name string, args ...string) error {
	_, err := f.admin(epoch, append([]string{"export", "snaps", "--single", filepath.Join(f.dir, name)}, args...)...)
	return err
}

func (f *fixture) admin(epoch string, args ...string) ([]byte, error) {
	cmd := exec.Command(filepath.Join(f.dir, "bin", "store-admin"), args...)
	if args[0] == "export" {
		cmd.Args = append(cmd.Args, f.flags()...)
	}
	cmd.Env = append(os.Environ(), "SOURCE_DATE_EPOCH="+epoch, "STORE_ADMIN_CONFIG_DIR="+f.keys(), "STORE_ADMIN_SNAP_STORE_URL="+f.upstream)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("store-admin %q: %w: %s", args, err, stderr.String())
	}
	return out, nil
}

func (f *fixture) keys() string { return filepath.Join(f.dir, "keys") }

func (f *fixture) flags() []string {
	return []string{"--trusted-root", filepath.Join(f.dir, "root.assert"), "--cache-dir", filepath.Join(f.dir, "cache")}
}

// setup makes the host of one script.
func (f *fixture) setup(e *testscript.Env, dsn string) error {
	// Root's rights are given up for this user, who must be able to enter the folder.
	for dir := e.WorkDir; strings.Contains(dir, "badinput-"); dir = filepath.Dir(dir) {
		if err := os.Chmod(dir, 0o755); err != nil {
			return err
		}
	}
	port, err := freeport.Port()
	if err != nil {
		return err
	}
	port2, err := freeport.Port()
	if err != nil {
		return err
	}
	for k, v := range map[string]string{
		"PORT2": port2, "BUNDLES": f.dir, "LAYER": f.layer, "EXPORT": strings.Join(f.flags(), " "), "DSN": dsn, "ADDR": net.JoinHostPort("127.0.0.1", port), "PORT": port, "BRIEF": upstreamtest.ID("brief"), "BIG": "/api/v1/snaps/download/" + upstreamtest.ID("big") + "_1.snap", "HELLO": "/api/v1/snaps/download/" + upstreamtest.ID("hello") + "_38.snap",
		"SNAP_COMMON": filepath.Join(e.WorkDir, "data"), "STORE_ADMIN_CONFIG_DIR": f.keys(), "STORE_ADMIN_SNAP_STORE_URL": f.upstream,
		"STORE_DASHBOARD_URL": f.dashboard, "UBUNTU_ONE_SSO_URL": f.sso,
		"PATH": filepath.Join(f.dir, "bin") + string(os.PathListSeparator) + e.Getenv("PATH"),
	} {
		e.Setenv(k, v)
	}
	if dsn == "" {
		return nil
	}
	u, err := url.Parse(dsn)
	if err != nil {
		return err
	}
	database := strings.TrimPrefix(u.Path, "/")
	q := u.Query()
	q.Del("user") // it would take precedence
	u.RawQuery = q.Encode()
	u.User = url.UserPassword("srv_"+database, "correct-horse")
	e.Setenv("DATABASE", database)
	e.Setenv("SERVER_DSN", u.String())
	return nil
}
