package upstream_test

import (
	"net/http"
	"sync"
	"testing"
	"time"

	"offlinestore/upstream"
)

// TestPause checks that the pause that a store asks for holds up all requests of a client.
func TestPause(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var asked time.Time
	early := 0
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		if asked.IsZero() {
			asked = time.Now()
			w.Header().Set("Retry-After", "1")
			w.WriteHeader(http.StatusTooManyRequests)
			return
		}
		if time.Since(asked) < 900*time.Millisecond {
			early++
		}
		w.WriteHeader(http.StatusNotFound)
	})
	c, _ := newClient(t, h, upstream.Config{})
	var wg sync.WaitGroup
	first := make(chan struct{})
	for i := range 5 {
		wg.Go(func() {
			if i > 0 {
				<-first
			}
			c.Info(t.Context(), "jq")
		})
	}
	for start := time.Now(); time.Since(start) < 5*time.Second; time.Sleep(time.Millisecond) {
		mu.Lock()
		answered := !asked.IsZero()
		mu.Unlock()
		if answered {
			time.Sleep(100 * time.Millisecond) // the client has read the answer by then
			break
		}
	}
	close(first)
	wg.Wait()
	if early > 0 {
		t.Errorf("%d requests were sent during the pause", early)
	}
}
