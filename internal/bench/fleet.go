//go:build unix

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"

	"offlinestore/assertion"
	"offlinestore/internal/assertiontest"
	"offlinestore/session"
)

// A fleet of devices that ask for updates.
const (
	fleetDevices = 100_000
	fleetModels  = 20
	// fleetBurst devices wake up at the same time. fleetConnections of them are connected.
	fleetBurst       = 2_000
	fleetConnections = 64
	// The session of one of fleetExpired devices has expired.
	fleetExpired = 50
	// fleetSnaps is the number of snaps on each device.
	fleetSnaps = 3
)

// fleet is a brand's fleet at a store.
type fleet struct {
	url    string
	brand  *assertiontest.Account
	models []*assertion.Assertion
	key    *assertion.SigningKey // of all devices
	keys   *session.Keys         // of the store
	body   []byte
	client *http.Client

	mu    sync.Mutex
	times []time.Duration // of each request
}

// fleet lets a large fleet refresh, in bursts. Each device has a session of its own. Where it has expired, the device gets another one, as
// snapd does.
func (b *bench) fleet() error {
	data := b.path("fleet", "data")
	if err := os.MkdirAll(filepath.Dir(data), 0o755); err != nil {
		return err
	}
	f, err := b.newFleet(data)
	if err != nil {
		return err
	}
	c := exec.CommandContext(b.ctx, filepath.Join(b.bin, "snap-store-proxy"), "--data-dir", data, "serve", "--listen", "127.0.0.1:0", "--log-level", "error")
	if f.url, err = startProcess(c); err != nil {
		return err
	}
	took, err := timed(func() error { return f.refresh(b.ctx) })
	stopProcess(c)
	if err != nil {
		return err
	}
	slices.Sort(f.times)
	name := fmt.Sprintf("fleet: %d devices of %d models", fleetDevices, fleetModels)
	fmt.Printf("%-42s %8.0f/s\n", name, fleetDevices/took.Seconds())
	fmt.Printf("%-42s %8.2fms\n", "  99 of 100 requests are answered within", f.times[len(f.times)*99/100].Seconds()*1000)
	fmt.Printf("%-42s %7.1fMiB\n", "  peak memory of serve", float64(c.ProcessState.SysUsage().(*syscall.Rusage).Maxrss)/(1<<10))
	return nil
}

func (b *bench) newFleet(data string) (*fleet, error) {
	ids, err := b.fillCatalogue(data)
	if err != nil {
		return nil, err
	}
	stack, err := assertiontest.New()
	if err != nil {
		return nil, err
	}
	f := &fleet{brand: stack.NewAccount("acme", "brand"), key: assertiontest.DeviceKey(), body: refreshBody(ids[:fleetSnaps]), times: make([]time.Duration, 0, fleetDevices*2)}
	if err := b.setUpBrand(data, stack, f.brand); err != nil {
		return nil, err
	}
	for i := range fleetModels {
		f.models = append(f.models, f.brand.Model(fmt.Sprintf("pump-%d", i), nil))
	}
	f.client = &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: fleetConnections}}
	f.keys, err = b.sessionKeys(data)
	return f, err
}

// refresh lets all devices refresh once.
func (f *fleet) refresh(ctx context.Context) error {
	for first := 0; first < fleetDevices; first += fleetBurst {
		g, ctx := errgroup.WithContext(ctx)
		g.SetLimit(fleetConnections)
		for i := first; i < first+fleetBurst; i++ {
			g.Go(func() error {
				if err := f.refreshDevice(ctx, i); err != nil {
					return fmt.Errorf("device %d: %w", i, err)
				}
				return nil
			})
		}
		if err := g.Wait(); err != nil {
			return err
		}
	}
	return nil
}

// refreshDevice does what snapd does: it refreshes with its session, or with another one if that has expired.
func (f *fleet) refreshDevice(ctx context.Context, i int) error {
	d, opened := session.Device{Brand: f.brand.ID, Model: fmt.Sprintf("pump-%d", i%fleetModels), Serial: fmt.Sprintf("%08d", i)}, time.Now()
	if i%fleetExpired == 0 {
		opened = opened.Add(-2 * session.Life)
	}
	macaroon, err := f.keys.New(d, opened)
	if err != nil {
		return err
	}
	status, answer, err := f.post(ctx, "/v2/snaps/refresh", f.body, macaroon)
	if err == nil && status == http.StatusUnauthorized && i%fleetExpired == 0 {
		if macaroon, err = f.renew(ctx, d, f.models[i%fleetModels]); err != nil {
			return err
		}
		status, answer, err = f.post(ctx, "/v2/snaps/refresh", f.body, macaroon)
	}
	if err != nil {
		return err
	}
	if n := bytes.Count(answer, []byte(`"result":"refresh"`)); status != http.StatusOK || n != fleetSnaps {
		return fmt.Errorf("status %d with %d results in place of %d: %.300s", status, n, fleetSnaps, answer)
	}
	return nil
}

// renew gets another session.
func (f *fleet) renew(ctx context.Context, d session.Device, model *assertion.Assertion) (string, error) {
	var nonce struct{ Nonce string }
	if err := f.ask(ctx, "nonces", nil, &nonce); err != nil {
		return "", err
	}
	now := assertiontest.Headers{"timestamp": time.Now().UTC().Format(time.RFC3339)}
	request := assertiontest.DeviceSessionRequest(d.Brand, d.Model, d.Serial, nonce.Nonce, f.key, now)
	serial := f.brand.Serial(d.Model, d.Serial, f.key, nil)
	body, err := json.Marshal(session.Request{Request: string(request.Raw()), Serial: string(serial.Raw()), Model: string(model.Raw())})
	if err != nil {
		return "", err
	}
	var answer struct{ Macaroon string }
	if err := f.ask(ctx, "sessions", body, &answer); err != nil {
		return "", err
	}
	return answer.Macaroon, checkSession(f.keys, answer.Macaroon)
}

// ask sends a request about sessions.
func (f *fleet) ask(ctx context.Context, route string, body []byte, answer any) error {
	status, text, err := f.post(ctx, "/api/v1/snaps/auth/"+route, body, "")
	if err == nil && status != http.StatusOK {
		err = fmt.Errorf("%s: status %d: %.300s", route, status, text)
	}
	if err != nil {
		return err
	}
	return json.Unmarshal(text, answer)
}

// post sends a request, and keeps the time until its answer is read.
func (f *fleet) post(ctx context.Context, path string, body []byte, macaroon string) (status int, answer []byte, err error) {
	req, err := http.NewRequestWithContext(ctx, "POST", f.url+path, bytes.NewReader(body))
	if err != nil {
		return 0, nil, err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Snap-Device-Architecture", "amd64")
	if macaroon != "" {
		req.Header.Set("Snap-Device-Authorization", fmt.Sprintf("Macaroon root=%q", macaroon))
	}
	start := time.Now()
	resp, err := f.client.Do(req)
	if err != nil {
		return 0, nil, err
	}
	defer resp.Body.Close()
	if answer, err = io.ReadAll(resp.Body); err != nil {
		return 0, nil, err
	}
	took := time.Since(start)
	f.mu.Lock()
	f.times = append(f.times, took)
	f.mu.Unlock()
	return resp.StatusCode, answer, nil
}
