// Package api holds the messages of the publisher gateway, by which a store's keys, models and serial policies are administered, and
// their client. The Snap Store has the same messages: the shapes come from its public documentation (Model Service Admin), and from the
// answers that are recorded in the public client canonicalwebteam.store-api. Members that only this store has are marked.
//
// The package imports no database, because store-admin runs on laptops.
package api

import "time"

// Path is the path of the gateway at the URL of a store's administration.
const Path = "/publishergw"

// Series is the only series of models.
const Series = "16"

// Error describes one fault of a request.
type Error struct {
	Code    string `json:"code"`
	Message string `json:"message"`
}

// ErrorBody answers a request that was refused.
type ErrorBody struct {
	ErrorList []Error `json:"error-list"`
}

// The codes of errors.
const (
	CodeBadRequest      = "bad-request"
	CodeNotFound        = "resource-not-found"
	CodeExists          = "resource-already-exists"
	CodeInUse           = "resource-in-use"
	CodeLimit           = "resource-limit-reached"
	CodeTooLarge        = "request-too-large"
	CodeTooMany         = "too-many-requests"
	CodeNeedLogin       = "macaroon-authorization-required"
	CodeNeedRefresh     = "macaroon-needs-refresh"
	CodeNeedPermissions = "macaroon-permission-required"
	CodeNoToken         = "signing-token-unavailable"
	CodeBusy            = "signing-token-busy"
	CodeUnavailable     = "remote-service-unavailable"
	CodeInternal        = "internal-error"
)

// ExchangeRequest holds the token of an administrator, and ExchangeAnswer the macaroon that requests show.
type ExchangeRequest struct {
	Macaroon string `json:"macaroon"`
}

// ExchangeAnswer answers an [ExchangeRequest].
type ExchangeAnswer struct {
	Macaroon string `json:"macaroon"`
}

// Account is the person who made or changed something. A store inside a gap knows the email of an administrator, or the name of a user of
// its host, and nothing else.
type Account struct {
	DisplayName string `json:"display-name"`
	Email       string `json:"email"`
	ID          string `json:"id"`
	Username    string `json:"username"`
	Validation  string `json:"validation"`
}

// Whoami describes the login that a macaroon belongs to.
type Whoami struct {
	Account Account `json:"account"`
	// BrandPermissions lists the rights of the login, for each brand that has something at this store.
	BrandPermissions map[string][]string `json:"brand-permissions"`
	Permissions      []string            `json:"permissions"`
	// Channels and Packages are null: nothing narrows a login.
	Channels []string `json:"channels"`
	Packages []string `json:"packages"`
	// Roles are the administrator's roles at this store, and Expires is the end of the login. Only this store has both.
	Roles   []string  `json:"roles"`
	Expires time.Time `json:"expires"`
}

// Brand is the account of a brand.
type Brand struct {
	AccountID  string     `json:"account-id"`
	Name       string     `json:"name"`
	CreatedAt  time.Time  `json:"created-at"`
	CreatedBy  Account    `json:"created-by"`
	ModifiedAt *time.Time `json:"modified-at"`
	ModifiedBy *Account   `json:"modified-by"`
}

// Model is a model whose devices the store registers.
type Model struct {
	// APIKey is null if devices need none. Administrators who may not change models see null instead of a key, with APIKeySet true, which
	// only this store has.
	APIKey         *string    `json:"api-key"`
	APIKeySet      bool       `json:"api-key-set"`
	BrandAccountID string     `json:"brand-account-id"`
	CreatedAt      time.Time  `json:"created-at"`
	CreatedBy      Account    `json:"created-by"`
	ModifiedAt     *time.Time `json:"modified-at"`
	ModifiedBy     *Account   `json:"modified-by"`
	Name           string     `json:"name"`
	Series         string     `json:"series"`
	// ActiveSigningKey is the key of the active policy, or null. Only this store has it.
	ActiveSigningKey *string `json:"active-signing-key-sha3-384"`
}

// CreateModelRequest makes a model. Devices need no API key if it is null.
type CreateModelRequest struct {
	Name   string  `json:"name"`
	Series string  `json:"series"`
	APIKey *string `json:"api-key,omitempty"`
}

