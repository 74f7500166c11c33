// Package debian_test tries the Debian packages with Debian's own tools.
package debian_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// privateRoot sets up a view of this machine in which all writes go to a layer of its own.
const privateRoot = `
set -eu
exec 2>&1
mount --make-rprivate /
mount -t tmpfs tmpfs "$DIR"
mkdir "$DIR/upper" "$DIR/work" "$DIR/root"
mount -t overlay overlay -o "lowerdir=/,upperdir=$DIR/upper,workdir=$DIR/work" "$DIR/root"
mount --rbind /dev "$DIR/root/dev"
mount -t proc proc "$DIR/root/proc"
mkdir "$DIR/root/tmp/debs"
mount --bind "$DEBS" "$DIR/root/tmp/debs"
exec chroot "$DIR/root" /bin/sh -c "$INSIDE"
`

// layer tests whether the machine supports such a layer.
const layer = `
mount -t tmpfs tmpfs /mnt && mkdir /mnt/upper /mnt/work /mnt/root &&
mount -t overlay overlay -o lowerdir=/,upperdir=/mnt/upper,workdir=/mnt/work /mnt/root`

// life is the script of installing, upgrading and removing the packages.
const life = `
set -eu
PATH=/usr/sbin:/usr/bin:/sbin:/bin
unset SNAP_COMMON XDG_DATA_HOME
cd /
data=/var/lib/snap-store-proxy
rm -rf "$data" /opt/offlinestore
touch /tmp/begin
echo "== refused"
mkdir -p /opt/offlinestore/bin && touch /opt/offlinestore/bin/snap-store-proxy
dpkg --force-depends -i /tmp/debs/snap-store-proxy_*.deb || echo "exit code $?"
rm -r /opt/offlinestore
echo "== installed"
dpkg -i /tmp/debs/*.deb
dpkg --verify store-admin snap-store-proxy
for name in store-admin snap-store-proxy snap-proxy enterprise-store; do /usr/bin/$name --version; done
stat -c '%U %a %n' "$data"
ls /etc/systemd/system/multi-user.target.wants
grep ExecStart= /usr/lib/systemd/system/snap-store-proxy.service
for page in /usr/share/man/man1/store-admin-export-snaps.1.gz /usr/share/man/man1/snap-proxy.1.gz; do zcat "$page" | head -n 1; done
bash -c '. /usr/share/bash-completion/completions/enterprise-store && complete -p snap-store-proxy enterprise-store'
echo "== again"
echo 'SERVE_FLAGS="--log-level debug"' >/etc/default/snap-store-proxy
rm /etc/systemd/system/multi-user.target.wants/snap-store-proxy.service # as systemctl disable does
snap-store-proxy --data-dir "$data" config proxy.port.http=8080
dpkg -i /tmp/debs/snap-store-proxy_*.deb
cat /etc/default/snap-store-proxy
ls /etc/systemd/system/multi-user.target.wants
echo "== removed"
dpkg --remove snap-store-proxy store-admin
ls /usr/bin/snap-store-proxy /usr/bin/enterprise-store /usr/lib/systemd/system/snap-store-proxy.service 2>/dev/null || true
cat /etc/default/snap-store-proxy
snap-store-proxy --version 2>/dev/null || echo gone
echo "== purged with data"
dpkg --purge snap-store-proxy
ls "$data" /etc/default/snap-store-proxy 2>/dev/null || true
getent passwd snap-store-proxy
echo "== purged without"
dpkg -i /tmp/debs/snap-store-proxy_*.deb >/dev/null
rm -rf "$data"/*
dpkg --purge snap-store-proxy store-admin
getent passwd snap-store-proxy || echo no user
ls -d "$data" 2>/dev/null || echo no data
find /etc /opt /usr /var -newer /tmp/begin -name '*store-admin*' -o -newer /tmp/begin -name '*snap-store-proxy*' | grep -v ^/tmp/ || echo nothing left
`

