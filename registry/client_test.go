package registry_test

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/crane"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/validate"
	"github.com/opencontainers/go-digest"

	"offlinestore/registry"
)

// need skips a test if a program is missing, but not in CI.
func need(t *testing.T, program string) {
	t.Helper()
	if _, err := exec.LookPath(program); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
}

// skopeo runs skopeo with settings of its own, so that this host's settings don't matter.
func skopeo(t *testing.T, args ...string) (string, error) {
	t.Helper()
	policy := filepath.Join(t.TempDir(), "policy.json")
	must(t, os.WriteFile(policy, []byte(`{"default":[{"type":"insecureAcceptAnything"}]}`), 0o600))
	cmd := exec.CommandContext(t.Context(), "skopeo", append([]string{"--policy", policy}, args...)...)
	cmd.Env = append(os.Environ(), "HOME="+t.TempDir(), "XDG_RUNTIME_DIR="+t.TempDir())
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	if err != nil {
		err = fmt.Errorf("skopeo %s: %w: %s", strings.Join(args, " "), err, stderr.String())
	}
	return stdout.String(), err
}

// digestOf returns the digest of an image that skopeo sees in a registry.
func digestOf(t *testing.T, image string, args ...string) digest.Digest {
	t.Helper()
	raw := value(skopeo(t, append([]string{"inspect", "--raw", "--tls-verify=false", "docker://" + image}, args...)...))(t)
	return digest.FromString(raw)
}

// held checks that a layout has an image with all its parts.
func held(t *testing.T, dir string, dg digest.Digest) {
	t.Helper()
	idx := value(layout.ImageIndexFromPath(dir))(t)
	hash := value(v1.NewHash(dg.String()))(t)
	for _, d := range value(idx.IndexManifest())(t).Manifests {
		if d.Digest != hash {
			continue
		}
		if d.MediaType.IsIndex() {
			must(t, validate.Index(value(idx.ImageIndex(hash))(t), validate.Fast))
		} else {
			must(t, validate.Image(value(idx.Image(hash))(t), validate.Fast))
		}
		return
	}
	t.Errorf("%s is not in %s", dg, dir)
}

func TestSkopeo(t *testing.T) {
	t.Parallel()
	need(t, "skopeo")
	s := newSite(t)
	host := strings.TrimSuffix(strings.TrimPrefix(s.url, "http://"), "/v2/")
	for name, test := range map[string]struct {
		image, flag string
		want        digest.Digest
	}{
		"by digest":        {"charm/db0/image@" + s.image.String(), "--preserve-digests", s.image},
		"all platforms":    {"mirror/web:14", "--all", s.index},
		"all by digest":    {"mirror/web@" + s.index.String(), "--all", s.index},
		"one platform":     {"mirror/web:14", "--override-arch=arm64", s.manifest(s.index).Children[1]},
		"one of the index": {"mirror/web@" + s.manifest(s.index).Children[0].String(), "--preserve-digests", s.manifest(s.index).Children[0]},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := filepath.Join(t.TempDir(), "oci")
			args := []string{"copy", test.flag, "--src-tls-verify=false", "docker://" + host + "/" + test.image, "oci:" + dir}
			if strings.HasPrefix(test.flag, "--override") { // it stands before the command
				args[0], args[1] = args[1], args[0]
			}
			value(skopeo(t, args...))(t)
			held(t, dir, test.want)
		})
	}
	if got := value(skopeo(t, "list-tags", "--tls-verify=false", "docker://"+host+"/mirror/web"))(t); !strings.Contains(got, `"14"`) {
		t.Errorf("list-tags: %s", got)
	}
}

func TestClientsWithPassword(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	dg := f.image(randomImage(t))
	f.resource("db", "image", "charm/db@"+dg.String(), dg)
	image := f.serve(registry.Config{Username: "juju", Password: "s3cret"}) + "/charm/db@" + dg.String()
	pull := func(password string) error {
		img, err := crane.Pull(image, crane.Insecure, crane.WithAuth(&authn.Basic{Username: "juju", Password: password}))
		if err != nil {
			return err
		}
		return validate.Image(img)
	}
	if err := pull("s3cret"); err != nil {
		t.Errorf("crane: %v", err)
	}
	if err := pull("wrong"); err == nil {
		t.Error("crane pulls with a wrong password")
	}
	need(t, "skopeo")
	if got := digestOf(t, image, "--creds=juju:s3cret"); got != dg {
		t.Errorf("skopeo: %s, want %s", got, dg)
	}
	for _, args := range [][]string{nil, {"--creds=juju:wrong"}} {
		if _, err := skopeo(t, append(args, "inspect", "--raw", "--tls-verify=false", "docker://"+image)...); err == nil {
			t.Errorf("skopeo %q reads it", args)
		}
	}
}

func TestCrane(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	host := strings.TrimSuffix(strings.TrimPrefix(s.url, "http://"), "/v2/")
	img := value(crane.Pull(host+"/charm/db0/image@"+s.image.String(), crane.Insecure))(t)
	must(t, validate.Image(img))
	arm := value(crane.Pull(host+"/mirror/web:14", crane.Insecure, crane.WithPlatform(&v1.Platform{OS: "linux", Architecture: "arm64"})))(t)
	if got, want := value(arm.Digest())(t).String(), s.manifest(s.index).Children[1].String(); got != want {
		t.Errorf("linux/arm64 of mirror/web:14 = %s, want %s", got, want)
	}
	if got := value(crane.Digest(host+"/mirror/web:14", crane.Insecure))(t); got != s.index.String() {
		t.Errorf("mirror/web:14 = %s, want %s", got, s.index)
	}
	if got := value(crane.Catalog(host, crane.Insecure))(t); fmt.Sprint(got) != "[charm/db0/image mirror/web]" {
		t.Errorf("catalogue: %v", got)
	}
	if got := value(crane.ListTags(host+"/mirror/web", crane.Insecure))(t); fmt.Sprint(got) != "[14]" {
		t.Errorf("tags: %v", got)
	}
}

// dockerRegistry runs Debian's docker-registry on a free port, with more added to its configuration. It returns its host:port.
func dockerRegistry(t *testing.T, more string) string {
	t.Helper()
	need(t, "docker-registry")
	dir := t.TempDir()
	config := filepath.Join(dir, "config.yml")
	must(t, os.WriteFile(config, []byte("version: 0.1\nlog: {level: info}\nstorage: {filesystem: {rootdirectory: "+dir+"/data}}\nhttp: {addr: '127.0.0.1:0'}\n"+more), 0o600))
	cmd := exec.CommandContext(t.Context(), "docker-registry", "serve", config)
	cmd.Env = append(os.Environ(), "OTEL_TRACES_EXPORTER=none")
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = 10 * time.Second
	stderr := value(cmd.StderrPipe())(t)
	must(t, cmd.Start())
	said := make(chan string)
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer close(said)
		address := regexp.MustCompile(`listening on (127\.0\.0\.1:\d+)`)
		for lines, told := bufio.NewScanner(stderr), false; lines.Scan(); {
			if m := address.FindStringSubmatch(lines.Text()); m != nil && !told {
				told = true
				said <- m[1]
			}
		}
	}()
	t.Cleanup(func() {
		cmd.Process.Signal(syscall.SIGTERM)
		<-done
		cmd.Wait() // its error is the signal
	})
	select {
	case address, ok := <-said:
		if ok {
			return address
		}
	case <-time.After(30 * time.Second):
	}
	t.Fatal("docker-registry does not listen")
	return ""
}
