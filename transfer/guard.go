package transfer

import (
	"context"
	"errors"
	"net"
	"net/http"
	"os"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

// The bounds of the memory that requests hold together, in bytes.
const (
	// FreeMemory is the part of each request that the Guard does not count. The requests of ordinary devices are smaller, so clients
	// that use up all of the Guard's memory don't keep devices out.
	FreeMemory = 96 << 10
	// guardMemory bounds the counted memory of all requests, and clientMemory the memory of one client.
	guardMemory  = 96 << 20
	clientMemory = guardMemory / 4
)

// maxFields bounds the fields in the header of a request. Each takes far more memory than its text.
const maxFields = 100

// ErrBusy means that a request would take more memory than clients may take together. The client should come back later.
var ErrBusy = errors.New("this store is busy")

// Guard bounds the memory that the requests of all clients hold together, and the requests that are computed at once. Its listeners
// bound connections. A Guard belongs to the whole process.
type Guard struct {
	forwarded atomic.Bool
	// turns holds the requests that compute much at once, and handshakes the ones of TLS. They leave a processor to other requests.
	turns, handshakes chan struct{}

	mu       sync.Mutex
	used     int64
	held     map[string]int64 // by client
	requests map[string]int   // by client behind a balancer
}

// spareProcessors is the number of threads of Go's scheduler beyond one for each processor. While all of them compute, it looks only every
// 10 ms for requests that came. The system divides the processors among more threads in shorter times, and by their priorities.
const spareProcessors = 2

// processors is the number of processors that the process may use. GOMAXPROCS in the environment sets another one.
var processors = sync.OnceValue(func() int {
	n := runtime.GOMAXPROCS(0)
	if os.Getenv("GOMAXPROCS") == "" {
		runtime.GOMAXPROCS(n + spareProcessors)
	}
	return n
})

// NewGuard returns a Guard. It adds threads to Go's scheduler, so that requests which compute much do not delay others.
func NewGuard() *Guard {
	atOnce := max(1, processors()/2)
	return &Guard{
		turns: make(chan struct{}, atOnce), handshakes: make(chan struct{}, atOnce),
		held: make(map[string]int64), requests: make(map[string]int),
	}
}

// TrustForwarded sets whether a balancer in front of all listeners names clients in X-Forwarded-For, from now on. Then the
// connections of one address are not bounded, since all are the balancer's.
func (g *Guard) TrustForwarded(trust bool) { g.forwarded.Store(trust) }

// Protect makes srv account for the memory of its requests. Its listener must be one of the Guard's, perhaps inside TLS.
func (g *Guard) Protect(srv *http.Server) {
	next, before := srv.Handler, srv.ConnContext
	srv.ConnContext = func(ctx context.Context, c net.Conn) context.Context {
		if before != nil {
			ctx = before(ctx, c)
		}
		gc := guarded(c)
		if gc != nil {
			gc.isPlain, gc.errors = c == net.Conn(gc), srv.ErrorLog
		}
		return contextOf(ctx, gc)
	}
	srv.ConnState = func(c net.Conn, state http.ConnState) {
		if gc := guarded(c); gc != nil && state == http.StateIdle {
			gc.rest()
		}
	}
	srv.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c := connOf(r)
		if c == nil {
			next.ServeHTTP(w, r)
			return
		}
		if len(r.Header) > maxFields {
			refuse(w, r, http.StatusRequestHeaderFieldsTooLarge, "the request has too many header fields")
			return
		}
		if !c.begin(r) {
			refuse(w, r, http.StatusServiceUnavailable, "too many requests of this client at once")
			return
		}
		defer c.end()
		if c.hasNext(r) {
			w.Header().Set("Connection", "close")
		}
		next.ServeHTTP(w, r)
	})
}

// refuse ends a connection with an error.
func refuse(w http.ResponseWriter, r *http.Request, status int, message string) {
	Refuse(w, r)
	http.Error(w, message, status)
}

// Refuse sets the headers of an answer that refuses a request because it takes too much. The client should come back later, and its connection
// lingers until then.
func Refuse(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Connection", "close") // the rest of the body is not read
	w.Header().Set("Retry-After", strconv.Itoa(int(lingerTime/time.Second)))
	if c := connOf(r); c != nil {
		c.isRefused.Store(true)
	}
}

// connKey is the key of a connection in the context of its requests.
type connKey struct{}

func contextOf(ctx context.Context, c *conn) context.Context {
	return context.WithValue(ctx, connKey{}, c)
}

func connOf(r *http.Request) *conn {
	c, _ := r.Context().Value(connKey{}).(*conn)
	return c
}

// Hold counts n bytes for a request until it is answered. Of several calls, the largest n counts. It returns ErrBusy if clients hold
// too much memory already.
func Hold(r *http.Request, n int64) error {
	c := connOf(r)
	if c == nil || n <= FreeMemory || n <= c.held {
		return nil
	}
	return c.l.guard.hold(c, n)
}

func (g *Guard) hold(c *conn, n int64) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	more := n - c.held
	if g.used+more > guardMemory || g.held[c.holder]+more > clientMemory {
		return ErrBusy
	}
	g.used += more
	g.held[c.holder] += more
	c.held = n
	return nil
}

// release returns the memory of a connection's request.
func (g *Guard) release(c *conn) {
	if c.held == 0 && !c.counted {
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.used -= c.held
	if g.held[c.holder] -= c.held; g.held[c.holder] <= 0 {
		delete(g.held, c.holder)
	}
	c.held = 0
	if c.counted {
		c.counted = false
		if g.requests[c.holder]--; g.requests[c.holder] <= 0 {
			delete(g.requests, c.holder)
		}
	}
}

// count counts a request of a client behind a balancer. It returns false if there are too many.
func (g *Guard) count(c *conn, limit int) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.requests[c.holder] >= limit {
		return false
	}
	g.requests[c.holder]++
	c.counted = true
	return true
}

// IsLarge reports whether a request holds memory that the Guard counts.
func IsLarge(r *http.Request) bool {
	c := connOf(r)
	return c != nil && c.held > 0
}

// Turn waits until a request with much to compute may go on, and lowers its priority, so that the small requests of other clients find a
// free processor. Only one request of each client waits beside other clients. The caller calls done before it waits for the client, in the
// same goroutine.
func Turn(r *http.Request) (done func()) {
	c := connOf(r)
	if c == nil {
		return func() {}
	}
	var have []chan struct{}
	for _, turns := range []chan struct{}{c.large, c.l.guard.turns} {
		if turns == nil {
			continue
		}
		select {
		case turns <- struct{}{}:
			have = append(have, turns)
		case <-r.Context().Done():
		}
	}
	raise := lowerPriority()
	return func() {
		raise()
		for _, turns := range have {
			<-turns
		}
	}
}
