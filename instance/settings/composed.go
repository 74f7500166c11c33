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
)

// maxList is how many a list may have.
const maxList = 256

// validID is longer than any id that the stores give.
var validID = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)

func validateID(v string) error {
	if !validID.MatchString(v) {
		return errors.New("not an id: letters, digits, hyphens and underscores make one, 64 at most")
	}
	return nil
}

// validateURL takes what snapd takes of a store assertion. The errors of package url quote the URL, which may have a password.
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

// validateList says which of a list is wrong, by number: the texts may come from anywhere.
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

// ParseList is the texts of a value of KindURLList or KindEmailList.
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

// FormatList is the value of a KindURLList or KindEmailList that has these texts.
func FormatList(texts []string) string {
	if len(texts) == 0 {
		return "[]"
	}
	text, _ := json.Marshal(texts) // which fails for no list of strings
	return string(text)
}

// validatePEM wants blocks and nothing else: text around them may be a key whose frame is damaged. What is in the blocks, package
// certificate looks at.
func validatePEM(v string) error {
	for rest := []byte(v); ; {
		if rest = bytes.TrimSpace(rest); len(rest) == 0 {
			return nil
		}
		block, after := pem.Decode(rest)
		// Decode jumps over a block that it can't read.
		if block == nil || bytes.Count(rest[:len(rest)-len(after)], []byte("-----BEGIN ")) != 1 || !bytes.HasPrefix(rest, []byte("-----BEGIN ")) {
			return errPEM
		}
		rest = after
	}
}

var errPEM = errors.New("not PEM: want -----BEGIN …-----, lines of base64, -----END …-----, and nothing else")
