// Package remote administers a store from another machine, for both programs: after 'store-admin login', commands of
// snap-store-proxy have a --remote that finds the login in the user's files.
package remote

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"offlinestore/blob"
	"offlinestore/cmd/internal/cli"
)

// maxFile is the largest login that is read, in bytes.
const maxFile = 1 << 20

// login is a file of the user's, of mode 0600.
type login struct {
	URL   string `json:"url"`
	Email string `json:"email"`
	Root  string `json:"root"`
	// Discharge is not bound to the root, so that it can be refreshed.
	Discharge string `json:"discharge"`
	// CA is what the store's certificate is checked with, as PEM; the system's are if it is empty.
	CA string `json:"ca,omitempty"`
}

// folder is beside the keys of store-admin.
func folder() (string, error) {
	for _, name := range []string{"STORE_ADMIN_CONFIG_DIR", "SNAP_USER_COMMON"} {
		if dir := os.Getenv(name); dir != "" {
			return filepath.Join(dir, "logins"), nil
		}
	}
	dir, err := os.UserConfigDir()
	if err != nil {
		return "", fmt.Errorf("find the folder for logins: %w (or set STORE_ADMIN_CONFIG_DIR)", err)
	}
	return filepath.Join(dir, "store-admin", "logins"), nil
}

// parseURL takes the URL of a store's administration. A password may cross a network only encrypted.
func parseURL(text string) (*url.URL, error) {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || u.Hostname() == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" || strings.Trim(u.Path, "/") != "" {
		return nil, cli.Usagef("%.120q: want https://HOST:PORT, as the store's proxy.admin.listen says", text)
	}
	switch {
	case u.Scheme == "https":
	case u.Scheme != "http":
		return nil, cli.Usagef("%.120q: want https://, or http:// for this host itself", text)
	case !isLoopback(u.Hostname()):
		return nil, cli.Hint(cli.Usagef("%s: without TLS, anybody on the way could read the password", text),
			"give the store a certificate and say https://, or go through a tunnel: ssh -L 8013:127.0.0.1:8013 %s, and http://127.0.0.1:8013", u.Hostname())
	}
	return &url.URL{Scheme: u.Scheme, Host: strings.ToLower(u.Host)}, nil
}

func isLoopback(host string) bool {
	a, err := netip.ParseAddr(host)
	return err == nil && a.IsLoopback() || host == "localhost"
}

// pathOf is the file of the login at a URL.
func pathOf(u *url.URL) (string, error) {
	dir, err := folder()
	if err != nil {
		return "", err
	}
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	return filepath.Join(dir, u.Scheme+"_"+url.PathEscape(net.JoinHostPort(u.Hostname(), port))+".json"), nil
}

func load(path string, u *url.URL) (*login, error) {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, cli.Hint(fmt.Errorf("not logged in at %s", u), "log in first: store-admin login --offline %s EMAIL", u)
	}
	if err != nil {
		return nil, fmt.Errorf("read the login: %w", err)
	}
	if info.Size() > maxFile {
		return nil, fmt.Errorf("read the login: %s is larger than %d bytes", path, maxFile)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read the login: %w", err)
	}
	var l login
	if err := json.Unmarshal(text, &l); err != nil || l.URL != u.String() {
		return nil, cli.Hint(fmt.Errorf("read the login: %s is damaged", path), "log in again: store-admin login --offline %s EMAIL", u)
	}
	return &l, nil
}

func (l *login) save(path string) error {
	text, err := json.Marshal(l)
	if err != nil {
		return err
	}
	if err := blob.MakeDir(filepath.Dir(path), 0o700); err != nil {
		return fmt.Errorf("save the login: %w", err)
	}
	if err := blob.WriteFile(path, append(text, '\n'), blob.WriteOptions{Mode: 0o600}); err != nil {
		return fmt.Errorf("save the login: %w", err)
	}
	return nil
}
