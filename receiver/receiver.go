// Package receiver keeps the exporter's notes about the sites that bundles are carried to: which bundles were made for each, and which blobs they
// had. With them, an increment leaves out blobs that a site has.
package receiver

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"offlinestore/blob"
	"offlinestore/bundle"
	"offlinestore/receipt"
)

const (
	// notesFile describes a receiver, and ledgerFile has a line for each bundle that was made for it.
	notesFile, ledgerFile = "receiver.json", "ledger.jsonl"
	// lockFile is held while the ledger is written.
	lockFile = "lock"
	// maxNotes bounds the file of notes, in bytes.
	maxNotes = 64 << 10
)

var (
	// ErrExists reports a name that another receiver has.
	ErrExists = errors.New("there is a receiver of that name")
	// ErrUnknown reports a name that no receiver has.
	ErrUnknown = errors.New("there is no such receiver")
)

// Directory is the folder of all receivers.
type Directory struct{ path string }

// Open returns the receivers in a folder, which need not exist.
func Open(path string) *Directory { return &Directory{path} }

// Receiver is a site.
type Receiver struct {
	Name string `json:"name"`
	// Key is the public key of the site's store as PEM, or empty.
	Key   string    `json:"key,omitempty"`
	Added time.Time `json:"added"`

	folder string
}

// Add adds a receiver. The error is ErrExists or bundle.ErrReceiver.
func (d *Directory) Add(r Receiver) error {
	if bundle.ValidateReceiver(r.Name) != nil || blob.IsDevice(r.Name) {
		return fmt.Errorf("receiver %.80q: %w", r.Name, bundle.ErrReceiver)
	}
	folder := filepath.Join(d.path, r.Name)
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return fmt.Errorf("add receiver: %w", err)
	}
	text, err := json.MarshalIndent(r, "", "\t")
	if err != nil {
		return err
	}
	err = blob.WriteFile(filepath.Join(folder, notesFile), append(text, '\n'), blob.WriteOptions{Mode: 0o600, NoReplace: true})
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("%w: %s", ErrExists, r.Name)
	}
	if err != nil {
		return fmt.Errorf("add receiver %s: %w", r.Name, err)
	}
	return nil
}

// SetKey sets the key of a receiver, as PEM. A last receipt that the key has not signed is forgotten.
func (d *Directory) SetKey(ctx context.Context, name, key string) (err error) {
	r, err := d.Receiver(name)
	if err != nil {
		return err
	}
	unlock, err := r.lock(ctx)
	if err != nil {
		return fmt.Errorf("set the key of receiver %s: %w", name, err)
	}
	defer func() { err = errors.Join(err, unlock()) }()
	r.Key = key
	text, err := json.MarshalIndent(r, "", "\t")
	if err != nil {
		return err
	}
	if _, _, err := r.Receipt(); errors.Is(err, receipt.ErrSignature) || errors.Is(err, receipt.ErrForm) {
		if err := os.Remove(filepath.Join(r.folder, receiptFile)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("forget the last receipt of %s: %w", name, err)
		}
	}
	if err := blob.WriteFile(filepath.Join(r.folder, notesFile), append(text, '\n'), blob.WriteOptions{Mode: 0o600}); err != nil {
		return fmt.Errorf("set the key of receiver %s: %w", name, err)
	}
	return nil
}

// Receiver returns the receiver of a name. The error is ErrUnknown if there is none.
func (d *Directory) Receiver(name string) (*Receiver, error) {
	if bundle.ValidateReceiver(name) != nil {
		return nil, fmt.Errorf("%w: %.80q", ErrUnknown, name)
	}
	folder := filepath.Join(d.path, name)
	text, err := blob.ReadFile(filepath.Join(folder, notesFile), maxNotes)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w: %s", ErrUnknown, name)
	}
	r := &Receiver{}
	if err == nil {
		err = json.Unmarshal(text, r)
	}
	if err == nil && r.Name != name {
		err = fmt.Errorf("it is about %.80q", r.Name)
	}
	if err != nil {
		return nil, fmt.Errorf("read the notes about receiver %s: %w", name, err)
	}
	r.folder = folder
	return r, nil
}

// Names lists the receivers, sorted.
func (d *Directory) Names() ([]string, error) {
	entries, err := os.ReadDir(d.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("list receivers: %w", err)
	}
	var names []string
	for _, e := range entries {
		if _, err := os.Lstat(filepath.Join(d.path, e.Name(), notesFile)); err == nil {
			names = append(names, e.Name())
		}
	}
	slices.Sort(names)
	return names, nil
}

// Remove removes a receiver and its ledger. The error is ErrUnknown if there is none.
func (d *Directory) Remove(name string) error {
	r, err := d.Receiver(name)
	if err != nil {
		return err
	}
	// Without the notes, there is no receiver. They go first, so that a killed Remove leaves none without its ledger.
	if err := os.Remove(filepath.Join(r.folder, notesFile)); err != nil {
		return fmt.Errorf("remove receiver %s: %w", name, err)
	}
	if err := os.RemoveAll(r.folder); err != nil {
		return fmt.Errorf("remove receiver %s: %w", name, err)
	}
	return nil
}

// lock makes the caller the only one who writes the ledger.
func (r *Receiver) lock(ctx context.Context) (unlock func() error, err error) {
	return blob.Lock(ctx, filepath.Join(r.folder, lockFile))
}
