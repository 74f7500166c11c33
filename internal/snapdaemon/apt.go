//go:build linux

package snapdaemon

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"
)

// fetchTimeout bounds one call of a package tool, and the build.
const fetchTimeout = 10 * time.Minute

// aptPackage is a package that the machine's archive offers.
type aptPackage struct {
	file string // name_version_arch.deb, as apt-get download writes it
	hash string
}

// offered holds the answers of apt, which takes most of a second for each, by the names of the packages.
var offered sync.Map

// aptOffers asks apt once, without using the network, which files it would fetch for names.
func aptOffers(names []string) ([]aptPackage, error) {
	ask := sync.OnceValues(func() ([]aptPackage, error) { return askApt(names) })
	answer, _ := offered.LoadOrStore(strings.Join(names, " "), ask)
	return answer.(func() ([]aptPackage, error))()
}

func askApt(names []string) ([]aptPackage, error) {
	out, err := tool("", nil, "apt-get", append([]string{"--print-uris", "download"}, names...)...)
	if err != nil {
		return nil, err
	}
	var offers []aptPackage
	for line := range strings.Lines(out) {
		fields := strings.Fields(line)
		if len(fields) == 4 && strings.HasPrefix(fields[0], "'") {
			offers = append(offers, aptPackage{file: fields[1], hash: fields[3]})
		}
	}
	if len(offers) != len(names) {
		return nil, fmt.Errorf("apt offers %d of %d packages: %s", len(offers), len(names), strings.Join(names, " "))
	}
	slices.SortFunc(offers, func(a, b aptPackage) int { return strings.Compare(a.file, b.file) })
	return offers, nil
}

// aptUnpack downloads names and unpacks them into dir. It does not install them, because that would pull in systemd and
// change the machine.
func aptUnpack(dir string, names []string) error {
	debs, err := os.MkdirTemp(dir, "debs-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(debs)
	// Without this option apt drops to the user _apt, who cannot write to our folder, and prints a warning.
	args := append([]string{"-qq", "-o", "APT::Sandbox::User=root", "-o", "Acquire::Retries=3", "download"}, names...)
	if _, err := tool(debs, nil, "apt-get", args...); err != nil {
		return err
	}
	files, err := filepath.Glob(filepath.Join(debs, "*.deb"))
	if err != nil {
		return err
	}
	for _, f := range files {
		if _, err := tool("", nil, "dpkg-deb", "-x", f, dir); err != nil {
			return err
		}
	}
	return nil
}

// cacheKey returns a name for the result of a recipe applied to offers.
func cacheKey(offers []aptPackage, recipe ...string) string {
	h := sha256.New()
	for _, o := range offers {
		fmt.Fprintf(h, "%s %s\n", o.file, o.hash)
	}
	for _, r := range recipe {
		fmt.Fprintf(h, "%q\n", r)
	}
	return hex.EncodeToString(h.Sum(nil)[:8])
}

// tool runs a program of the machine and returns its standard output.
func tool(dir string, env []string, name string, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), fetchTimeout)
	defer cancel()
	var stdout, stderr bytes.Buffer
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "LC_ALL=C.UTF-8")
	cmd.Env = append(cmd.Env, env...)
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	cmd.WaitDelay = time.Second
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("run %s: %w: %s", name, err, strings.TrimSpace(stderr.String()))
	}
	return stdout.String(), nil
}
