package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"offlinestore/server"
	"offlinestore/settings"
)

// maxStoreAssertion is the largest stream of a store assertion and what it needs, in bytes.
const maxStoreAssertion = 1 << 20

// storeAssertionPath is the file that 'register' and 'config --import-store-assertion' leave the store assertion in. It is no secret.
func (g *globals) storeAssertionPath() string { return filepath.Join(g.dataDir, "store.assert") }

// storeAssertion reads the stream of the store assertion; it is empty where there is none.
func (g *globals) storeAssertion() ([]byte, error) {
	f, err := os.Open(g.storeAssertionPath())
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the store assertion: %w", err)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxStoreAssertion+1))
	if err == nil && len(text) > maxStoreAssertion {
		err = fmt.Errorf("larger than %d bytes", maxStoreAssertion)
	}
	if err != nil {
		return nil, fmt.Errorf("read the store assertion: %w", err)
	}
	return text, nil
}

// live is what settings and files say of what may change while serve runs.
func (g *globals) live(s *settings.Settings, d *doors) (server.Live, error) {
	v, err := values(s, settings.Domain, settings.HTTPSPort, settings.TrustForwardedProto, settings.StoreID)
	if err != nil {
		return server.Live{}, err
	}
	l := server.Live{Domain: v[settings.Domain], HTTPSPort: v[settings.HTTPSPort], RedirectToHTTPS: d.https != nil,
		TrustForwardedProto: v[settings.TrustForwardedProto] == "true", StoreID: v[settings.StoreID]}
	if l.Registry, err = registryAccess(s, d.images); err != nil {
		return l, err
	}
	l.StoreAssertion, err = g.storeAssertion()
	return l, err
}
