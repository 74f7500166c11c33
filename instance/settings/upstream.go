package settings

import (
	"errors"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// validateUpstream validates the kinds of settings about upstream.
func (k Kind) validateUpstream(v string) error {
	switch k {
	case KindProxy:
		return validateProxy(v)
	case KindDuration:
		if d, err := time.ParseDuration(v); err != nil || d < 0 || d > maxDuration {
			return errors.New("not a time like 24h or 90m, at most 8760h")
		}
		return nil
	}
	if decodeRate(v) <= 0 {
		return errors.New("not a number of bytes a second like 500k or 10M")
	}
	return nil
}

// maxDuration is the longest time in a setting.
const maxDuration = 365 * 24 * time.Hour

// validateProxy validates the URL of a proxy. Its error does not quote the value, which may have a password in it.
func validateProxy(v string) error {
	u, err := url.Parse(v)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Opaque != "" || u.RawQuery != "" || u.Fragment != "" || u.Path != "" && u.Path != "/" {
		return errors.New("not the URL of a proxy like http://proxy.example.internal:3128")
	}
	return validateDomain(u.Host)
}

// redactProxy returns the URL of a proxy without its password.
func redactProxy(v string) string {
	u, err := url.Parse(v)
	if err != nil {
		return Redacted
	}
	if _, hasPassword := u.User.Password(); !hasPassword {
		return v
	}
	name := u.User.Username()
	u.User = nil
	return strings.Replace(u.String(), "://", "://"+url.User(name).String()+":"+Redacted+"@", 1)
}

// decodeDuration returns a time that was validated.
func decodeDuration(v string) time.Duration {
	d, _ := time.ParseDuration(v)
	return d
}

// decodeRate returns the bytes a second of a text, or 0 if it is no such number.
func decodeRate(v string) int64 {
	digits := strings.TrimRight(v, "kMG")
	unit, ok := map[string]int64{"": 1, "k": 1000, "M": 1000_000, "G": 1000_000_000}[strings.TrimPrefix(v, digits)]
	n, err := strconv.ParseInt(digits, 10, 40)
	if !ok || err != nil || n <= 0 || n > 1<<40/unit {
		return 0
	}
	return n * unit
}
