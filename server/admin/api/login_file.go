package api

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
)

// maxFile is the largest login that is read, in bytes.
const maxFile = 1 << 20

// login is the content of a file of the user's, which has mode 0600.
type login struct {
	URL   string `json:"url"`
	Email string `json:"email"`
	Root  string `json:"root,omitempty"`
	// Discharge is not bound to the root, so that it can be refreshed.
	Discharge string `json:"discharge,omitempty"`
	// Macaroon is the login of a token, which needs no discharge. It is there instead of Root and Discharge.
	Macaroon string `json:"macaroon,omitempty"`
	// CA is the authority of the store's certificate as PEM, or empty for the system's.
	CA string `json:"ca,omitempty"`
	// StoreKey is the fingerprint of the key that the store proved at the first login.
	StoreKey string `json:"store-key,omitempty"`
}

// folder returns the folder of the logins. It is beside the keys of store-admin.
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

// parseURL parses the URL of a store's administration. Plain HTTP is allowed on this host only, since it would show the password.
func parseURL(text string) (*url.URL, error) {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || u.Hostname() == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" || strings.Trim(u.Path, "/") != "" {
		return nil, &URLError{Text: text}
	}
	switch {
	case u.Scheme == "https":
	case u.Scheme != "http":
		return nil, &URLError{Text: text, Local: true}
	case !isLoopback(u.Hostname()):
		return nil, &InsecureURLError{URL: text, Host: u.Hostname()}
	}
	return &url.URL{Scheme: u.Scheme, Host: strings.ToLower(u.Host)}, nil
}

func isLoopback(host string) bool {
	a, err := netip.ParseAddr(host)
	return err == nil && a.IsLoopback() || host == "localhost"
}

// pathOf returns the path of the login at a URL.
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

// load reads the login at u.
func load(path string, u *url.URL) (*login, error) {
	text, err := blob.ReadFile(path, maxFile)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, &NotLoggedInError{u.String()}
	}
	if err != nil {
		return nil, fmt.Errorf("read the login: %w", err)
	}
	var l login
	if err := json.Unmarshal(text, &l); err != nil || l.URL != u.String() {
		return nil, &DamagedLoginError{URL: u.String(), Path: path}
	}
	return &l, nil
}

// save writes the login to a file that only its user can read.
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

// Forget removes the login at a store from the user's files. It returns a *[NotLoggedInError] if there is none.
func Forget(rawURL string) error {
	c, err := newClient(rawURL)
	if err != nil {
		return err
	}
	err = os.Remove(c.path)
	if errors.Is(err, fs.ErrNotExist) {
		return &NotLoggedInError{c.url.String()}
	}
	if err != nil {
		return fmt.Errorf("remove the login: %w", err)
	}
	return nil
}
