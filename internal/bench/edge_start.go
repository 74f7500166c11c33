//go:build unix

package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"offlinestore/internal/freeport"
)

// start starts upstream, the edge and nginx.
func (e *edgeBench) start() error {
	b := e.b
	snaps := b.rounds + 2
	o, err := b.newOutside("edge", int64(snaps)*edgeFile, snaps)
	if err != nil {
		return err
	}
	defer o.close()
	e.names = o.names
	disk, data, behind := b.path("edge", "disk"), b.path("edge", "data"), b.path("edge", "behind")
	if _, err := o.export(disk); err != nil {
		return err
	}
	if err := o.trust(data); err != nil {
		return err
	}
	files, err := filepath.Glob(filepath.Join(disk, "*.tar.gz"))
	if err != nil {
		return err
	}
	if _, err := b.proxy(data, append([]string{"push-snap"}, files...)...); err != nil {
		return err
	}
	stop, url, err := b.serve(data)
	if err != nil {
		return err
	}
	b.later(stop)
	e.upstream = url
	line, err := freeport.Address()
	if err != nil {
		return err
	}
	e.line = "http://" + line
	if _, err := b.proxy(behind, "config", "proxy.airgap=false", "proxy.upstream="+e.line); err != nil {
		return err
	}
	e.process = exec.CommandContext(b.ctx, filepath.Join(b.bin, "snap-store-proxy"), "--data-dir", behind, "serve", "--listen", "127.0.0.1:0", "--log-level", "error")
	if e.url, err = startProcess(e.process); err != nil {
		return err
	}
	if err := e.startNginx(); err != nil {
		return err
	}
	waitFor(line)
	return nil
}

// startNginx starts nginx with a cache on one port, and without one on another.
func (e *edgeBench) startNginx() error {
	cached, err := freeport.Address()
	if err != nil {
		return err
	}
	plain, err := freeport.Address()
	if err != nil {
		return err
	}
	line := strings.TrimPrefix(e.line, "http://")
	dir, user := e.b.path("edge", "nginx"), ""
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	if os.Geteuid() == 0 {
		user = "user root;"
	}
	conf := fmt.Sprintf(`%s worker_processes 2; daemon off; pid %s/pid; error_log %[2]s/error.log;
events { worker_connections 2048; }
http { access_log off; sendfile on; tcp_nopush on; client_body_temp_path %[2]s; proxy_temp_path %[2]s/temp; fastcgi_temp_path %[2]s; uwsgi_temp_path %[2]s; scgi_temp_path %[2]s;
 proxy_cache_path %[2]s/cache keys_zone=files:10m max_size=4g;
 upstream store { server %s; keepalive 64; }
 proxy_http_version 1.1; proxy_set_header Connection ""; proxy_set_header Host $http_host;
 server { listen %s; location / { proxy_pass http://store; proxy_cache files; proxy_cache_lock on; proxy_cache_valid 200 1h; } }
 server { listen %s; location / { proxy_pass http://store; } }
 server { listen %s; location / { proxy_pass http://store; limit_rate %d; } } }
`, user, dir, strings.TrimPrefix(e.upstream, "http://"), cached, plain, line, lineRate)
	file := filepath.Join(dir, "nginx.conf")
	if err := os.WriteFile(file, []byte(conf), 0o644); err != nil {
		return err
	}
	c := exec.CommandContext(e.b.ctx, nginxProgram(), "-p", dir, "-c", file)
	c.Stderr = os.Stderr
	if err := c.Start(); err != nil {
		return err
	}
	e.b.later(func() { stopProcess(c) })
	waitFor(plain)
	e.cacheURL, e.proxyURL = "http://"+cached, "http://"+plain
	return nil
}

// nginxProgram returns the path of nginx, which is not in the path of ordinary users.
func nginxProgram() string {
	if p, err := exec.LookPath("nginx"); err == nil {
		return p
	}
	return "/usr/sbin/nginx"
}
