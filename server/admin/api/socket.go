package api

import (
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
)

const (
	// runName is the name of the folder for sockets.
	runName = "snap-store-proxy"
	// systemRun is that folder for a store that root has installed, and systemData its data folder.
	systemRun  = "/run/" + runName
	systemData = "/var/lib/" + runName
)

// SocketFolder returns the folder in which a service of this user has its sockets, or "" if there is none. systemd names it; root has
// the system's, and other users have one of their own.
func SocketFolder() string {
	if dir, _, _ := strings.Cut(os.Getenv("RUNTIME_DIRECTORY"), ":"); dir != "" {
		return dir
	}
	if os.Geteuid() == 0 {
		return systemRun
	}
	if dir := os.Getenv("XDG_RUNTIME_DIR"); dir != "" {
		return filepath.Join(dir, runName)
	}
	return ""
}

// SocketName returns the name of the socket that stands beside a listener on a loopback address.
func SocketName(address string) string { return "admin-" + address + ".sock" }

// findSocket returns the path of the socket of the store at u, or "" if there is none.
func findSocket(u *url.URL) string {
	if u.Scheme != "http" {
		return ""
	}
	host, port := u.Hostname(), u.Port()
	if port == "" {
		port = "80"
	}
	if host == "localhost" {
		host = "127.0.0.1"
	}
	dirs := []string{SocketFolder(), systemRun}
	if os.Getenv("RUNTIME_DIRECTORY") != "" { // somebody has chosen the folder
		dirs = dirs[:1]
	}
	for _, dir := range dirs {
		if dir == "" {
			continue
		}
		path := filepath.Join(dir, SocketName(net.JoinHostPort(host, port)))
		if _, err := os.Lstat(path); err == nil {
			return path
		}
	}
	return ""
}

// SocketError reports a socket that anybody else than the store could have made.
type SocketError struct{ Path, Reason string }

// Error names the socket and the reason.
func (e *SocketError) Error() string { return fmt.Sprintf("%s: %s", e.Path, e.Reason) }

// NotRunningError reports that the administration of the store on this host does not run, so that any program may answer at its URL.
type NotRunningError struct{ URL string }

// Error names the URL.
func (e *NotRunningError) Error() string {
	return fmt.Sprintf("the administration of the store on this host does not run at %s", e.URL)
}

// installedHere reports whether this host has a store of its own.
func installedHere() bool {
	_, err := os.Stat(systemData)
	return err == nil
}
