//go:build linux

package snapdaemon

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// fakeTools returns the programs that would change the machine or need systemd.
func fakeTools() []string {
	return strings.Fields("systemctl udevadm systemd-run apparmor_parser umount")
}

const nothingScript = "#!/bin/sh\nexit 0\n"

// mountScript unpacks a squashfs file instead of mounting it.
const mountScript = `#!/bin/bash
a=("$@")
unsquashfs -q -n -f -no-xattrs -d "${a[-1]}" "${a[-2]}" >/dev/null 2>&1
exit 0
`

// layRoot makes the folders and files that snapd expects under its root.
func layRoot(root string, b *Binaries) error {
	for _, d := range []string{
		"run", "etc/systemd/system", "etc/systemd/user", "etc/udev/rules.d", "etc/dbus-1/system.d", "etc/dbus-1/session.d",
		"sys/fs/cgroup", "var/lib/snapd/cache", "var/snap", "snap", "usr/lib", "home", "tools",
	} {
		if err := os.MkdirAll(filepath.Join(root, d), 0o755); err != nil {
			return err
		}
	}
	const release = "ID=debian\nVERSION_ID=\"12\"\nPRETTY_NAME=\"Debian GNU/Linux 12\"\n"
	if err := os.WriteFile(filepath.Join(root, "etc/os-release"), []byte(release), 0o644); err != nil {
		return err
	}
	if err := os.Symlink(b.LibDir, filepath.Join(root, "usr/lib/snapd")); err != nil {
		return err
	}
	if err := os.Symlink(b.Snap, filepath.Join(root, "tools/snap")); err != nil {
		return err
	}
	for _, t := range fakeTools() {
		if err := os.WriteFile(filepath.Join(root, "tools", t), []byte(nothingScript), 0o755); err != nil {
			return err
		}
	}
	return os.WriteFile(filepath.Join(root, "tools/mount"), []byte(mountScript), 0o755)
}

// writeNames writes replacements for /etc/hosts and /etc/nsswitch.conf. Without the latter, an unknown name looks like an
// unreachable network, and snapd retries for half a minute.
func writeNames(root string, hosts []string) error {
	var b strings.Builder
	b.WriteString("127.0.0.1 localhost\n::1 localhost\n")
	for _, h := range hosts {
		fmt.Fprintf(&b, "127.0.0.1 %s\n", h)
	}
	if err := os.WriteFile(filepath.Join(root, "hosts"), []byte(b.String()), 0o644); err != nil {
		return err
	}
	const services = "passwd: files\ngroup: files\nhosts: files\n"
	return os.WriteFile(filepath.Join(root, "nsswitch.conf"), []byte(services), 0o644)
}

// removeRoot removes root. Unpacked snaps may contain folders without write permission, which only hinder users other than
// root.
func removeRoot(root string) error {
	_ = filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() {
			_ = os.Chmod(name, 0o700)
		}
		return nil
	})
	return os.RemoveAll(root)
}

// writeState writes the state of a daemon that has only the configuration of snaps. The levels are the ones of every daemon since 2.40.
func writeState(root string, config map[string]any) error {
	text, err := json.Marshal(map[string]any{
		"data":    map[string]any{"config": config, "patch-level": 6, "patch-sublevel": 3, "patch-sublevel-last-version": ""},
		"changes": map[string]any{}, "tasks": map[string]any{}, "last-change-id": 0, "last-task-id": 0, "last-lane-id": 0,
	})
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(root, "var/lib/snapd/state.json"), text, 0o600)
}
