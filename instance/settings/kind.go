package settings

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"

	"offlinestore/instance/conninfo"
)

// maxValue is the longest value of a setting, in bytes.
const maxValue = 64 << 10

// Kind is the form of a setting's values.
type Kind int

// The kinds of settings.
const (
	// KindDomain is a host name or an IP address, with a port if need be.
	KindDomain Kind = iota + 1
	// KindConnection is a PostgreSQL connection string: a URL, or words like host=….
	KindConnection
	// KindPort is the number of a TCP port.
	KindPort
	// KindAddress is an IP address; an IPv6 address may be in brackets.
	KindAddress
	// KindBool is true or false.
	KindBool
	// KindListen is an address to listen on: host:port, or :port for all addresses. Port 0 takes a free one.
	KindListen
	// KindUser is a user name for HTTP's basic authentication.
	KindUser
	// KindText is any line of text.
	KindText
	// KindURL is an http or https URL of a host, with at most a path.
	KindURL
	// KindURLList is a JSON list of such URLs.
	KindURLList
	// KindEmailList is a JSON list of email addresses.
	KindEmailList
	// KindID consists of letters, digits, hyphens and underscores.
	KindID
	// KindPEM is one or more blocks of PEM.
	KindPEM
	// KindKey is a key in a foreign form: text of one or more lines.
	KindKey
	// KindBackend is local or s3.
	KindBackend
	// KindBucket is the name of a bucket in S3.
	KindBucket
	// KindMegabytes is a number of megabytes.
	KindMegabytes
	// KindProxy is the URL of a forward proxy, perhaps with credentials.
	KindProxy
	// KindDuration is a time like 24h or 90m.
	KindDuration
	// KindRate is a number of bytes a second, perhaps with k, M or G.
	KindRate
)

// ValueError reports that a value is not valid for its setting. It doesn't quote the value, which may be a secret.
type ValueError struct {
	Key string
	Err error
}

// Error names the setting and the fault of the value.
func (e *ValueError) Error() string { return e.Key + ": " + e.Err.Error() }

// Unwrap returns the fault of the value.
func (e *ValueError) Unwrap() error { return e.Err }

// errPINInLabel reports a secret in a setting that is shown.
var errPINInLabel = errors.New("the URI has a PIN (pin-value), which would be shown: leave it out, and set " + HSMTokenPIN)

// canonical returns v in the form in which it is kept. The original, and scripts for it, write True and False.
func (k Key) canonical(v string) string {
	if k.Kind == KindBool {
		return strings.ToLower(v)
	}
	return v
}

// validate returns a *ValueError if v is not valid for k.
func (k Key) validate(v string) error {
	v = k.canonical(v)
	err := validateText(v, k.Kind == KindPEM || k.Kind == KindKey)
	if err == nil && k.Name == HSMTokenLabel && strings.HasPrefix(strings.ToLower(v), "pkcs11:") && strings.Contains(strings.ToLower(v), "pin-value") {
		err = errPINInLabel
	}
	if err == nil {
		err = k.Kind.validate(v)
	}
	if err == nil && k.Name == S3ServerURL {
		err = validateOrigin(v)
	}
	if err != nil {
		return &ValueError{k.Name, err}
	}
	return nil
}

func validateText(v string, lines bool) error {
	control := func(r rune) bool { return unicode.IsControl(r) && (!lines || r != '\n' && r != '\r' && r != '\t') }
	switch {
	case len(v) > maxValue:
		return fmt.Errorf("longer than %d bytes", maxValue)
	case !utf8.ValidString(v):
		return errors.New("not UTF-8")
	case strings.ContainsFunc(v, control):
		return errors.New("has control characters in it")
	}
	return nil
}

