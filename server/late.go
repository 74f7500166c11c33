package server

import (
	"context"
	"net/http"
	"sync"
	"time"
)

// The bounds of a look at the database for a client that knows more than this server.
const (
	// lookPause bounds the rate of looks. All clients that wait share one.
	lookPause = 50 * time.Millisecond
	// lookTimeout is the time that a client waits for its answer, at most.
	lookTimeout = 2 * time.Second
)

// looks lets clients wait until Follow has looked for a newer catalogue: another server of the store may serve it already, and a client asks here
// for something that it has heard of there. The zero value is ready.
type looks struct {
	mu      sync.Mutex
	follows bool
	// done is closed after the next look. It is nil if nobody waits.
	done  chan struct{}
	asked chan struct{}
}

// start returns a channel that tells when somebody waits.
func (l *looks) start() <-chan struct{} {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.follows, l.asked = true, make(chan struct{}, 1)
	return l.asked
}

// begin begins a look, and returns a function that ends it.
func (l *looks) begin() (end func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	done := l.done
	l.done = nil
	return func() {
		if done != nil {
			close(done)
		}
	}
}

// stop lets nobody wait any more.
func (l *looks) stop() {
	l.mu.Lock()
	l.follows = false
	l.mu.Unlock()
	l.begin()()
}

// await waits until a look that begins later has ended. It returns false if that takes too long. Nobody waits if there are no looks.
func (l *looks) await(ctx context.Context) bool {
	l.mu.Lock()
	if !l.follows {
		l.mu.Unlock()
		return true
	}
	if l.done == nil {
		l.done = make(chan struct{})
	}
	done := l.done
	select {
	case l.asked <- struct{}{}:
	default: // somebody else has asked
	}
	l.mu.Unlock()
	select {
	case <-done:
		return true
	case <-ctx.Done():
	case <-time.After(lookTimeout):
	}
	return false
}

// AwaitNewer waits for a moment until the catalogue is at least as new as the database was at the call. It returns false if nobody knows, because
// the database doesn't answer.
func (s *Server) AwaitNewer(ctx context.Context) bool {
	return s.sourceAnswers() && s.looks.await(ctx) && s.sourceAnswers()
}

func (s *Server) sourceAnswers() bool {
	problem, _ := s.source.get()
	return problem == ""
}

// againKey is the key in the context of a request that is answered again.
type againKey struct{}

// answerAgain answers a request for something that ix lacks, if the database has a newer catalogue or doesn't answer. It reports whether it did.
// Without the database nobody knows that the store lacks it: another server may have told the client of it a moment ago.
func (s *Server) answerAgain(w http.ResponseWriter, r *http.Request, ix *index, h http.HandlerFunc) bool {
	if r.Context().Value(againKey{}) != nil {
		return false
	}
	if !s.AwaitNewer(r.Context()) {
		w.Header().Set("Retry-After", "5")
		s.fail(w, r, http.StatusServiceUnavailable, codeUnavailable, "this server does not know it, and can't ask the database of the store at the moment")
		return true
	}
	if s.index.Load().generation == ix.generation {
		return false
	}
	h(w, r.WithContext(context.WithValue(r.Context(), againKey{}, true)))
	return true
}
