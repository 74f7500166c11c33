package hsm

import (
	"encoding/hex"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// Scheme begins each PKCS#11 URI.
const Scheme = "pkcs11:"

// maxURI bounds the text of a URI, and maxPIN the file of a PIN, in bytes.
const (
	maxURI = 4 << 10
	maxPIN = 4 << 10
)

// ErrURI reports a text that is no PKCS#11 URI.
var ErrURI = errors.New("not a PKCS#11 URI (RFC 7512)")

// URI names a token, or a key on one, as RFC 7512 has it. Empty attributes fit everything.
type URI struct {
	Token, Manufacturer, Model, Serial string
	// SlotID is -1 if the URI has none.
	SlotID int
	// Object is the label of a key, and ID its CKA_ID.
	Object string
	ID     []byte
	// Type is the class of the object: private, public, or empty.
	Type string
	// ModulePath is the path of the module, and ModuleName its name without a folder.
	ModulePath, ModuleName string
	// PINSource is the file of the PIN, perhaps with file: before it. PINValue is the PIN itself.
	PINSource, PINValue string
}

// IsURI reports whether a text means to be a PKCS#11 URI.
func IsURI(text string) bool { return strings.HasPrefix(text, Scheme) }

// ParseURI parses a PKCS#11 URI. As section 2.3 of RFC 7512 wants, it refuses an attribute that is there twice. It also refuses unknown
// attributes of the path, which could make the difference between two keys, and passes over unknown ones of the query.
func ParseURI(text string) (URI, error) {
	u := URI{SlotID: -1}
	rest, ok := strings.CutPrefix(text, Scheme)
	if !ok || len(text) > maxURI {
		return u, fmt.Errorf("%w: it begins with %s and has up to %d bytes", ErrURI, Scheme, maxURI)
	}
	path, query, _ := strings.Cut(rest, "?")
	seen := make(map[string]bool)
	for _, part := range []struct {
		text, separator string
		set             func(name, value string) error
	}{{path, ";", u.setPath}, {query, "&", u.setQuery}} {
		if part.text == "" {
			continue
		}
		for attribute := range strings.SplitSeq(part.text, part.separator) {
			name, escaped, found := strings.Cut(attribute, "=")
			value, err := url.PathUnescape(escaped)
			if err != nil || !found || strings.ContainsRune(value, 0) && name != "id" {
				return u, fmt.Errorf("%w: the attribute %.30q", ErrURI, name) // its value may be a PIN
			}
			if seen[name] {
				return u, fmt.Errorf("%w: the attribute %.30q is there twice", ErrURI, name)
			}
			seen[name] = true
			if err := part.set(name, value); err != nil {
				return u, err
			}
		}
	}
	return u, nil
}

func (u *URI) setPath(name, value string) error {
	switch name {
	case "token":
		u.Token = value
	case "manufacturer":
		u.Manufacturer = value
	case "model":
		u.Model = value
	case "serial":
		u.Serial = value
	case "object":
		u.Object = value
	case "id":
		u.ID = []byte(value)
	case "type":
		if value != "private" && value != "public" {
			return fmt.Errorf("%w: the type is %.30q, and keys are private or public", ErrURI, value)
		}
		u.Type = value
	case "slot-id":
		n, err := strconv.ParseUint(value, 10, 31)
		if err != nil {
			return fmt.Errorf("%w: the slot-id %.30q is no number", ErrURI, value)
		}
		u.SlotID = int(n)
	case "library-manufacturer", "library-description", "library-version", "slot-manufacturer", "slot-description":
		// The module is chosen by its path, and the token by its own attributes.
	default:
		return fmt.Errorf("%w: the attribute %.30q is unknown", ErrURI, name)
	}
	return nil
}

func (u *URI) setQuery(name, value string) error {
	switch name {
	case "module-path":
		u.ModulePath = value
	case "module-name":
		if value != "" && value != filepath.Base(value) {
			return fmt.Errorf("%w: the module-name %.60q is a path", ErrURI, value)
		}
		u.ModuleName = value
	case "pin-source":
		u.PINSource = value
	case "pin-value":
		u.PINValue = value
	}
	return nil
}

// String returns the URI without its PIN.
func (u URI) String() string {
	var path, query []string
	add := func(list *[]string, name, value string) {
		if value != "" {
			*list = append(*list, name+"="+escape(value))
		}
	}
	add(&path, "token", u.Token)
	add(&path, "manufacturer", u.Manufacturer)
	add(&path, "model", u.Model)
	add(&path, "serial", u.Serial)
	if u.SlotID >= 0 {
		add(&path, "slot-id", strconv.Itoa(u.SlotID))
	}
	add(&path, "object", u.Object)
	if len(u.ID) > 0 {
		path = append(path, "id="+escapeAll(u.ID))
	}
	add(&path, "type", u.Type)
	add(&query, "module-path", u.ModulePath)
	add(&query, "module-name", u.ModuleName)
	add(&query, "pin-source", u.PINSource)
	text := Scheme + strings.Join(path, ";")
	if len(query) > 0 {
		text += "?" + strings.Join(query, "&")
	}
	return text
}

// escape escapes everything that is not allowed in both parts of a URI.
func escape(value string) string {
	var b strings.Builder
	for _, c := range []byte(value) {
		if c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || strings.IndexByte("-._~/:", c) >= 0 {
			b.WriteByte(c)
		} else {
			b.WriteString(escapeAll([]byte{c}))
		}
	}
	return b.String()
}

func escapeAll(value []byte) string {
	var b strings.Builder
	for _, c := range value {
		b.WriteString("%" + strings.ToUpper(hex.EncodeToString([]byte{c})))
	}
	return b.String()
}

// PIN returns the PIN of the URI, from the file that it names or from the URI itself. It returns "" if the URI has none.
func (u URI) PIN() (string, error) {
	if u.PINSource == "" {
		return u.PINValue, nil
	}
	return ReadPIN(u.PINSource)
}

// PINPath returns the path of a PIN's source, which may begin with file:.
func PINPath(source string) string {
	path := strings.TrimPrefix(source, "file:")
	if rest, ok := strings.CutPrefix(path, "//"); ok && path != source {
		path = rest
	}
	return path
}

// ReadPIN returns the first line of the file of a PIN. The source may begin with file:. Commands (|) are refused: nothing is run here.
func ReadPIN(source string) (string, error) {
	path := PINPath(source)
	if !filepath.IsAbs(path) {
		return "", fmt.Errorf("the PIN's source %.100q is no absolute path", source)
	}
	info, err := os.Stat(path)
	if err != nil {
		return "", fmt.Errorf("read the PIN: %w", err)
	}
	if !info.Mode().IsRegular() || info.Size() > maxPIN {
		return "", fmt.Errorf("read the PIN: %s is no file of up to %d bytes", path, maxPIN)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return "", fmt.Errorf("read the PIN: %w", err)
	}
	line, _, _ := strings.Cut(string(text), "\n")
	return strings.TrimSuffix(line, "\r"), nil
}
