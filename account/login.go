// Package account keeps an operator's login at the Snap Store, and authorizes requests with it.
package account

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"

	"offlinestore/blob"
	"offlinestore/keyring"
	"offlinestore/macaroons"
	"offlinestore/upstream"
)

// Variables are the environment variables that may hold credentials. The first that is set is used, before any saved login.
var Variables = []string{"STORE_ADMIN_TOKEN", "SNAPCRAFT_STORE_CREDENTIALS", "UBUNTU_STORE_AUTH"}

// fileName is the name of a saved login in the folder of logins.
const fileName = "snap-store.json"

// maxFile bounds the file of a login in bytes.
const maxFile = 4 * macaroons.MaxCredentials

// Login is a login of an operator.
type Login struct {
	// Source is the variable or the file that holds the login.
	Source string
	macaroons.Credentials
	// Email is empty if it is unknown. Store, Dashboard and SSO are the origins of the services that the login is for.
	Email, Store, Dashboard, SSO string

	// path is the file of a saved login, or empty.
	path string
}

// Saved reports whether the login is in a file, and not in the environment.
func (l *Login) Saved() bool { return l.path != "" }

// file is the content of a file with a login, which has mode 0600.
type file struct {
	Email     string `json:"email"`
	Store     string `json:"store"`
	Dashboard string `json:"dashboard"`
	SSO       string `json:"sso"`
	Root      string `json:"root"`
	Discharge string `json:"discharge"`
}

var (
	// ErrNone means that there is no login.
	ErrNone = errors.New("not logged in at the Snap Store")
	// ErrDamaged means that a file is no login.
	ErrDamaged = errors.New("the saved login is damaged")
)

// VariableError reports an environment variable that holds no credentials.
type VariableError struct {
	Name string
	Err  error
}

// Error names the variable. It doesn't repeat its value.
func (e *VariableError) Error() string { return e.Name + ": " + e.Err.Error() }

// Unwrap returns the cause.
func (e *VariableError) Unwrap() error { return e.Err }

// FileError reports that the file of a login can't be changed, so that no service is to blame.
type FileError struct {
	doing string
	err   error
}

func (e *FileError) Error() string { return e.doing + " the login: " + e.err.Error() }

// Unwrap returns the cause.
func (e *FileError) Unwrap() error { return e.err }

// Is reports whether target is [upstream.ErrUnauthorized]: a session changes the file because the store refuses the login in it.
func (e *FileError) Is(target error) bool { return target == upstream.ErrUnauthorized }

// Find returns the login that applies: of the first variable that is set, else the one saved below the folder dir. It returns [ErrNone] if there
// is none. A login of the environment gets the services of services.
func Find(dir string, services Login) (*Login, error) {
	for _, name := range Variables {
		text := os.Getenv(name)
		if text == "" {
			continue
		}
		c, err := macaroons.ParseCredentials(text)
		if err != nil {
			return nil, &VariableError{name, err}
		}
		services.Source, services.Credentials, services.Email, services.path = name, *c, "", ""
		return &services, nil
	}
	return load(filepath.Join(dir, fileName))
}

func load(path string) (*Login, error) {
	text, err := keyring.ReadPrivate(path, maxFile)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, ErrNone
	}
	if err != nil {
		return nil, fmt.Errorf("read the login: %w", err)
	}
	var f file
	if json.Unmarshal(text, &f) != nil {
		return nil, fmt.Errorf("%s: %w", path, ErrDamaged)
	}
	if _, err := macaroons.Authorization(f.Root, f.Discharge); err != nil {
		return nil, fmt.Errorf("%s: %w", path, ErrDamaged)
	}
	return &Login{Source: path, Credentials: macaroons.Credentials{Root: f.Root, Discharge: f.Discharge}, Email: f.Email, Store: f.Store, Dashboard: f.Dashboard,
		SSO: f.SSO, path: path}, nil
}

// Save keeps a login below the folder dir, in place of an earlier one. It waits while a session refreshes that one.
func (l *Login) Save(ctx context.Context, dir string) (err error) {
	if err := blob.MakeDir(dir, 0o700); err != nil {
		return &FileError{"save", err}
	}
	l.path = filepath.Join(dir, fileName)
	l.Source = l.path
	unlock, err := lock(ctx, l.path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, unlock()) }()
	return l.save()
}

// lock waits until no other process changes the login in a file.
func lock(ctx context.Context, path string) (unlock func() error, err error) {
	unlock, err = blob.LockTemporary(ctx, path+".lock")
	if err != nil {
		return nil, &FileError{"lock", err}
	}
	return unlock, nil
}

func (l *Login) save() error {
	text, err := json.Marshal(file{l.Email, l.Store, l.Dashboard, l.SSO, l.Root, l.Discharge})
	if err != nil {
		return err
	}
	if err := keyring.WritePrivate(l.path, append(text, '\n')); err != nil {
		return &FileError{"save", err}
	}
	return nil
}

// Forget removes the login that is saved below the folder dir. It returns [ErrNone] if there is none. It waits while a session refreshes
// the login, so that the session does not bring it back.
func Forget(ctx context.Context, dir string) (err error) {
	path := filepath.Join(dir, fileName)
	if _, err := os.Lstat(path); errors.Is(err, fs.ErrNotExist) {
		return ErrNone
	}
	unlock, err := lock(ctx, path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, unlock()) }()
	err = os.Remove(path)
	if errors.Is(err, fs.ErrNotExist) {
		return ErrNone
	}
	if err != nil {
		return &FileError{"remove", err}
	}
	return blob.SyncDir(dir)
}

// IsFor reports whether the login was made for a store with the same scheme, host and port.
func (l *Login) IsFor(store string) bool {
	a, err := url.Parse(l.Store)
	if err != nil {
		return false
	}
	b, err := url.Parse(store)
	return err == nil && upstream.SameOrigin(a, b)
}
