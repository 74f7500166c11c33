package main

import (
	"fmt"
	"path/filepath"
	"strings"

	"offlinestore/cmd/internal/cli"
	"offlinestore/wanted"
)

const (
	// lockExtension ends the names of locks, and defaultLock is the one that belongs to wanted.yaml.
	lockExtension = ".lock"
	defaultLock   = "wanted.lock"
)

// readWanted reads a wanted.yaml with its models.
func readWanted(path string) (*wanted.File, error) {
	text, err := cli.ReadFile(path, wanted.MaxSize)
	if err != nil {
		return nil, cli.Usagef("%w", err)
	}
	f, err := wanted.Parse(path, text)
	if err != nil {
		return nil, err
	}
	for i := range f.Models {
		m := &f.Models[i]
		if m.Assertion != "" {
			continue
		}
		name := m.File
		if !filepath.IsAbs(name) && path != "-" {
			name = filepath.Join(filepath.Dir(path), name)
		}
		text, err := cli.ReadFile(name, maxModel)
		if err != nil {
			return nil, f.ErrorAt(m.Position, err)
		}
		m.Assertion = string(text)
	}
	return f, nil
}

// lockOf returns the path of the lock of a wanted.yaml.
func lockOf(path string) string {
	if path == "-" {
		return defaultLock
	}
	return strings.TrimSuffix(path, filepath.Ext(path)) + lockExtension
}

// readLocked reads a lock, or the lock beside a wanted.yaml, which must be the one that was locked.
func readLocked(path string) (*wanted.Lock, error) {
	if filepath.Ext(path) == lockExtension {
		return readLock(path)
	}
	f, err := readWanted(path)
	if err != nil {
		return nil, err
	}
	l, err := readLock(lockOf(path))
	if err != nil {
		return nil, err
	}
	asked, err := f.Digest()
	if err != nil {
		return nil, err
	}
	if l.Wanted != asked {
		return nil, fmt.Errorf("%w: %s has changed since %s was made", errOutdated, path, lockOf(path))
	}
	l.Receivers = f.Receivers
	return l, nil
}

// readLock reads a lock.
func readLock(path string) (*wanted.Lock, error) {
	text, err := cli.ReadFile(path, wanted.MaxLockSize)
	if err != nil {
		return nil, cli.Usagef("%w", err)
	}
	l, err := wanted.ParseLock(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return l, nil
}
