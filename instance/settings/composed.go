package settings

import (
	"bytes"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"net/mail"
	"net/url"
	"regexp"
	"strings"
	"sync"
)

// maxList is the largest number of texts in a list.
const maxList = 256

// validID accepts more than the longest id of the stores.
var validID = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`) })

func validateID(v string) error {
	if !validID().MatchString(v) {
		return errors.New("not an id: letters, digits, hyphens and underscores make one, 64 at most")
	}
	return nil
}

// validateURL accepts the URLs that snapd accepts in a store assertion. It returns errors of its own, since package url's errors quote
// the URL, which may hold a password.
func validateURL(v string) error {
	u, err := url.Parse(v)
	switch {
	case err != nil, u.Scheme != "http" && u.Scheme != "https", u.Opaque != "":
		return errors.New("not a URL like https://snaps.example.internal")
	case u.User != nil:
		return errors.New("a URL with a user name in it")
	case u.RawQuery != "" || u.ForceQuery || strings.Contains(v, "#"):
		return errors.New("a URL with more than a path behind the host")
	}
	return validateDomain(u.Host)
}

func validateEmail(v string) error {
	if a, err := mail.ParseAddress(v); err != nil || a.Address != v || a.Name != "" {
		return errors.New("not an email address")
	}
	return nil
}

// validateList validates each text of a list. The error names the text by its number, since the text itself may come from anywhere.
func validateList(v string, check func(string) error) error {
	list, err := ParseList(v)
	if err != nil {
		return err
	}
	for i, e := range list {
		if err := check(e); err != nil {
			return fmt.Errorf("number %d of the list: %w", i+1, err)
		}
	}
	return nil
}

// ParseList returns the texts in a value of KindURLList or KindEmailList.
func ParseList(v string) ([]string, error) {
	var list []*string
	if err := json.Unmarshal([]byte(v), &list); err != nil || list == nil {
		return nil, errors.New(`not a JSON list of texts, like ["a", "b"]`)
	}
	if len(list) > maxList {
		return nil, fmt.Errorf("a list of more than %d", maxList)
	}
	texts := make([]string, len(list))
	for i, e := range list {
		if e == nil {
			return nil, errors.New("a list with null in it")
		}
		texts[i] = *e
	}
	return texts, nil
}

// FormatList returns the value of a KindURLList or KindEmailList with these texts.
func FormatList(texts []string) string {
	if len(texts) == 0 {
		return "[]"
	}
	text, _ := json.Marshal(texts) // never fails for a list of strings
	return string(text)
}

// validatePEM accepts blocks and nothing else: text around them may be a key with a damaged frame. It does not look into the
// blocks; package certificate does.
func validatePEM(v string) error {
	for rest := []byte(v); ; {
		if rest = bytes.TrimSpace(rest); len(rest) == 0 {
			return nil
		}
		block, after := pem.Decode(rest)
		// Decode skips a block that it can't read.
		if block == nil || bytes.Count(rest[:len(rest)-len(after)], []byte("-----BEGIN ")) != 1 || !bytes.HasPrefix(rest, []byte("-----BEGIN ")) {
			return errPEM
		}
		rest = after
	}
}

var errPEM = errors.New("not PEM: want -----BEGIN …-----, lines of base64, -----END …-----, and nothing else")