func TestDebianPackages(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("builds the packages and installs them four times")
	}
	if os.Geteuid() != 0 {
		t.Skip("not root")
	}
	for _, args := range [][]string{{"dpkg-deb", "--version"}, {"unshare", "--mount", "sh", "-c", layer}} {
		if out, err := exec.Command(args[0], args[1:]...).CombinedOutput(); err != nil && os.Getenv("CI") == "" {
			t.Skipf("%s: %v: %s", args[0], err, out)
		}
	}
	debs := buildPackages(t)
	cmd := exec.Command("unshare", "--mount", "sh", "-c", privateRoot)
	cmd.Env = append(os.Environ(), "DIR="+t.TempDir(), "DEBS="+debs, "INSIDE="+life, "LC_ALL=C.UTF-8")
	var out bytes.Buffer
	cmd.Stdout = &out
	if err := cmd.Run(); err != nil {
		t.Fatalf("the packages' life: %v\n%s", err, out.String())
	}
	parts := sections(out.String())
	for _, c := range []struct {
		what       string
		want, miss []string
	}{
		{"refused", []string{"installed here by install.sh", "exit code 1"}, nil},
		{"installed", []string{"Set the store up next", "store-admin version ", "snap-store-proxy 750 /var/lib/snap-store-proxy\n", "\nsnap-store-proxy-ready.path\nsnap-store-proxy.service\n",
			"ExecStart=/usr/bin/snap-store-proxy --data-dir /var/lib/snap-store-proxy serve $SERVE_FLAGS\n",
			`.TH "STORE-ADMIN-EXPORT-SNAPS" 1`, `.TH "SNAP-STORE-PROXY" 1`, "-F __start_snap-store-proxy snap-store-proxy\n", "-F __start_snap-store-proxy enterprise-store\n"}, []string{"??5??????"}},
		{"again", []string{`SERVE_FLAGS="--log-level debug"`, "\nsnap-store-proxy-ready.path\n"}, []string{"Set the store up next", "\nsnap-store-proxy.service\n"}},
		{"removed", []string{`SERVE_FLAGS="--log-level debug"`, "\ngone\n"}, []string{"\n/usr/"}},
		{"purged with data", []string{"has the store's data and is kept", "\nsettings.yaml\n", "\nsnap-store-proxy:x:"}, []string{"/etc/default"}},
		{"purged without", []string{"no user", "no data", "nothing left"}, nil},
	} {
		text, ok := parts[c.what]
		if !ok {
			t.Errorf("%s was not reached", c.what)
		}
		for _, want := range c.want {
			if !strings.Contains(text, want) {
				t.Errorf("%s: no %q in\n%s", c.what, want, text)
			}
		}
		for _, miss := range c.miss {
			if strings.Contains(text, miss) {
				t.Errorf("%s: %q in\n%s", c.what, miss, text)
			}
		}
	}
}

// sections splits output at the lines that begin with "== ".
func sections(out string) map[string]string {
	parts := make(map[string]string)
	for part := range strings.SplitSeq("\n"+out, "\n== ") {
		name, text, _ := strings.Cut(part, "\n")
		parts[name] = "\n" + text + "\n"
	}
	return parts
}

// buildPackages returns a folder with the packages. It checks that a second build makes the same bytes.
func buildPackages(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	programs := filepath.Join(dir, "programs")
	if out, err := exec.Command("go", "build", "-o", programs+"/", "../../cmd/store-admin", "../../cmd/snap-store-proxy").CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	var packages [2]map[string][]byte
	for i, name := range []string{"debs", "again"} {
		cmd := exec.Command("../../scripts/deb", filepath.Join(dir, name))
		cmd.Env = append(os.Environ(), "PROGRAMS="+programs, "DEB_COMPRESSION=none", "SOURCE_DATE_EPOCH=1700000000")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("scripts/deb: %v\n%s", err, out)
		}
		packages[i] = read(t, filepath.Join(dir, name))
	}
	if len(packages[0]) != 2 {
		t.Errorf("%d packages, want 2", len(packages[0]))
	}
	for name, first := range packages[0] {
		if !bytes.Equal(first, packages[1][name]) {
			t.Errorf("%s has other bytes the second time", name)
		}
	}
	return filepath.Join(dir, "debs")
}

func read(t *testing.T, dir string) map[string][]byte {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, "*.deb"))
	if err != nil {
		t.Fatal(err)
	}
	files := make(map[string][]byte)
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		files[filepath.Base(name)] = text
	}
	return files
}
