package instance

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
)

// lostFound is a folder that a file system has at its top.
const lostFound = "lost+found"

// serviceUsers are the users that a data folder made by root is given to: first the installer's user, then PostgreSQL's, because
// PostgreSQL refuses to run as root.
var serviceUsers = []string{"snap-store-proxy", "postgres"}

// RootOwnedError means that root owns a data folder with content, so that there is no user to continue as.
type RootOwnedError struct{ Dir string }

func (e *RootOwnedError) Error() string {
	return fmt.Sprintf("the data folder %s has content, and belongs to root", e.Dir)
}

// ErrNoServiceUser means that there is no user to give a new data folder to.
var ErrNoServiceUser = fmt.Errorf("this system has no user to own a store: want %s", strings.Join(serviceUsers, " or "))

// LinkError reports a link on the way to the data folder that another user than root can change. With root's rights, such a link
// would give away its target.
type LinkError struct {
	Path  string
	Owner int
}

func (e *LinkError) Error() string {
	return fmt.Sprintf("%s is a symbolic link of user %d, which root does not follow", e.Path, e.Owner)
}

// Enter makes the data folder if there is none, and changes from root to the owner of the folder. Inputs that only root can read,
// and low ports, must be open before. The error may be an UnreachableError, a RootOwnedError, an ErrNoServiceUser, a LinkError or
// a HalfRestoredError.
func (d Dir) Enter() error { return d.enterWhole(true) }

// EnterExisting enters the data folder for work that changes nothing. It makes nothing, and leaves an empty folder alone. The error may also be a
// NoStoreError.
func (d Dir) EnterExisting() error { return d.enterWhole(false) }

// enterWhole enters the data folder, and refuses one that holds only a part of a store. What is changed there would end up aside.
func (d Dir) enterWhole(create bool) error {
	if err := d.enter(create); err != nil {
		return err
	}
	return d.validateWhole()
}

func (d Dir) enter(create bool) error {
	Operator() // root's rights tell of it
	if os.Geteuid() != 0 {
		return d.open(create)
	}
	return d.enterAsRoot(create)
}

// open finds the data folder for a user without root's rights.
func (d Dir) open(create bool) error {
	info, err := os.Stat(string(d))
	if errors.Is(err, fs.ErrNotExist) {
		if !create {
			return &NoStoreError{string(d)}
		}
		if err := os.MkdirAll(string(d), 0o755); err != nil {
			return fmt.Errorf("make the data folder: %w", err)
		}
		info, err = os.Stat(string(d))
	}
	if err != nil {
		return fmt.Errorf("open the data folder: %w", err)
	}
	if !info.IsDir() {
		return fmt.Errorf("open the data folder: %s is no folder", d)
	}
	return nil
}
