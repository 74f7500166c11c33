package upstream

import (
	"encoding/base64"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
)

// secretHead is the number of bytes by which a secret is recognized, because texts may be cut off before its end.
const secretHead = 16

// maxSecrets bounds the remembered secrets, because a registry may issue a token for each request.
const maxSecrets = 64

// secrets holds the beginnings of secrets that a peer received or sent. It may repeat them in any text.
type secrets struct {
	mu    sync.Mutex
	heads []string
}

// addLogin adds a name and password, in each form in which they are sent.
func (s *secrets) addLogin(username, password string) {
	s.addSecret(password)
	s.addSecret(url.QueryEscape(password))
	s.addSecret(url.PathEscape(password))
	s.addSecret(base64.RawStdEncoding.EncodeToString([]byte(username + ":" + password)))
}

// addAuthorization adds the macaroons, or the token, in the value of an Authorization header.
func (s *secrets) addAuthorization(value string) {
	for _, part := range strings.FieldsFunc(value, func(r rune) bool { return r == '"' || r == ' ' || r == ',' }) {
		if len(part) >= secretHead { // the others are words
			s.addSecret(part)
		}
	}
}

func (s *secrets) addSecret(secret string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	head := regexp.QuoteMeta(secret[:min(len(secret), secretHead)])
	if secret != "" && !slices.Contains(s.heads, head) && len(s.heads) < maxSecrets {
		s.heads = append(s.heads, head)
	}
}

// redact replaces the secrets in a text.
func (s *secrets) redact(text string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.heads) == 0 {
		return text
	}
	return regexp.MustCompile("(?i:"+strings.Join(s.heads, "|")+`)[^\s"<>()]*`).ReplaceAllString(text, "…")
}

// hide returns err without secrets in its text.
func (s *secrets) hide(err error) error {
	if err == nil {
		return nil
	}
	if text := err.Error(); s.redact(text) != text {
		return &hiddenError{s.redact(text), err}
	}
	return err
}

// logf returns a logf that redacts secrets.
func (s *secrets) logf(logf func(string, ...any)) func(string, ...any) {
	return func(format string, args ...any) { logf("%s", s.redact(fmt.Sprintf(format, args...))) }
}

// hiddenError is an error whose text contains secrets, with a redacted text.
type hiddenError struct {
	text string
	err  error
}

func (e *hiddenError) Error() string { return e.text }

func (e *hiddenError) Unwrap() error { return e.err }