// UpdateModelRequest changes the API key of a model, or removes it if it is null.
type UpdateModelRequest struct {
	APIKey *string `json:"api-key"`
}

// SerialPolicy tells which key signs the serials of a model. The newest revision counts.
type SerialPolicy struct {
	// Authority is the account in whose name the key signs.
	Authority  string    `json:"authority"`
	CreatedAt  time.Time `json:"created-at"`
	CreatedBy  Account   `json:"created-by"`
	ModelName  string    `json:"model-name"`
	Revision   int       `json:"revision"`
	SigningKey string    `json:"signing-key-sha3-384"`
	// Registered reports whether the store has the account-key of the key. Without it, devices get no serials. Only this store has it.
	Registered bool `json:"registered"`
}

// CreateSerialPolicyRequest makes the next policy of a model.
type CreateSerialPolicyRequest struct {
	SigningKey string `json:"signing-key-sha3-384"`
}

// SigningKey is a key of a brand on the store's token.
type SigningKey struct {
	BrandAccountID string     `json:"brand-account-id"`
	CreatedAt      time.Time  `json:"created-at"`
	CreatedBy      Account    `json:"created-by"`
	Fingerprint    string     `json:"fingerprint"`
	ModifiedAt     *time.Time `json:"modified-at"`
	ModifiedBy     *Account   `json:"modified-by"`
	Name           string     `json:"name"`
	SHA3384        string     `json:"sha3-384"`
	// Registered reports whether the store has the account-key. Only this store has it.
	Registered bool `json:"registered"`
}

// CreateSigningKeyRequest makes a key on the store's token.
type CreateSigningKeyRequest struct {
	Name string `json:"name"`
}

// SerialLogItem is a serial assertion that the store has signed. The documentation shows no items, so that their members have the names
// of the assertion's headers.
type SerialLogItem struct {
	BrandAccountID string    `json:"brand-account-id"`
	ModelName      string    `json:"model-name"`
	Serial         string    `json:"serial"`
	Revision       int       `json:"revision"`
	DeviceKey      string    `json:"device-key-sha3-384"`
	SigningKey     string    `json:"signing-key-sha3-384"`
	PolicyRevision int       `json:"serial-policy-revision"`
	RemoteAddress  string    `json:"remote-address"`
	CreatedAt      time.Time `json:"created-at"`
	// SerialAssertion and SerialRequestAssertion are there if the request asked for them.
	SerialAssertion        string `json:"serial-assertion,omitempty"`
	SerialRequestAssertion string `json:"serial-request-assertion,omitempty"`
}

// SerialLog is a page of the log, the newest entry first. NextCursor leads to the next page, or is null at the end.
type SerialLog struct {
	Items      []SerialLogItem `json:"items"`
	NextCursor *string         `json:"next-cursor"`
}

// Remodel allows devices of a model to become another model of the brand.
type Remodel struct {
	FromModel string `json:"from-model"`
	ToModel   string `json:"to-model"`
	// FromSerial is the serial of one device, or null for all devices of the model.
	FromSerial  *string    `json:"from-serial"`
	Description string     `json:"description"`
	CreatedAt   *time.Time `json:"created-at,omitempty"`
	CreatedBy   string     `json:"created-by,omitempty"`
	ModifiedAt  *time.Time `json:"modified-at"`
	ModifiedBy  *string    `json:"modified-by"`
}

// RemodelAllowlist is a page of the allow-list, and the answer to its changes.
type RemodelAllowlist struct {
	Allowlist  []Remodel `json:"allowlist"`
	NextCursor *string   `json:"next-cursor"`
}

// RemodelEntry names an entry of the allow-list in requests.
type RemodelEntry struct {
	FromModel   string  `json:"from-model"`
	ToModel     string  `json:"to-model"`
	FromSerial  *string `json:"from-serial"`
	Description string  `json:"description,omitempty"`
}

// RemodelRequest adds, changes or deletes entries of the allow-list.
type RemodelRequest struct {
	Allowlist []RemodelEntry `json:"allowlist"`
}
