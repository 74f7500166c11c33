package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"offlinestore/blob"
	"offlinestore/bundle"
	"offlinestore/receiver"
)

// partsState is an export in parts that has begun. The same command goes on with it.
type partsState struct {
	// Created is the time of the export, and Compression the one of its files.
	Created     time.Time
	Compression bundle.Compression
	// Folder is the folder of the parts, as the command line has it.
	Folder string
	// Division is the division of the bundle.
	Division []byte
	// Done are the numbers of the parts that are complete.
	Done []int
	// Bundle describes the bundle. Delivery is its entry in the ledger of the receiver.
	Bundle   exportedBundle
	Receiver string
	Delivery receiver.Delivery

	dir string // of the state
}

const (
	partsStateFile = "state.json"
	partsHeadFile  = "head.tar"
	// maxPartsState and maxPartsHead bound the files of a state, in bytes.
	maxPartsState = 64 << 20
	maxPartsHead  = 128 << 20
)

// partsStateDir returns the folder of the state of this command: one for each command line and current folder.
func partsStateDir() (string, error) {
	dir, err := configDir()
	if err != nil {
		return "", err
	}
	here, err := os.Getwd()
	if err != nil {
		return "", err
	}
	var args []string
	for _, arg := range os.Args[1:] {
		if arg != "--start-over" {
			args = append(args, arg)
		}
	}
	sum := sha256.Sum256([]byte(here + "\x00" + strings.Join(args, "\x00")))
	return filepath.Join(dir, "parts", hex.EncodeToString(sum[:16])), nil
}

// begin keeps the state of an export, so that a later run can go on with it.
func (s *partsState) begin(ctx context.Context, sealed *bundle.SignedBundle) error {
	if err := os.MkdirAll(s.dir, 0o700); err != nil {
		return err
	}
	var head bytes.Buffer
	if err := sealed.WriteHead(ctx, &head); err != nil {
		return err
	}
	if err := blob.WriteFile(filepath.Join(s.dir, partsHeadFile), head.Bytes(), blob.WriteOptions{Mode: 0o600}); err != nil {
		return err
	}
	return s.save()
}

// save writes the state. The head is there before.
func (s *partsState) save() error {
	text, err := json.Marshal(s)
	if err != nil {
		return err
	}
	return blob.WriteFile(filepath.Join(s.dir, partsStateFile), text, blob.WriteOptions{Mode: 0o600})
}

// end removes the state.
func (s *partsState) end() error { return removePartsState(s.dir) }

// removePartsState removes a state, if there is one. The file without which there is none goes first.
func removePartsState(dir string) error {
	err := os.Remove(filepath.Join(dir, partsStateFile))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return os.RemoveAll(dir)
}

// readPartsState returns the state of an earlier run of this command, and its bundle, or nil if there is none.
func readPartsState(ctx context.Context) (*partsState, *bundle.DividedBundle, error) {
	dir, err := partsStateDir()
	if err != nil {
		return nil, nil, err
	}
	text, err := blob.ReadFile(filepath.Join(dir, partsStateFile), maxPartsState)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil, nil
	}
	if err != nil {
		return nil, nil, err
	}
	s := &partsState{}
	if err := json.Unmarshal(text, s); err != nil {
		return nil, nil, &partsStateError{fmt.Errorf("%s: %w", filepath.Join(dir, partsStateFile), err)}
	}
	s.dir = dir
	head, err := blob.ReadFile(filepath.Join(dir, partsHeadFile), maxPartsHead)
	if err != nil {
		return nil, nil, &partsStateError{err}
	}
	d, err := bundle.ReadDivided(ctx, head, s.Division)
	if err != nil {
		return nil, nil, &partsStateError{err}
	}
	return s, d, nil
}

// partsStateError reports notes about an unfinished export that cannot be used.
type partsStateError struct{ err error }

func (e *partsStateError) Error() string {
	return "the notes about the unfinished export: " + e.err.Error()
}

func (e *partsStateError) Unwrap() error { return e.err }
