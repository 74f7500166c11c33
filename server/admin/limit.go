package admin

import (
	"hash/maphash"
	"sync"
	"time"
)

// The rates of attempts to log in: a number at once, and then one in a while.
const (
	accountBurst, accountPause = 10, time.Minute
	addressBurst, addressPause = 20, 10 * time.Second
)

// limiter bounds the rate of attempts for a key. Its memory does not grow with the number of keys: keys in the same bucket share a
// rate, and only this process knows the bucket of a key. Unknown keys are bounded like others, so that nobody learns which keys
// exist.
type limiter struct {
	mu      sync.Mutex
	seed    maphash.Seed
	burst   float64
	pause   time.Duration
	now     func() time.Time
	buckets [4096]bucket
}

type bucket struct {
	used float64
	at   time.Time
}

func newLimiter(burst int, pause time.Duration, now func() time.Time) *limiter {
	return &limiter{seed: maphash.MakeSeed(), burst: float64(burst), pause: pause, now: now}
}

// countAttempt counts an attempt, or returns the time to wait before the next.
func (l *limiter) countAttempt(key string) (wait time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	b := &l.buckets[maphash.String(l.seed, key)%uint64(len(l.buckets))]
	now := l.now()
	b.used = max(0, b.used-float64(max(0, now.Sub(b.at)))/float64(l.pause))
	b.at = now
	if b.used+1 > l.burst {
		return time.Duration((b.used + 1 - l.burst) * float64(l.pause))
	}
	b.used++
	return 0
}
