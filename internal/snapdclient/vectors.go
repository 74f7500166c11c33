package main

import (
	"strings"

	"github.com/snapcore/snapd/asserts"
)

const (
	keySince = "2016-01-01T00:00:00Z"
	signTime = "2024-02-29T12:34:56.789+02:00"

	snapID      = "driverSnapIdAAAAAAAAAAAAAAAAAAAA"
	otherSnapID = "driverSnapIdBBBBBBBBBBBBBBBBBBBB"
	snapSize    = "4096"
)

// snapDigest has the form of a digest; no blob has it.
var snapDigest = strings.Repeat("Zm9vYmFy", 8)

// signChain signs the types that the product models. Each has every form of header that snapd emits: nested maps and
// lists, lists of maps, text of several lines, an empty line in a body, characters outside ASCII.
func (s *signer) signChain() {
	s.addAccountKey(s.root, s.store, "store")
	s.addAccount(s.store, publisherAccount, "Verlag für Schnappschüsse ☃")
	s.addAccountKey(s.store, s.publisher, "default")
	s.addAccount(s.store, brandAccount, "Brand")
	s.addAccountKey(s.store, s.brand, "default")
	s.add(s.store, asserts.SnapDeclarationType, declarationHeaders(), nil)
	s.add(s.store, asserts.SnapDeclarationType, map[string]any{
		"series": "16", "snap-id": otherSnapID, "snap-name": "driver-other", "publisher-id": publisherAccount, "timestamp": signTime,
	}, nil)
	s.add(s.store, asserts.SnapRevisionType, map[string]any{
		"snap-sha3-384": snapDigest, "snap-id": snapID, "snap-size": snapSize, "snap-revision": "7",
		"developer-id": publisherAccount, "timestamp": signTime,
	}, nil)
	s.add(s.store, asserts.StoreType, map[string]any{
		"store": "driver-store", "operator-id": brandAccount, "url": "https://store.example/prefix/",
		"location": "behind the\n\n  second door", "friendly-stores": []any{"a-store", "b-store"}, "timestamp": signTime,
	}, nil)
	s.add(s.brand, asserts.ModelType, coreModel(brandAccount), nil)
	s.add(s.brand, asserts.ModelType, classicModel(brandAccount), nil)
	headers, err := serialHeaders(brandAccount, s.device)
	if err != nil && s.err == nil {
		s.err = err
	}
	s.add(s.brand, asserts.SerialType, headers, []byte("colour: red\n\nnote: ☃\n"))
	s.add(s.publisher, asserts.ValidationSetType, validationSetHeaders(), nil)
	s.signRequests()
}

// signRequests signs the types that a device signs with its own key.
func (s *signer) signRequests() {
	s.add(s.device, asserts.DeviceSessionRequestType, map[string]any{
		"brand-id": brandAccount, "model": "driver-classic", "serial": "0001", "nonce": "a nonce", "timestamp": signTime,
	}, nil)
	key, err := s.device.publicKey()
	if err != nil && s.err == nil {
		s.err = err
	}
	s.add(s.device, asserts.SerialRequestType, map[string]any{
		"brand-id": brandAccount, "model": "driver-classic", "request-id": "REQ-1", "serial": "0001", "device-key": string(key),
	}, []byte("mac: 00:11:22:33:44:55"))
}