func (k Kind) validate(v string) error {
	switch k {
	case KindDomain:
		return validateDomain(v)
	case KindConnection:
		return conninfo.Validate(v)
	case KindPort:
		return validatePort(v)
	case KindAddress:
		return validateAddress(strings.TrimSuffix(strings.TrimPrefix(v, "["), "]"), v)
	case KindBool:
		return validateBool(v)
	case KindListen:
		return validateListen(v)
	case KindUser:
		return validateUser(v)
	case KindText, KindKey:
		return nil
	}
	return k.validateComposed(v)
}

// validateComposed validates the kinds whose values have parts.
func (k Kind) validateComposed(v string) error {
	switch k {
	case KindURL:
		return validateURL(v)
	case KindURLList:
		return validateList(v, validateURL)
	case KindEmailList:
		return validateList(v, validateEmail)
	case KindID:
		return validateID(v)
	case KindPEM:
		return validatePEM(v)
	case KindBackend, KindBucket, KindMegabytes:
		return k.validateStorage(v)
	case KindProxy, KindDuration, KindRate:
		return k.validateUpstream(v)
	}
	return fmt.Errorf("of kind %d, which nobody can check", k)
}

func validatePort(v string) error {
	n, err := strconv.ParseUint(v, 10, 16)
	if err != nil || n == 0 || v != strconv.FormatUint(n, 10) {
		return errors.New("not a port, a number from 1 to 65535")
	}
	return nil
}

func validateBool(v string) error {
	if v != "true" && v != "false" {
		return errors.New("not true or false")
	}
	return nil
}

// validateUser refuses the colon, which separates user and password.
func validateUser(v string) error {
	if strings.Contains(v, ":") {
		return errors.New("not a user name: has a colon in it")
	}
	return nil
}

func validateListen(v string) error {
	host, port, err := net.SplitHostPort(v)
	switch {
	case err != nil:
		return errors.New("not an address to listen on, as in [::]:5000, 127.0.0.1:5000 or :5000")
	case port != "0":
		if err := validatePort(port); err != nil {
			return err
		}
	}
	if host == "" {
		return nil
	}
	if strings.Contains(host, ":") {
		return validateAddress(host, host)
	}
	return validateHost(host)
}

// validateAddress validates an address, which asWritten holds with its brackets, if any.
func validateAddress(bare, asWritten string) error {
	addr, err := netip.ParseAddr(bare)
	switch {
	case err != nil:
		return errors.New("not an IP address")
	case addr.Zone() != "":
		return errors.New("has a zone, which means something on one host only")
	case asWritten != bare && (asWritten != "["+bare+"]" || addr.Is4()):
		return errors.New("not an IP address: brackets are for IPv6, and come in pairs")
	}
	return nil
}

func validateDomain(v string) error {
	if strings.Contains(v, "/") {
		return errors.New("not a host name: leave out http:// and any path")
	}
	// An IPv6 address is full of colons, so a port can follow it only after brackets.
	if strings.Count(v, ":") > 1 && !strings.HasPrefix(v, "[") {
		return validateAddress(v, v)
	}
	host := v
	if i := strings.LastIndexByte(v, ':'); i > strings.LastIndexByte(v, ']') {
		host = v[:i]
		if err := validatePort(v[i+1:]); err != nil {
			return err
		}
	}
	if strings.HasPrefix(host, "[") {
		return validateAddress(strings.TrimSuffix(host[1:], "]"), host)
	}
	return validateHost(host)
}

var (
	validLabel = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?$`) })
	allDigits  = regexp.MustCompile(`^[0-9]+$`)
)

func validateHost(host string) error {
	if len(host) > 253 {
		return errors.New("not a host name: longer than 253 bytes")
	}
	labels := strings.Split(host, ".")
	for _, l := range labels {
		if !validLabel().MatchString(l) {
			return errors.New("not a host name: letters, digits, hyphens and single dots make one (other alphabets as xn--…)")
		}
	}
	// No top-level domain is a number, so the text is meant as an address.
	if allDigits.MatchString(labels[len(labels)-1]) {
		return validateAddress(host, host)
	}
	return nil
}
