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

// secretHead is how much of a secret gives it away: texts may be cut before it ends.
const secretHead = 16

// maxSecrets is how many are remembered: a registry may hand out a token for each request.
const maxSecrets = 64

// secrets are what a registry was told in confidence, or tells. It may repeat them in whatever it says.
type secrets struct {
	mu    sync.Mutex
	heads []string
}

// login adds a name and password, in each form in which they are sent.
func (s *secrets) addLogin(username, password string) {
	s.addSecret(password)
	s.addSecret(url.QueryEscape(password))
	s.addSecret(url.PathEscape(password))
	s.addSecret(base64.RawStdEncoding.EncodeToString([]byte(username + ":" + password)))
}

func (s *secrets) addSecret(secret string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	head := regexp.QuoteMeta(secret[:min(len(secret), secretHead)])
	if secret != "" && !slices.Contains(s.heads, head) && len(s.heads) < maxSecrets {
		s.heads = append(s.heads, head)
	}
}

// redact takes the secrets out of a text.
func (s *secrets) redact(text string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.heads) == 0 {
		return text
	}
	return regexp.MustCompile("(?i:"+strings.Join(s.heads, "|")+`)[^\s"<>()]*`).ReplaceAllString(text, "…")
}

// hide takes the secrets out of what err says.
func (s *secrets) hide(err error) error {
	if err == nil {
		return nil
	}
	if text := err.Error(); s.redact(text) != text {
		return &hiddenError{s.redact(text), err}
	}
	return err
}

// logf is logf without the secrets.
func (s *secrets) logf(logf func(string, ...any)) func(string, ...any) {
	return func(format string, args ...any) { logf("%s", s.redact(fmt.Sprintf(format, args...))) }
}

// hiddenError is an error of which the text may not be shown as it is.
type hiddenError struct {
	text string
	err  error
}

func (e *hiddenError) Error() string { return e.text }

func (e *hiddenError) Unwrap() error { return e.err }
