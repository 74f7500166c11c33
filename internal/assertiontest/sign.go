package assertiontest

import (
	"fmt"
	"strconv"

	"offlinestore/assertion"
)

// Account is an account with a signing key.
type Account struct {
	ID         string
	Key        *assertion.SigningKey
	Account    *assertion.Assertion
	AccountKey *assertion.Assertion
}

// Account returns an account assertion.
func (s *Stack) Account(id, displayName string, changes Headers) *assertion.Assertion {
	return s.StoreSign(Headers{
		"type": "account", "account-id": id, "display-name": displayName, "username": id, "validation": "unproven",
	}, changes)
}

// AccountKey returns the account-key assertion of a key, signed with the root key.
func (s *Stack) AccountKey(accountID, name string, key *assertion.SigningKey, changes Headers) *assertion.Assertion {
	return sign(s.RootKey, key.PublicKeyBody(), Headers{
		"type": "account-key", "authority-id": RootID, "account-id": accountID, "name": name,
		"public-key-sha3-384": key.KeyID(), "since": Since,
	}, changes)
}

// NewAccount returns an account that signs with the embedded key of the given name. Only one account can have a key.
func (s *Stack) NewAccount(id, keyName string) *Account {
	key, err := signingKey(keyName)
	if err != nil {
		panic(fmt.Sprintf("assertiontest: %v", err))
	}
	return &Account{
		ID: id, Key: key,
		Account:    s.Account(id, id, nil),
		AccountKey: s.AccountKey(id, "default", key, nil),
	}
}

// Assertions returns the account assertion and the account-key assertion.
func (a *Account) Assertions() []*assertion.Assertion {
	return []*assertion.Assertion{a.Account, a.AccountKey}
}

// Sign applies changes to headers and signs them for the account.
func (a *Account) Sign(headers, changes Headers) *assertion.Assertion {
	all := Headers{"authority-id": a.ID, "timestamp": Timestamp}
	for name, v := range headers {
		all[name] = v
	}
	return sign(a.Key, nil, all, changes)
}

// SnapDeclaration returns the assertion that gives a snap its name and its publisher.
func (s *Stack) SnapDeclaration(snapID, name, publisherID string, changes Headers) *assertion.Assertion {
	return s.StoreSign(Headers{
		"type": "snap-declaration", "series": assertion.Series, "snap-id": snapID, "snap-name": name, "publisher-id": publisherID,
	}, changes)
}

// RevisionHeaders returns the headers of a snap-revision, without the authority.
func RevisionHeaders(snapID string, revision int, developerID string, snap Blob) Headers {
	return Headers{
		"type": "snap-revision", "snap-sha3-384": assertion.DigestHeader(snap.SHA3_384), "snap-size": strconv.FormatInt(snap.Size, 10),
		"snap-id": snapID, "snap-revision": strconv.Itoa(revision), "developer-id": developerID,
	}
}

// SnapRevision returns the assertion that makes a file a revision of a snap.
func (s *Stack) SnapRevision(snapID string, revision int, developerID string, snap Blob, changes Headers) *assertion.Assertion {
	return s.StoreSign(RevisionHeaders(snapID, revision, developerID, snap), changes)
}

// SnapResourceRevision returns the assertion that makes a file a revision of a snap's component.
func (s *Stack) SnapResourceRevision(snapID, name string, revision int, developerID string, resource Blob, changes Headers) *assertion.Assertion {
	return s.StoreSign(Headers{
		"type": "snap-resource-revision", "snap-id": snapID, "resource-name": name, "resource-sha3-384": assertion.DigestHeader(resource.SHA3_384),
		"resource-size": strconv.FormatInt(resource.Size, 10), "resource-revision": strconv.Itoa(revision), "developer-id": developerID,
	}, changes)
}

// SnapResourcePair returns the assertion that connects a revision of a component with a revision of its snap.
func (s *Stack) SnapResourcePair(snapID, name string, resourceRevision, snapRevision int, developerID string, changes Headers) *assertion.Assertion {
	return s.StoreSign(Headers{
		"type": "snap-resource-pair", "snap-id": snapID, "resource-name": name, "resource-revision": strconv.Itoa(resourceRevision),
		"snap-revision": strconv.Itoa(snapRevision), "developer-id": developerID,
	}, changes)
}

// Store returns the assertion of a store that an account operates.
func (s *Stack) Store(store, operatorID, url string, changes Headers) *assertion.Assertion {
	return s.StoreSign(Headers{"type": "store", "store": store, "operator-id": operatorID, "url": url}, changes)
}

// ValidationSet returns a validation-set assertion of the account. Each element of snaps is a map with name, id and
// optionally revision and presence.
func (a *Account) ValidationSet(name string, sequence int, snaps []any, changes Headers) *assertion.Assertion {
	return a.Sign(Headers{
		"type": "validation-set", "series": assertion.Series, "account-id": a.ID, "name": name, "sequence": strconv.Itoa(sequence), "snaps": snaps,
	}, changes)
}

// Model returns a model assertion of the brand. The model is a classic one unless changes say otherwise.
func (a *Account) Model(model string, changes Headers) *assertion.Assertion {
	return a.Sign(Headers{
		"type": "model", "series": assertion.Series, "brand-id": a.ID, "model": model, "classic": "true", "architecture": "amd64",
	}, changes)
}

// Serial returns the serial assertion of a device of the brand.
func (a *Account) Serial(model, serial string, device *assertion.SigningKey, changes Headers) *assertion.Assertion {
	return a.Sign(Headers{
		"type": "serial", "brand-id": a.ID, "model": model, "serial": serial,
		"device-key": string(device.PublicKeyBody()), "device-key-sha3-384": device.KeyID(),
	}, changes)
}

// DeviceKey returns the key of the test device.
func DeviceKey() *assertion.SigningKey {
	key, err := signingKey("device")
	if err != nil {
		panic(fmt.Sprintf("assertiontest: %v", err))
	}
	return key
}

// DeviceSessionRequest returns a device's request for a session.
func DeviceSessionRequest(brandID, model, serial, nonce string, device *assertion.SigningKey, changes Headers) *assertion.Assertion {
	return sign(device, nil, Headers{
		"type": "device-session-request", "brand-id": brandID, "model": model, "serial": serial, "nonce": nonce, "timestamp": Timestamp,
	}, changes)
}

// SerialRequest returns a device's request for a serial.
func SerialRequest(brandID, model, requestID string, device *assertion.SigningKey, changes Headers) *assertion.Assertion {
	return sign(device, nil, Headers{
		"type": "serial-request", "brand-id": brandID, "model": model, "request-id": requestID, "device-key": string(device.PublicKeyBody()),
	}, changes)
}

// KeyRequest returns the request of an account for the account-key of a key.
func KeyRequest(accountID, name string, key *assertion.SigningKey, changes Headers) *assertion.Assertion {
	return sign(key, key.PublicKeyBody(), Headers{
		"type": "account-key-request", "account-id": accountID, "name": name, "public-key-sha3-384": key.KeyID(), "since": Since,
	}, changes)
}

// Register returns the account-key assertion that a request asks for, signed with the root key.
func (s *Stack) Register(request *assertion.Assertion) *assertion.Assertion {
	return sign(s.RootKey, request.Body(), Headers{
		"type": "account-key", "authority-id": RootID, "account-id": request.HeaderString("account-id"), "name": request.HeaderString("name"),
		"public-key-sha3-384": request.HeaderString("public-key-sha3-384"), "since": request.HeaderString("since"),
	}, nil)
}
