package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"

	"offlinestore/audit"
	"offlinestore/blob"
	"offlinestore/bundle"
	"offlinestore/cmd/internal/cli"
	"offlinestore/receipt"
	"offlinestore/wanted"
)

// readAnySide reads a side of a comparison, of any kind.
func readAnySide(ctx context.Context, file string, o *opening) (side wanted.Side, err error) {
	if slices.Contains([]string{".yaml", ".yml"}, filepath.Ext(file)) {
		side.File, err = readWanted(file)
		return side, err
	}
	start := startOf(file)
	switch {
	case wanted.IsLock(start):
		var l *wanted.Lock
		if l, err = readLock(file); err == nil {
			side.Head = l.Content.Head()
		}
	case receipt.IsReceipt(start):
		side.Receipt, err = readReceipt(file)
	default:
		side.Head, err = readSide(ctx, file, o)
	}
	return side, err
}

// startOf returns the first bytes of a file, or nothing if it can't be read: opening it then tells the reason.
func startOf(file string) []byte {
	f, err := blob.OpenNamed(file)
	if err != nil {
		return nil
	}
	defer f.Close()
	var start bytes.Buffer
	_, _ = io.CopyN(&start, f, 64)
	return start.Bytes()
}

// readReceipt reads a receipt. A receiver that has its key verifies it. Nobody vouches for another one, and a warning says so.
func readReceipt(file string) (*receipt.Receipt, error) {
	text, err := cli.ReadFile(file, receipt.MaxSize)
	if err != nil {
		return nil, err
	}
	signed, err := receipt.Parse(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	d, err := openReceivers()
	if err != nil {
		return nil, err
	}
	for _, name := range completeReceivers(context.Background(), nil, "") {
		r, err := d.Receiver(name)
		if err != nil || r.Key == "" {
			continue
		}
		if key, err := audit.ParsePublicKey([]byte(r.Key)); err == nil && key.ID() == signed.Key {
			found, err := signed.Verify(key)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", file, err)
			}
			return found, nil
		}
	}
	fmt.Fprintf(os.Stderr, "Warning: %s: no receiver has the key of this receipt, so its signature is not verified\n", file)
	return signed.Unverified(), nil
}

// readSide reads the head of a bundle, or of all bundles in a folder that is no layout.
func readSide(ctx context.Context, file string, o *opening) (*bundle.Head, error) {
	members, err := bundlesIn(file)
	if err != nil {
		return nil, err
	}
	var all []*summary
	for _, m := range members {
		s, err := inspect(ctx, m, o)
		if err != nil {
			return nil, err
		}
		all = append(all, s)
	}
	slices.SortStableFunc(all, func(a, b *summary) int { return a.Created.Compare(b.Created) })
	if len(all) == 1 {
		return all[0].head, nil
	}
	var heads []*bundle.Head
	for _, s := range all {
		heads = append(heads, s.head)
	}
	return bundle.Merge(heads...), nil
}

// bundlesIn returns the archives in a folder. It returns anything else itself, layouts too.
func bundlesIn(file string) ([]string, error) {
	entries, err := os.ReadDir(file)
	if err != nil {
		return []string{file}, nil // it is a file, or opening it tells the reason
	}
	if bundle.IsFolder(file) {
		return []string{file}, nil
	}
	var out []string
	for _, e := range entries {
		if compressionOf(e.Name()) != "" && e.Name()[0] != '.' {
			out = append(out, filepath.Join(file, e.Name()))
		}
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("%s: no bundles in it: %w", file, bundle.ErrNotBundle)
	}
	return out, nil
}
