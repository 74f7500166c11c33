package main

import (
	"net/url"
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
	d.state = auth.DeviceState{Brand: d.serial.BrandID(), Model: d.serial.Model(), Serial: d.serial.Serial(), KeyID: key.id()}
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
