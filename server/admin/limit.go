package admin

import (
	"hash/maphash"
	"sync"
	"time"
)

// The rates of attempts to log in: so many at once, and then one in a while.
const (
	accountBurst, accountPause = 10, time.Minute
	addressBurst, addressPause = 20, 10 * time.Second
)

// limiter bounds how often something is tried for a key. Its memory doesn't grow with the keys: those that share a bucket share
// their rate, and which do only this process knows. Keys that don't exist are bounded like others, so that nobody learns which do.
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

// countAttempt counts an attempt, or returns how long to wait before the next.
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
