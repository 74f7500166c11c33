package admin

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"time"

	"offlinestore/catalog"
)

// buckets is the number of buckets for each kind of attempts.
const buckets = 4096

// The rates of attempts to log in.
var (
	accountAttempts = catalog.Attempts{Kind: "account", Burst: 10, Pause: time.Minute}
	addressAttempts = catalog.Attempts{Kind: "address", Burst: 20, Pause: 10 * time.Second}
)

// limiter bounds the rate of attempts for a key, on all servers of the store together. Its memory does not grow with the number of keys: keys in the
// same bucket share a rate, and only the secret tells the bucket of a key. Unknown keys are bounded like others, so that nobody learns which keys
// exist.
type limiter struct {
	store    *catalog.DB
	attempts catalog.Attempts
	secret   []byte
	now      func() time.Time
}

func (s *Server) newLimiter(a catalog.Attempts) *limiter {
	mac := hmac.New(sha256.New, []byte(s.cfg.Secret))
	mac.Write([]byte("attempts of an " + a.Kind))
	return &limiter{s.cfg.Store, a, mac.Sum(nil), s.cfg.Now}
}

// countAttempt counts an attempt, or returns the time to wait before the next.
func (l *limiter) countAttempt(ctx context.Context, key string) (wait time.Duration, err error) {
	mac := hmac.New(sha256.New, l.secret)
	mac.Write([]byte(key))
	bucket := int(binary.BigEndian.Uint32(mac.Sum(nil)) % buckets)
	return l.store.CountAttempt(ctx, l.attempts, bucket, l.now())
}
