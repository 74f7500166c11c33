package upstream

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"strconv"
	"time"
)

// maxRetryAfter is the longest wait that the store may ask for. With a longer wait, it is better to start the export again later.
const maxRetryAfter = 5 * time.Minute

// defaultBackoff returns a wait that doubles from half a second to half a minute, less up to a quarter to spread parallel requests.
func defaultBackoff(n int) time.Duration {
	d := 30 * time.Second
	if n < 7 {
		d = min(d, time.Second/2<<(n-1))
	}
	return d - rand.N(d/4)
}

// retry calls try until it succeeds, fails for good, or has failed too often.
func (c *Client) retry(ctx context.Context, what string, try func() error) error {
	for n := 1; ; n++ {
		err := try()
		if err == nil {
			return nil
		}
		if err := c.pause(ctx, what, n, err); err != nil {
			return err
		}
	}
}

// pause waits before the nth repetition after err. It returns an error if there must be no repetition.
func (c *Client) pause(ctx context.Context, what string, n int, err error) error {
	if ctx.Err() != nil {
		return fmt.Errorf("%s: %w", what, context.Cause(ctx))
	}
	if !transient(err) {
		return fmt.Errorf("%s: %w", what, err)
	}
	asked := retryAfter(err, time.Now())
	if asked > 0 && asked <= maxRetryAfter {
		c.pace.holdUp(asked)
	}
	if c.retries < 0 {
		return fmt.Errorf("%s: %w", what, err)
	}
	if n > c.retries {
		return fmt.Errorf("%s: %w (gave up after %d tries)", what, err, n)
	}
	wait := c.backoff(n)
	if asked > maxRetryAfter {
		return fmt.Errorf("%s: %w (it asks to come back in %s)", what, err, asked.Round(time.Second))
	} else if asked > wait {
		wait = asked
	}
	c.logf("%s: %v; trying again in %s (%d of %d)", what, err, wait.Round(10*time.Millisecond), n, c.retries)
	t := time.NewTimer(wait)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("%s: %w", what, context.Cause(ctx))
	}
}

// transient reports whether the same request might succeed a little later. A request whose login was not refreshed does not: a login service
// is never asked twice, since it may lock the account.
func transient(err error) bool {
	var s *StatusError
	if errors.As(err, &s) {
		return s.who != whoLogin && (s.Status >= 500 && !errors.Is(err, ErrNotStore) || s.Status == http.StatusTooManyRequests || s.Status == http.StatusRequestTimeout)
	}
	var t *transportError
	if !errors.As(err, &t) {
		return false
	}
	var redirect redirectError
	var cert *tls.CertificateVerificationError
	var record tls.RecordHeaderError
	var dns *net.DNSError
	return !errors.Is(err, http.ErrSchemeMismatch) && !errors.As(err, &redirect) && !errors.As(err, &cert) && !errors.As(err, &record) && !(errors.As(err, &dns) && dns.IsNotFound)
}

// retryAfter returns the wait that the store asked for, in either form of the header, or 0 if it asked for none.
func retryAfter(err error, now time.Time) time.Duration {
	var s *StatusError
	if !errors.As(err, &s) || s.retryAfter == "" {
		return 0
	}
	if n, err := strconv.ParseUint(s.retryAfter, 10, 31); err == nil {
		return time.Duration(n) * time.Second
	}
	if t, err := http.ParseTime(s.retryAfter); err == nil {
		return max(0, t.Sub(now))
	}
	return 0
}
