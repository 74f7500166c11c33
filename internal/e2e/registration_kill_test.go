//go:build linux

package e2e_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"math/big"
	"net/http"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"offlinestore/assertion"
	"offlinestore/catalog"
)

// killable is a server that the test kills.
type killable struct {
	cmd *exec.Cmd
	log *bytes.Buffer // of a server that has ended
}

// startKillable starts the server at an address, and waits until it listens.
func (f *factory) startKillable(t *testing.T, address string) *killable {
	t.Helper()
	cmd := exec.Command(program(t, "snap-store-proxy"), "--data-dir", f.data, "serve", "--listen", address, "--log-level", "error")
	var log bytes.Buffer
	cmd.Stderr = &log
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(out).ReadString('\n'); err != nil {
		t.Fatalf("the server says %q, %v: %s", line, err, log.String())
	}
	return &killable{cmd, &log}
}

func (k *killable) kill() {
	_ = k.cmd.Process.Kill()
	_ = k.cmd.Wait()
}

// TestKilledRegistrar kills the server hundreds of times while devices ask for serials. Each serial that a device has got is in the log, and no
// serial is of two devices.
func TestKilledRegistrar(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("starts the server hundreds of times")
	}
	const kills, devices = 200, 6
	f := newFactory(t)
	address := strings.TrimPrefix(f.url, "http://")
	f.stop()
	model := f.acme.Model("pump", nil)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var mu sync.Mutex
	got, answered := make(map[string]bool), make(chan struct{}, devices)
	var wg sync.WaitGroup
	for i := range devices {
		a := newApplicant(t, i, f.url+"/api/v1/snaps/auth/", model)
		wg.Go(func() {
			for ctx.Err() == nil {
				body, err := a.request(ctx)
				if err != nil {
					time.Sleep(10 * time.Millisecond)
					continue
				}
				serial, _, err := a.ask(ctx, body, 20) // a server that is killed keeps the request for some time
				if err != nil && !errors.Is(err, context.Canceled) {
					t.Error(err)
				}
				if serial != nil {
					mu.Lock()
					got[string(serial.Raw())] = true
					mu.Unlock()
					if err := a.renew(); err != nil { // a known device gets no further revision for some minutes
						t.Error(err)
						return
					}
					select {
					case answered <- struct{}{}:
					default:
					}
				}
			}
		})
	}
	h, err := softHSM()
	if err != nil {
		t.Fatal(err)
	}
	restore, restored := h.Keep(t, f.token()), 0
	for range kills {
		k := f.startKillable(t, address)
		n, err := rand.Int(rand.Reader, big.NewInt(int64(50*time.Millisecond)))
		if err != nil {
			t.Fatal(err)
		}
		for len(answered) > 0 {
			<-answered
		}
		isIdle := false
		select {
		case <-answered:
		case <-time.After(time.Minute):
			isIdle = true
		}
		time.Sleep(time.Duration(n.Int64()))
		k.kill()
		if isIdle {
			t.Errorf("no device is answered within a minute; the server says: %.600s", k.log.String())
			break
		}
		if restore() {
			restored++
		}
	}
	cancel()
	wg.Wait()
	t.Logf("SoftHSM's token was restored after %d of %d kills", restored, kills)
	log, err := f.db.SerialLog(t.Context(), catalog.SerialLogQuery{BrandID: f.acme.ID, Model: "pump", Limit: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	owner := make(map[string]string)
	for _, e := range log {
		if was, ok := owner[e.Serial]; ok && was != e.DeviceKey {
			t.Errorf("serial %s is of two devices", e.Serial)
		}
		owner[e.Serial] = e.DeviceKey
		delete(got, e.Assertion)
	}
	if len(got) > 0 {
		t.Errorf("%d serials are not in the log, which has %d serials", len(got), len(owner))
	}
	t.Logf("%d serials in the log after %d kills", len(log), kills)
	if len(log) < kills {
		t.Error("the kills hit nothing")
	}
}

// TestManyDevicesAtOnce lets 500 devices ask the server at the same time. Each is answered, or told to poll until it is, and none gets two
// serials, nor one of another device.
func TestManyDevicesAtOnce(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("signs hundreds of serials")
	}
	const devices = 500
	f := newFactory(t)
	model := f.acme.Model("pump", nil)
	list := make([]*applicant, devices)
	for i := range list {
		list[i] = newApplicant(t, i, f.url+"/api/v1/snaps/auth/", model)
	}
	serials, polls := make([]string, devices), make([]int, devices)
	var wg sync.WaitGroup
	began := time.Now()
	for i, a := range list {
		wg.Go(func() {
			body, err := a.request(t.Context())
			var serial *assertion.Assertion
			if err == nil {
				serial, polls[i], err = a.ask(t.Context(), body, 1<<20)
			}
			if err != nil || serial == nil || serial.HeaderString("device-key-sha3-384") != a.key.KeyID() {
				t.Errorf("device %d has got %v, %v", i, serial, err)
				return
			}
			serials[i] = serial.HeaderString("serial")
		})
	}
	wg.Wait()
	seen, total := make(map[string]bool), 0
	for i, name := range serials {
		seen[name] = true
		total += polls[i]
	}
	log, err := f.db.SerialLog(t.Context(), catalog.SerialLogQuery{BrandID: f.acme.ID, Model: "pump", Limit: 1 << 20})
	if err != nil || len(seen) != devices || len(log) != devices || !seen["wanted"] {
		t.Errorf("%d serials, %d in the log, %v, want %d", len(seen), len(log), err, devices)
	}
	t.Logf("%d devices in %v, after %d polls", devices, time.Since(began), total)
}

