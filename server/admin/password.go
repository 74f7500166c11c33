package admin

import (
	"context"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"net/mail"
	"strings"
	"time"

	"golang.org/x/crypto/argon2"
	"gopkg.in/macaroon.v2"
)

// Passwords have at least MinPassword and at most MaxPassword bytes.
const (
	MinPassword = 10
	MaxPassword = 1024
	maxEmail    = 254
)

// TokenLife is the time for which a one-time token can be used.
const TokenLife = 24 * time.Hour

// The cost of a hash: the second choice of RFC 9106, for hosts that have other work. At most maxHashing hashes are made at once, so
// that logins can't use all memory.
const (
	argonTime, argonMemory, argonThreads = 3, 64 << 10, 4
	saltSize, keySize                    = 16, 32
	maxHashing                           = 2
)

// hashForm is the format of the reference implementation.
const hashForm = "$argon2id$v=19$m=%d,t=%d,p=%d$%s$%s"

// HashPassword returns the hash of a password or of a one-time token, for the database.
func HashPassword(password string) string { return present.hash(password, random(saltSize)) }

// cost is the cost of a hash: passes over the memory, the memory in KiB, and threads.
type cost struct {
	time, memory uint32
	threads      uint8
}

var present = cost{argonTime, argonMemory, argonThreads}

func (c cost) hash(password string, salt []byte) string {
	key := argon2.IDKey([]byte(password), salt, c.time, c.memory, c.threads, keySize)
	b64 := base64.RawStdEncoding.EncodeToString
	return fmt.Sprintf(hashForm, c.memory, c.time, c.threads, b64(salt), b64(key))
}

// parseHash returns the cost and the salt of a hash, so that hashes stay valid when new ones cost more. Without a usable hash, it returns the present
// cost: none may cost more.
func parseHash(hash string) (c cost, salt []byte) {
	salt = make([]byte, saltSize)
	parts := strings.Split(hash, "$")
	if len(parts) != 6 {
		return present, salt
	}
	if b, err := base64.RawStdEncoding.DecodeString(parts[4]); err == nil {
		salt = b
	}
	n, err := fmt.Sscanf(parts[3], "m=%d,t=%d,p=%d", &c.memory, &c.time, &c.threads)
	if n != 3 || err != nil || c.memory > argonMemory || c.time > argonTime || c.threads > argonThreads || c.time < 1 || c.threads < 1 {
		return present, salt
	}
	return c, salt
}

// tokenPrefix begins the identifier of a token, before the email of its admin.
const tokenPrefix = "store-admin|token|"

// NewToken makes a token for an admin. It is a macaroon, as the original's are, so that clients of both stores can exchange it. Nobody can
// make another one, because its key is made at random and forgotten: it is worth something only while its hash is the admin's secret.
func NewToken(email string) (string, error) {
	m, err := macaroon.New(random(keySize), []byte(tokenPrefix+email), "store-admin", macaroon.V1)
	if err != nil {
		return "", err
	}
	return encode(m)
}

// ValidatePassword refuses a password that is too short or too long.
func ValidatePassword(password string) error {
	switch {
	case len(password) < MinPassword:
		return fmt.Errorf("the password is too short: want %d characters or more", MinPassword)
	case len(password) > MaxPassword:
		return fmt.Errorf("the password is longer than %d bytes", MaxPassword)
	}
	return nil
}

// ValidateEmail returns the email in the form that the database holds, in lower case.
func ValidateEmail(email string) (string, error) {
	a, err := mail.ParseAddress(email)
	if err != nil || a.Address != email || len(email) > maxEmail || strings.ContainsAny(email, "\"\\ \t") {
		return "", fmt.Errorf("%.80q is no email address", email)
	}
	return strings.ToLower(email), nil
}

// verifyPassword compares a password with a hash. An unknown account has an empty hash, and takes as long.
func (s *Server) verifyPassword(ctx context.Context, hash, password string) (bool, error) {
	select {
	case s.hashing <- struct{}{}:
		defer func() { <-s.hashing }()
	case <-ctx.Done():
		return false, ctx.Err()
	}
	c, salt := parseHash(hash)
	return subtle.ConstantTimeCompare([]byte(c.hash(password, salt)), []byte(hash)) == 1, nil
}
