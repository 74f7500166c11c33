//go:build linux

package e2e_test

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

// need skips the test if a program is missing, and fails it in CI.
func need(t *testing.T, program string) {
	t.Helper()
	if _, err := exec.LookPath(program); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
}

// skopeo runs skopeo with its own settings, independent of the host's.
func skopeo(t *testing.T, args ...string) string {
	t.Helper()
	policy := filepath.Join(t.TempDir(), "policy.json")
	if err := os.WriteFile(policy, []byte(`{"default":[{"type":"insecureAcceptAnything"}]}`), 0o600); err != nil {
		t.Fatal(err)
	}
	return run(t, []string{"HOME=" + t.TempDir(), "XDG_RUNTIME_DIR=" + t.TempDir()}, "skopeo", append([]string{"--policy", policy}, args...)...)
}

// pull copies an image, with all of its platforms, out of a registry, and verifies the digest in its name.
func pull(t *testing.T, ref, user, password string) {
	t.Helper()
	_, want, ok := strings.Cut(ref, "@sha256:")
	if !ok {
		t.Fatalf("image %q: want a digest in its name", ref)
	}
	var creds []string
	if user != "" {
		creds = []string{"--creds", user + ":" + password}
	}
	raw := skopeo(t, append([]string{"inspect", "--raw", "--tls-verify=false", "docker://" + ref}, creds...)...)
	if got := sha256.Sum256([]byte(raw)); hex.EncodeToString(got[:]) != want {
		t.Errorf("skopeo inspect %s: digest %x", ref, got)
	}
	dir := t.TempDir()
	args := []string{"copy", "--all", "--src-tls-verify=false", "docker://" + ref, "dir:" + dir}
	if user != "" {
		args = append(args, "--src-creds", user+":"+password)
	}
	skopeo(t, args...)
	manifest, err := os.ReadFile(filepath.Join(dir, "manifest.json"))
	if err != nil {
		t.Fatal(err)
	}
	if got := sha256.Sum256(manifest); hex.EncodeToString(got[:]) != want {
		t.Errorf("skopeo copy %s: digest %x", ref, got)
	}
}

// dockerRegistry runs Debian's docker-registry on a free port, for the user juju and the password s3cret, and returns its host:port.
func dockerRegistry(t *testing.T) string {
	t.Helper()
	need(t, "docker-registry")
	dir := t.TempDir()
	passwords, config := filepath.Join(dir, "htpasswd"), filepath.Join(dir, "config.yml")
	for path, text := range map[string]string{
		passwords: "juju:$2a$04$ONGRfLiDRDbEDteu9UupdeSDLDehweAhXqW5g3foROsLRvLnI2EVW\n",
		config: "version: 0.1\nlog: {level: info}\nstorage: {filesystem: {rootdirectory: " + dir + "/data}}\nhttp: {addr: '127.0.0.1:0'}\n" +
			"auth: {htpasswd: {realm: test, path: " + passwords + "}}\n",
	} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command("docker-registry", "serve", config)
	cmd.Env = append(os.Environ(), "OTEL_TRACES_EXPORTER=none")
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	said, done := make(chan string, 1), make(chan struct{})
	go func() {
		defer close(done)
		address := regexp.MustCompile(`listening on (127\.0\.0\.1:\d+)`)
		for lines, told := bufio.NewScanner(stderr), false; lines.Scan(); {
			if m := address.FindStringSubmatch(lines.Text()); m != nil && !told {
				told = true
				said <- m[1]
			}
		}
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		<-done
		_ = cmd.Wait() // a signal ended it
	})
	select {
	case address := <-said:
		return address
	case <-done:
	case <-time.After(30 * time.Second):
	}
	t.Fatal("docker-registry does not listen")
	return ""
}