// TestRegistrarWithoutKey serves devices without the key: with another token in the settings, with a wrong PIN, and without the key on the token.
// Devices are refused, and nothing is signed.
func TestRegistrarWithoutKey(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("starts the server several times")
	}
	f := newFactory(t)
	f.stop()
	key := catalog.SigningKey{ID: f.up.Stack.StoreKey.KeyID(), BrandID: f.acme.ID, Name: "elsewhere", Fingerprint: "00"}
	if err := f.db.AddSigningKey(t.Context(), "jo", key); err != nil {
		t.Fatal(err)
	}
	label := strings.TrimSpace(f.proxy("config", "proxy.hsm.token-label"))
	for _, tt := range []struct{ name, setting, key string }{
		{"a key that is not on the token", "proxy.hsm.token-label=" + label, key.ID},
		{"no such token", "proxy.hsm.token-label=none", f.acme.Key.KeyID()},
		{"a wrong PIN", "proxy.hsm.token-pin=0000", f.acme.Key.KeyID()},
	} {
		f.proxy("config", "proxy.hsm.token-label="+label)
		f.proxy("config", tt.setting)
		if _, err := f.db.AddSerialPolicy(t.Context(), "jo", f.acme.ID, "pump", tt.key); err != nil {
			t.Fatal(err)
		}
		addresses, stop := f.serveOn(1)
		a := newApplicant(t, 0, "http://"+addresses[0]+"/api/v1/snaps/auth/", f.acme.Model("pump", nil))
		body, err := a.request(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		status, text, err := a.post(t.Context(), "devices", body)
		if err != nil || status != http.StatusForbidden || !strings.Contains(string(text), `"message":"this store can't sign serials`) {
			t.Errorf("%s: %d %s, %v, want 403", tt.name, status, text, err)
		}
		stop()
	}
	log, err := f.db.SerialLog(t.Context(), catalog.SerialLogQuery{BrandID: f.acme.ID, Model: "pump", Limit: 1})
	if err != nil || len(log) > 0 {
		t.Errorf("the log has %+v, %v", log, err)
	}
}
