package catalog

import (
	"context"
	"errors"
	"net"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
)

// silence is the time for which a host that gave no answer is left out, if a connection has other hosts.
const silence = 30 * time.Second

// errSilent means that a host did not answer another connection a moment ago.
var errSilent = errors.New("it did not answer a moment ago")

// silentHosts remembers the hosts that gave no answer. A command makes several connections, and would wait for such a host each time.
type silentHosts struct {
	mu    sync.Mutex
	until map[string]time.Time
}

var silent = silentHosts{until: make(map[string]time.Time)}

func (s *silentHosts) add(address string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.until[address] = time.Now().Add(silence)
}

func (s *silentHosts) has(address string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return time.Now().Before(s.until[address])
}

// watch makes a connection with several hosts leave out the silent ones. If the next host is dialled only when the time is over, the
// one before gave no answer.
func (s *silentHosts) watch(_ context.Context, c *pgx.ConnConfig) error {
	several := false
	for _, f := range c.Fallbacks {
		several = several || f.Host != c.Host || f.Port != c.Port
	}
	if !several {
		return nil
	}
	dial := c.DialFunc
	var last string
	var began time.Time
	c.DialFunc = func(ctx context.Context, network, address string) (net.Conn, error) {
		if address != last {
			if last != "" && time.Since(began) > c.ConnectTimeout*9/10 {
				s.add(last)
			}
			last, began = address, time.Now()
		}
		if s.has(address) {
			return nil, errSilent
		}
		return dial(ctx, network, address)
	}
	return nil
}
