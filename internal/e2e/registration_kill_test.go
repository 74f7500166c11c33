//go:build linux

package e2e_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"offlinestore/assertion"
	"offlinestore/catalog"
	"offlinestore/internal/assertiontest"
)

// applicant is a device that asks a store for serials.
type applicant struct {
	url   string
	key   *assertion.SigningKey
	model *assertion.Assertion
	http  *http.Client
}

// newApplicant returns a device with an address of its own. A server serves one address less than all.
func newApplicant(t *testing.T, n int, url string, model *assertion.Assertion) *applicant {
	t.Helper()
	private, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	key, err := assertion.NewSigningKey(private)
	if err != nil {
		t.Fatal(err)
	}
	dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 1, byte(n>>8), byte(n)+1)}}
	transport := &http.Transport{DialContext: dialer.DialContext, MaxIdleConns: 1}
	t.Cleanup(transport.CloseIdleConnections)
	return &applicant{url, key, model, &http.Client{Transport: transport}}
}

// post sends a request, and returns the status and the body of the answer.
func (a *applicant) post(ctx context.Context, path string, body []byte) (int, []byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, a.url+path, bytes.NewReader(body))
	if err != nil {
		return 0, nil, err
	}
	resp, err := a.http.Do(req)
	if err != nil {
		return 0, nil, err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	return resp.StatusCode, text, err
}

// request gets a request-id, and returns the body of a request for a serial.
func (a *applicant) request(ctx context.Context) ([]byte, error) {
	status, text, err := a.post(ctx, "request-id", nil)
	if err != nil {
		return nil, err
	}
	var id map[string]string
	if err := json.Unmarshal(text, &id); err != nil || status != http.StatusOK {
		return nil, fmt.Errorf("request-id: %d %s", status, text)
	}
	request := assertiontest.SerialRequest(a.model.HeaderString("brand-id"), a.model.HeaderString("model"), id["request-id"], a.key, assertiontest.Headers{"serial": "wanted"})
	var b bytes.Buffer
	err = assertion.EncodeAll(&b, []*assertion.Assertion{request, a.model})
	return b.Bytes(), err
}

// ask sends a request until it is answered, but not more often than limit. The serial is nil if the request was refused.
func (a *applicant) ask(ctx context.Context, body []byte, limit int) (serial *assertion.Assertion, polls int, err error) {
	for ; polls < limit; polls++ {
		status, text, err := a.post(ctx, "devices", body)
		switch {
		case err != nil && ctx.Err() != nil:
			return nil, polls, ctx.Err()
		case err != nil || status == http.StatusAccepted || status > 500:
			time.Sleep(20 * time.Millisecond)
			continue
		case status != http.StatusOK:
			return nil, polls, nil
		}
		list, err := assertion.DecodeAll(text)
		if err != nil || len(list) == 0 {
			return nil, polls, fmt.Errorf("%s: %w", text, err)
		}
		return list[0], polls, nil
	}
	return nil, polls, nil
}

// killable is a server that the test kills.
type killable struct {
	cmd *exec.Cmd
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
	return &killable{cmd}
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
					select {
					case answered <- struct{}{}:
					default:
					}
				}
			}
		})
	}
	for range kills {
		k := f.startKillable(t, address)
		n, err := rand.Int(rand.Reader, big.NewInt(int64(50*time.Millisecond)))
		if err != nil {
			t.Fatal(err)
		}
		for len(answered) > 0 {
			<-answered
		}
		select {
		case <-answered:
		case <-time.After(10 * time.Second):
			t.Error("no device is answered within ten seconds")
		}
		time.Sleep(time.Duration(n.Int64()))
		k.kill()
	}
	cancel()
	wg.Wait()
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
	if len(got) > 0 || len(owner) != devices {
		t.Errorf("%d serials are not in the log, which has %d serials of %d devices", len(got), len(owner), devices)
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
