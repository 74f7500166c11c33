package registrar_test

import (
	"errors"
	"testing"
	"time"

	"offlinestore/registrar"
)

// TestChangesWhileWaiting changes the store while requests wait for the token. The ones that have no turn yet must not get a serial by the old state.
func TestChangesWhileWaiting(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]struct {
		statement string
		want      error
	}{
		"another API key": {`update device_model set api_key = 'new' where name = 'pump'`, registrar.ErrAPIKey},
		"no model":        {`delete from device_model where name = 'pump'`, registrar.ErrPolicy},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			st := newSite(t)
			release := st.token.Hold()
			for range 3 { // as many as the key signs at once
				if _, err := st.ask(st.Registrar, st.requestOf(newDevice(t), nil)); !errors.Is(err, registrar.ErrPending) {
					t.Fatalf("%v, want ErrPending", err)
				}
			}
			errs := make(chan error)
			go func() {
				_, err := st.ask(st.Registrar, st.requestOf(newDevice(t), nil))
				errs <- err
			}()
			for st.Pending() < 4 {
				time.Sleep(time.Millisecond)
			}
			st.exec(change.statement)
			c, err := st.db.LoadSnapshot(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			st.mu.Lock()
			st.knows.Models = c.DeviceModels
			st.mu.Unlock()
			release()
			if err := <-errs; !errors.Is(err, change.want) || !registrar.IsRefusal(err) {
				t.Errorf("%v, want %v", err, change.want)
			}
		})
	}
}

// TestRevisionPause lets a device ask again and again. It gets one more revision, and then the same one without a signature until the pause is over.
func TestRevisionPause(t *testing.T) {
	t.Parallel()
	st := newSite(t)
	device := newDevice(t)
	for i, want := range []int{0, 1, 1, 1} {
		if got := st.mustAsk(st.requestOf(device, nil)).Revision(); got != want {
			t.Errorf("request %d gets revision %d, want %d", i, got, want)
		}
	}
	if n, log := st.token.Signatures(), st.log(); n != 2 || len(log) != 2 {
		t.Errorf("%d signatures and %d log entries, want 2", n, len(log))
	}
	st.exec(`update serial_log set signed_at = signed_at - interval '6 minutes'`)
	if got := st.mustAsk(st.requestOf(device, nil)).Revision(); got != 2 {
		t.Errorf("after the pause, the device gets revision %d, want 2", got)
	}
}
