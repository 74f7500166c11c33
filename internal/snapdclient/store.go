package main

import (
	"flag"
	"fmt"
	"net/url"

	"github.com/snapcore/snapd/store"
)

// target is the store to talk to, and the kind of device that talks to it.
type target struct {
	url     string
	arch    string
	storeID string
	session bool
}

func (t *target) addFlags(fs *flag.FlagSet) {
	fs.StringVar(&t.url, "store", "", "base `URL` of the store")
	fs.StringVar(&t.arch, "arch", "amd64", "architecture of the device")
	fs.StringVar(&t.storeID, "store-id", "", "store `ID` to send, as a device with a brand store does")
	fs.BoolVar(&t.session, "session", false, "be a device with a serial: ask for a device session first")
}

func (t *target) open() (*store.Store, error) {
	if t.url == "" {
		return nil, usageError("--store is required")
	}
	u, err := url.Parse(t.url)
	if err != nil {
		return nil, usageError(fmt.Sprintf("parse --store: %v", err))
	}
	cfg := store.DefaultConfig()
	cfg.StoreBaseURL = u
	// Environment variables meant for snapd must not send the driver elsewhere.
	cfg.AssertionsBaseURL = nil
	cfg.Architecture = t.arch
	cfg.StoreID = t.storeID
	cfg.CacheDownloads = 0
	if !t.session {
		return store.New(cfg, nil), nil
	}
	dev, err := newDevice()
	if err != nil {
		return nil, fmt.Errorf("make a device identity: %w", err)
	}
	return store.New(cfg, dev), nil
}
