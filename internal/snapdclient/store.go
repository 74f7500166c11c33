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
	device  deviceFiles
}

func (t *target) addFlags(fs *flag.FlagSet) {
	fs.StringVar(&t.url, "store", "", "base `URL` of the store")
	fs.StringVar(&t.arch, "arch", "amd64", "architecture of the device")
	fs.StringVar(&t.storeID, "store-id", "", "store `ID` to send, as a device with a brand store does")
	fs.BoolVar(&t.session, "session", false, "be a device with a serial: ask for a device session first")
	fs.StringVar(&t.device.key, "device-key", "", "PEM `file` with the key of the device; with --model and --serial, instead of a throw-away device")
	fs.StringVar(&t.device.model, "model", "", "`file` with the model of the device")
	fs.StringVar(&t.device.serial, "serial", "", "`file` with the serial of the device")
	fs.StringVar(&t.device.session, "session-file", "", "`file` that keeps the session of the device")
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
	dev, err := t.device.open()
	if err != nil {
		return nil, fmt.Errorf("make a device identity: %w", err)
	}
	return store.New(cfg, dev), nil
}