// signOthers signs types that the product carries without modelling them.
func (s *signer) signOthers() {
	s.add(s.publisher, asserts.ValidationType, map[string]any{
		"series": "16", "snap-id": snapID, "approved-snap-id": otherSnapID, "approved-snap-revision": "3",
		"revision": "1", "timestamp": signTime,
	}, nil)
	s.add(s.publisher, asserts.SnapBuildType, map[string]any{
		"snap-sha3-384": snapDigest, "snap-id": snapID, "snap-size": snapSize, "grade": "stable", "timestamp": signTime,
	}, nil)
	s.add(s.publisher, asserts.SnapDeveloperType, map[string]any{
		"snap-id": snapID, "publisher-id": publisherAccount,
		"developers": []any{map[string]any{"developer-id": brandAccount, "since": keySince, "until": signTime}},
	}, nil)
	s.add(s.brand, asserts.SystemUserType, map[string]any{
		"brand-id": brandAccount, "email": "user@example.org", "series": []any{"16"}, "models": []any{"driver-model"},
		"name": "A User", "username": "user", "password": "$6$salt$hash", "since": keySince, "until": signTime,
	}, nil)
	s.add(s.brand, asserts.RepairType, map[string]any{
		"brand-id": brandAccount, "repair-id": "42", "summary": "mend it", "architectures": []any{"amd64", "arm64"},
		"series": []any{"16"}, "timestamp": signTime,
	}, []byte("#!/bin/sh\n\nexit 0\n"))
	s.add(s.store, asserts.BaseDeclarationType, map[string]any{
		"series":    "16",
		"plugs":     map[string]any{"network": map[string]any{"allow-connection": "true"}},
		"slots":     map[string]any{"network": map[string]any{"allow-installation": map[string]any{"slot-snap-type": []any{"core"}}}},
		"timestamp": signTime,
	}, nil)
	key := &keyring{key: s.publisher.key}
	body, err := s.publisher.publicKey()
	if err != nil && s.err == nil {
		s.err = err
	}
	s.add(key, asserts.AccountKeyRequestType, map[string]any{
		"account-id": publisherAccount, "name": "next", "public-key-sha3-384": s.publisher.id(), "since": keySince,
	}, body)
}

func declarationHeaders() map[string]any {
	return map[string]any{
		"format": "4", "revision": "3",
		"series": "16", "snap-id": snapID, "snap-name": "driver-snap", "publisher-id": publisherAccount, "timestamp": signTime,
		"auto-aliases":    []any{"drv", "drv.x"},
		"aliases":         []any{map[string]any{"name": "drv", "target": "drive"}, map[string]any{"name": "drv.x", "target": "x"}},
		"refresh-control": []any{otherSnapID},
		"plugs": map[string]any{
			"home": map[string]any{"allow-auto-connection": "true"},
			"content": map[string]any{
				"allow-auto-connection": []any{
					map[string]any{"slot-publisher-id": []any{"$PLUG_PUBLISHER_ID"}, "slots-per-plug": "*"},
					map[string]any{
						"plug-attributes": map[string]any{"content": "themes|icons"},
						"on-store":        []any{"driver-store"},
						"on-model":        []any{brandAccount + "/driver-model"},
						"slot-names":      []any{"$INTERFACE", "th[a-z]*"},
					},
				},
			},
		},
		"slots": map[string]any{
			"dbus": map[string]any{
				"allow-installation": map[string]any{"on-classic": []any{"ubuntu"}},
				"deny-connection":    map[string]any{"slot-attributes": map[string]any{"name": []any{`a\.b`, "c"}}},
			},
		},
	}
}

func coreModel(brand string) map[string]any {
	return map[string]any{
		"series": "16", "brand-id": brand, "model": "driver-model", "display-name": "Driver\nModel", "architecture": "amd64",
		"base": "core20", "grade": "signed", "store": "driver-store", "storage-safety": "prefer-encrypted",
		"snaps": []any{
			map[string]any{"name": "kernel", "id": snapID, "type": "kernel", "default-channel": "20"},
			map[string]any{"name": "gadget", "id": otherSnapID, "type": "gadget", "default-channel": "20"},
			map[string]any{
				"name": "some-app", "id": "driverSnapIdCCCCCCCCCCCCCCCCCCCC", "modes": []any{"run", "recover"}, "presence": "optional",
			},
		},
		"timestamp": signTime,
	}
}

func classicModel(brand string) map[string]any {
	return map[string]any{
		"series": "16", "brand-id": brand, "model": "driver-classic", "classic": "true", "revision": "2",
		"serial-authority": []any{brand, rootAccount}, "required-snaps": []any{"driver-snap"}, "timestamp": signTime,
	}
}

func serialHeaders(brand string, device *keyring) (map[string]any, error) {
	key, err := device.publicKey()
	if err != nil {
		return nil, err
	}
	return map[string]any{
		"brand-id": brand, "model": "driver-classic", "serial": "0001", "device-key": string(key),
		"device-key-sha3-384": device.id(), "timestamp": signTime,
	}, nil
}

func validationSetHeaders() map[string]any {
	return map[string]any{
		"series": "16", "account-id": publisherAccount, "name": "driver-set", "sequence": "2", "revision": "1",
		"snaps": []any{
			map[string]any{"name": "driver-snap", "id": snapID, "presence": "required", "revision": "7"},
			map[string]any{"name": "driver-other", "id": otherSnapID, "presence": "invalid"},
		},
		"timestamp": signTime,
	}
}
