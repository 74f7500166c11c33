package registrar_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"offlinestore/assertion"
	"offlinestore/registrar"
)

// TestCrowdOfOne lets one device ask for more serials than may wait, and then hosts of one IPv6 network.
func TestCrowdOfOne(t *testing.T) {
	t.Parallel()
	st := newSite(t)
	release := st.token.Hold()
	defer release()
	ask := func(r *registrar.Registrar, device *assertion.SigningKey, origin string) error {
		p, err := st.knows.Verify(registrar.Request{Body: st.requestOf(device, nil), APIKey: "pump key", Origin: origin})
		if err == nil {
			ctx, cancel := context.WithCancel(t.Context())
			time.AfterFunc(200*time.Millisecond, cancel) // no device waits for two seconds
			_, err = r.Register(ctx, p)
		}
		return err
	}
	key := newDevice(t)
	for i := range 5 {
		want := registrar.ErrPending
		if i == 4 {
			want = registrar.ErrCrowd
		}
		if err := ask(st.Registrar, key, "192.0.2.7"); !errors.Is(err, want) {
			t.Errorf("request %d of a device: %v, want %v", i, err, want)
		}
	}
	if testing.Short() {
		return
	}
	other := st.server()
	for other.Pending() < 256 {
		var wg sync.WaitGroup
		for i := range 3 {
			wg.Go(func() { _ = ask(other, newDevice(t), fmt.Sprintf("2001:db8::%x", i)) })
		}
		wg.Wait()
	}
	if err := ask(other, newDevice(t), "2001:db8::ffff"); !errors.Is(err, registrar.ErrCrowd) {
		t.Errorf("another host of a network: %v, want ErrCrowd", err)
	}
	if err := ask(other, newDevice(t), "2001:db8:0:1::1"); !errors.Is(err, registrar.ErrPending) {
		t.Errorf("a host of another network: %v, want ErrPending", err)
	}
}

// TestCrowd lets one address ask for more serials than may wait, and another one for one.
func TestCrowd(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("lets hundreds of devices wait")
	}
	st := newSite(t)
	release := st.token.Hold()
	var crowded atomic.Int32
	var wg sync.WaitGroup
	bodies := make([][]byte, 300)
	for i := range bodies {
		bodies[i] = st.requestOf(newDevice(t), nil)
	}
	elsewhere := st.requestOf(newDevice(t), nil)
	if _, err := st.ask(st.server(), elsewhere); !errors.Is(err, registrar.ErrPending) {
		t.Errorf("%v, want ErrPending", err)
	}
	for _, body := range bodies {
		wg.Go(func() {
			for { // the requests that are being recorded are bounded, too
				_, err := st.ask(st.Registrar, body)
				switch {
				case errors.Is(err, registrar.ErrPending):
				case !errors.Is(err, registrar.ErrCrowd):
					t.Errorf("%v, want ErrPending or ErrCrowd", err)
				case st.Pending() < 256:
					continue
				default:
					crowded.Add(1)
				}
				return
			}
		})
	}
	wg.Wait()
	if n := st.Pending(); n != 256 || crowded.Load() != 44 {
		t.Errorf("%d requests of one address wait, and %d were turned away, want 256 and 44", n, crowded.Load())
	}
	if n := st.count(`select count(*) from serial_request`); n != 257 {
		t.Errorf("%d requests are recorded, want 257: the ones that have a place", n)
	}
	p, err := st.knows.Verify(registrar.Request{Body: st.requestOf(newDevice(t), nil), APIKey: "pump key", Origin: "192.0.2.8"})
	if err == nil {
		_, err = st.Register(t.Context(), p)
	}
	if n := st.Pending(); !errors.Is(err, registrar.ErrPending) || n != 257 {
		t.Errorf("another address: %v, and %d requests wait, want 257", err, n)
	}
	if _, err := st.ask(st.Registrar, elsewhere); !errors.Is(err, registrar.ErrPending) {
		t.Errorf("a poll for a request of another server: %v, want ErrPending", err)
	}
	release()
	for deadline := time.Now().Add(time.Minute); st.Pending() > 0; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%d requests still wait", st.Pending())
		}
	}
}
