//go:build unix

package main

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"offlinestore/internal/freeport"
)

// downloadSize is the size of the blob that is downloaded repeatedly from memory.
const downloadSize = 256 << 20

const downloadsEach = 8

// download compares the rate of downloads with nginx, which sends the same file with sendfile.
func (b *bench) download() error {
	o, err := b.newOutside("download", downloadSize, 1)
	if err != nil {
		return err
	}
	defer o.close()
	disk, data := b.path("download", "disk"), b.path("download", "data")
	if _, err := o.export(disk); err != nil {
		return err
	}
	if err := o.trust(data); err != nil {
		return err
	}
	if _, err := b.proxy(data, "push-snap", glob(disk, "*.tar.gz")); err != nil {
		return err
	}
	stop, url, err := b.serve(data)
	if err != nil {
		return err
	}
	defer stop()
	ours, err := downloadURL(b, url, o.names[0])
	if err != nil {
		return err
	}
	stopNginx, theirs, err := b.nginx(filepath.Join(data, "blobs", "sha256"))
	if err != nil {
		return err
	}
	defer stopNginx()
	theirs += "/" + filepath.Base(glob(filepath.Join(data, "blobs", "sha256"), "*"))
	var ratios, a, c []float64
	for range b.rounds + 2 {
		t, err := get(b.ctx, theirs, downloadsEach)
		if err != nil {
			return err
		}
		r, err := get(b.ctx, ours, downloadsEach)
		if err != nil {
			return err
		}
		ratios, a, c = append(ratios, r/t), append(a, r), append(c, t)
	}
	fmt.Printf("%-42s %6.2fGB/s %6.2fGB/s %7.2f %7s\n", fmt.Sprintf("downloads of %d MiB, against nginx", downloadSize>>20), median(a)/1e9, median(c)/1e9, median(ratios), ">= 0.9")
	return nil
}

// glob returns the largest file that matches a pattern.
func glob(dir, pattern string) (largest string) {
	found, _ := filepath.Glob(filepath.Join(dir, pattern))
	var size int64 = -1
	for _, f := range found {
		if info, err := os.Stat(f); err == nil && info.Size() > size {
			largest, size = f, info.Size()
		}
	}
	return largest
}

// downloadURL asks the store for the URL of a snap.
func downloadURL(b *bench, url, name string) (string, error) {
	out, err := exec.CommandContext(b.ctx, "curl", "-sf", url+"/v2/snaps/info/"+name+"?fields=download").Output()
	if err != nil {
		return "", fmt.Errorf("ask for the snap: %w", err)
	}
	_, rest, ok := strings.Cut(string(out), `"url":"`)
	u, _, _ := strings.Cut(rest, `"`)
	if !ok {
		return "", fmt.Errorf("no URL in %.200s", out)
	}
	return u, nil
}

// nginx serves a folder with sendfile.
func (b *bench) nginx(folder string) (stop func(), url string, err error) {
	addr, err := freeport.Address()
	if err != nil {
		return nil, "", err
	}
	dir := b.path("nginx")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, "", err
	}
	user := ""
	if os.Geteuid() == 0 {
		user = "user root;"
	}
	conf := fmt.Sprintf(`%s worker_processes 2; daemon off; pid %s/pid; error_log %[2]s/error.log;
events { worker_connections 64; }
http { access_log off; sendfile on; tcp_nopush on; client_body_temp_path %[2]s; proxy_temp_path %[2]s; fastcgi_temp_path %[2]s; uwsgi_temp_path %[2]s; scgi_temp_path %[2]s;
 server { listen %s; root %s; } }
`, user, dir, addr, folder)
	file := filepath.Join(dir, "nginx.conf")
	if err := os.WriteFile(file, []byte(conf), 0o644); err != nil {
		return nil, "", err
	}
	c := exec.CommandContext(b.ctx, "nginx", "-p", dir, "-c", file)
	c.Env = append(os.Environ(), "PATH="+os.Getenv("PATH")+":/usr/sbin")
	if c.Err != nil {
		c = exec.CommandContext(b.ctx, "/usr/sbin/nginx", "-p", dir, "-c", file)
	}
	c.Stderr = os.Stderr
	if err := c.Start(); err != nil {
		return nil, "", err
	}
	waitFor(addr)
	return func() {
		c.Process.Signal(os.Interrupt)
		c.Wait()
	}, "http://" + addr, nil
}

// waitFor waits until a server listens.
func waitFor(addr string) {
	for range 100 {
		if conn, err := net.Dial("tcp", addr); err == nil {
			conn.Close()
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
}
