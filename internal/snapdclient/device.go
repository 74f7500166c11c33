package main

import (
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"time"

	"github.com/snapcore/snapd/asserts"
	"github.com/snapcore/snapd/overlord/auth"
	"github.com/snapcore/snapd/store"
)

// device is a throw-away device with a serial of its own brand. It makes snapd's store package request a nonce and a
// session, as every registered device does before its first request.
type device struct {
	key    *keyring
	model  *asserts.Model
	serial *asserts.Serial
	state  auth.DeviceState
	file   string // of the session, or nothing
}

// deviceFiles names the files of a device. Without any, the device is a throw-away one.
type deviceFiles struct{ key, model, serial, session string }

func (f deviceFiles) open() (*device, error) {
	if f.key == "" {
		return newDevice()
	}
	d := &device{file: f.session}
	var err error
	if d.key, err = readKeyring(f.key); err != nil {
		return nil, err
	}
	for file, typ := range map[string]*asserts.AssertionType{f.model: asserts.ModelType, f.serial: asserts.SerialType} {
		text, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		a, err := asserts.Decode(text)
		if err != nil {
			return nil, err
		}
		switch a := a.(type) {
		case *asserts.Model:
			d.model = a
		case *asserts.Serial:
			d.serial = a
		}
		if a.Type() != typ {
			return nil, fmt.Errorf("%s holds a %s", file, a.Type().Name)
		}
	}
	d.identify()
	macaroon, err := os.ReadFile(d.file)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	d.state.SessionMacaroon = string(macaroon)
	return d, nil
}

// identify sets the identity that the serial holds.
func (d *device) identify() {
	d.state = auth.DeviceState{Brand: d.serial.BrandID(), Model: d.serial.Model(), Serial: d.serial.Serial(), KeyID: d.key.id()}
}

func newDevice() (*device, error) {
	brand, err := newKeyring("driver-brand", deviceKeyBits)
	if err != nil {
		return nil, err
	}
	key, err := newKeyring("", deviceKeyBits)
	if err != nil {
		return nil, err
	}
	model, err := brand.sign(asserts.ModelType, classicModel(brand.account), nil)
	if err != nil {
		return nil, err
	}
	headers, err := serialHeaders(brand.account, key)
	if err != nil {
		return nil, err
	}
	serial, err := brand.sign(asserts.SerialType, headers, nil)
	if err != nil {
		return nil, err
	}
	d := &device{key: key, model: model.(*asserts.Model), serial: serial.(*asserts.Serial)}
	d.identify()
	return d, nil
}

// Device returns the identity and, once the store has issued one, the session.
func (d *device) Device() (*auth.DeviceState, error) {
	state := d.state
	return &state, nil
}

// UpdateDeviceAuth keeps the session that the store issued.
func (d *device) UpdateDeviceAuth(_ *auth.DeviceState, macaroon string) (*auth.DeviceState, error) {
	d.state.SessionMacaroon = macaroon
	if d.file != "" {
		if err := os.WriteFile(d.file, []byte(macaroon), 0o600); err != nil {
			return nil, err
		}
	}
	return d.Device()
}

// UpdateUserAuth does nothing: the driver has no users.
func (d *device) UpdateUserAuth(user *auth.UserState, _ []string) (*auth.UserState, error) {
	return user, nil
}

// StoreID returns the store id of the configuration.
func (d *device) StoreID(fallback string) (string, error) { return fallback, nil }

// DeviceSessionRequestParams signs the store's nonce with the device key.
func (d *device) DeviceSessionRequestParams(nonce string) (*store.DeviceSessionRequestParams, error) {
	req, err := d.key.signWithoutAuthority(asserts.DeviceSessionRequestType, map[string]any{
		"brand-id":  d.state.Brand,
		"model":     d.state.Model,
		"serial":    d.state.Serial,
		"nonce":     nonce,
		"timestamp": time.Now().UTC().Format(time.RFC3339),
	})
	if err != nil {
		return nil, err
	}
	return &store.DeviceSessionRequestParams{
		Request: req.(*asserts.DeviceSessionRequest),
		Serial:  d.serial,
		Model:   d.model,
	}, nil
}

// ProxyStoreParams returns the configured store: --store replaces proxy.store.
func (d *device) ProxyStoreParams(defaultURL *url.URL) (string, *url.URL, error) {
	return "", defaultURL, nil
}

// CloudInfo returns nothing: the device is in no cloud.
func (d *device) CloudInfo() (*auth.CloudInfo, error) { return nil, nil }
