package macaroons

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strings"
)

// Credentials are the secrets of a login.
type Credentials struct {
	// Root and Discharge are macaroons of a login at Ubuntu SSO. The discharge is not bound to the root, so that it can be refreshed.
	Root, Discharge string
	// Token is a secret of another kind, which cannot be refreshed. Scheme is the scheme of its header.
	Scheme, Token string
}

// ErrFormat means that a text holds no credentials. No error repeats the text.
var ErrFormat = errors.New("these are no credentials")

// MaxCredentials bounds a text that holds credentials, in bytes.
const MaxCredentials = 4 * MaxSize

// The kinds of credentials that snapcraft exports.
const (
	kindSSO      = "u1-macaroon"
	kindMacaroon = "macaroon"
	kindBearer   = "bearer"
)

// exported is the JSON in which snapcraft exports credentials. Older versions leave out the kind, and the rest is then in the place of Value.
type exported struct {
	Kind  string          `json:"t"`
	Value json.RawMessage `json:"v"`
	pair
	// Macaroon and Discharges are in the files of snapd's tools.
	Macaroon   string   `json:"macaroon"`
	Discharges []string `json:"discharges"`
}

// pair holds the macaroons of a login at Ubuntu SSO.
type pair struct {
	Root      string `json:"r"`
	Discharge string `json:"d"`
}

// ParseCredentials reads credentials: what snapcraft exports, in base64 or as JSON, or a macaroon alone.
func ParseCredentials(text string) (*Credentials, error) {
	text = strings.TrimSpace(text)
	switch {
	case text == "":
		return nil, fmt.Errorf("%w: nothing is in it", ErrFormat)
	case len(text) > MaxCredentials:
		return nil, fmt.Errorf("%w: longer than %d bytes", ErrFormat, MaxCredentials)
	case strings.HasPrefix(text, "["):
		return parseINI(text)
	}
	if c, err := parseJSON([]byte(text)); c != nil || err != nil {
		return c, err
	}
	if b, err := base64.StdEncoding.DecodeString(text); err == nil {
		if c, err := parseJSON(b); c != nil || err != nil {
			return c, err
		}
		if strings.HasPrefix(string(b), "[{") {
			return nil, fmt.Errorf("%w: they are of Candid, which was shut down in 2026", ErrFormat)
		}
		if strings.HasPrefix(string(b), "[") {
			return parseINI(string(b))
		}
	}
	if _, err := Parse(text); err != nil {
		return nil, fmt.Errorf("%w: want what snapcraft exports, or a macaroon", ErrFormat)
	}
	return newToken("Macaroon", text)
}

// parseJSON reads the JSON of credentials. It returns neither credentials nor an error for a text of another kind.
func parseJSON(text []byte) (*Credentials, error) {
	var e exported
	if len(text) == 0 || text[0] != '{' {
		return nil, nil
	}
	if json.Unmarshal(text, &e) != nil {
		return nil, fmt.Errorf("%w: damaged JSON", ErrFormat)
	}
	switch e.Kind {
	case "":
		if e.Macaroon != "" && len(e.Discharges) == 1 {
			return newPair(e.Macaroon, e.Discharges[0])
		}
		return newPair(e.Root, e.Discharge)
	case kindSSO:
		var p pair
		if json.Unmarshal(e.Value, &p) != nil {
			return nil, fmt.Errorf("%w: damaged JSON", ErrFormat)
		}
		return newPair(p.Root, p.Discharge)
	case kindMacaroon, kindBearer:
		var token string
		if json.Unmarshal(e.Value, &token) != nil {
			return nil, fmt.Errorf("%w: damaged JSON", ErrFormat)
		}
		return newToken(map[string]string{kindMacaroon: "Macaroon", kindBearer: "Bearer"}[e.Kind], token)
	}
	return nil, fmt.Errorf("%w of a known kind", ErrFormat)
}

var iniValue = regexp.MustCompile(`(?m)^\s*(macaroon|unbound_discharge)\s*[=:]\s*(\S+)\s*$`)

// parseINI reads the file of an old snapcraft. It has a section for the one login.
func parseINI(text string) (*Credentials, error) {
	values := make(map[string]string)
	for _, m := range iniValue.FindAllStringSubmatch(text, -1) {
		if values[m[1]] != "" {
			return nil, fmt.Errorf("%w: several logins", ErrFormat)
		}
		values[m[1]] = m[2]
	}
	return newPair(values["macaroon"], values["unbound_discharge"])
}

func newPair(root, discharge string) (*Credentials, error) {
	if _, err := Authorization(root, discharge); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrFormat, err)
	}
	return &Credentials{Root: root, Discharge: discharge}, nil
}

// validToken matches a secret that fits in a header.
var validToken = regexp.MustCompile(`^[A-Za-z0-9+/=._~-]+$`)

func newToken(scheme, token string) (*Credentials, error) {
	if len(token) > MaxSize || !validToken.MatchString(token) {
		return nil, fmt.Errorf("%w: the token has a wrong form", ErrFormat)
	}
	return &Credentials{Scheme: scheme, Token: token}, nil
}

// Export returns the credentials as snapcraft exports them.
func (c *Credentials) Export() (string, error) {
	kind, value := kindSSO, any(pair{c.Root, c.Discharge})
	if c.Token != "" {
		kind, value = strings.ToLower(c.Scheme), c.Token
	}
	text, err := json.Marshal(map[string]any{"t": kind, "v": value})
	return base64.StdEncoding.EncodeToString(text), err
}

// Header returns the value of the Authorization header.
func (c *Credentials) Header() (string, error) {
	if c.Token != "" {
		return c.Scheme + " " + c.Token, nil
	}
	return Authorization(c.Root, c.Discharge)
}
