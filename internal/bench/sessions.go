//go:build unix

package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"offlinestore/assertion"
	"offlinestore/internal/assertiontest"
	"offlinestore/session"
)

const (
	// sessionDevices is the number of devices that ask for sessions in a round.
	sessionDevices = 400
	// sessionClients is the number of devices that ask at the same time.
	sessionClients = 8
	// oneCore is the core that the store with its database, and then the yardstick, get.
	oneCore = "0"
)

// deviceClient keeps a connection for each device that asks, as snapd does between its nonce and its session.
var deviceClient = &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: sessionClients}}

// sessionSignatures is the number of signatures in a request for a session: the device's, the serial's and the model's.
const sessionSignatures = 3

// sessions compares the rate of sessions with the rate at which OpenSSL verifies as many signatures on the same core.
func (b *bench) sessions() error {
	data := b.path("sessions", "data")
	if err := os.MkdirAll(filepath.Dir(data), 0o755); err != nil {
		return err
	}
	stack, err := assertiontest.New()
	if err != nil {
		return err
	}
	brand := stack.NewAccount("acme", "brand")
	if err := b.setUpBrand(data, stack, brand); err != nil {
		return err
	}
	stop, url, err := b.start("taskset", "-c", oneCore, filepath.Join(b.bin, "snap-store-proxy"), "--data-dir", data, "serve", "--listen", "127.0.0.1:0", "--log-level", "error")
	if err != nil {
		return err
	}
	defer stop()
	keys, err := b.sessionKeys(data)
	if err != nil {
		return err
	}
	for _, f := range []struct {
		name string
		key  func(round int) int // the first device of a round
	}{
		{"sessions of new devices, 3 signatures each", func(round int) int { return round * sessionDevices }},
		{"sessions of devices that come back", func(int) int { return 0 }},
	} {
		if err := b.compareSessions(f.name, url, brand, keys, f.key); err != nil {
			return err
		}
	}
	return nil
}

func (b *bench) compareSessions(name, url string, brand *assertiontest.Account, keys *session.Keys, first func(round int) int) error {
	var ratios, ours, theirs []float64
	for round := range b.rounds + 1 {
		bodies, err := b.sessionRequests(url, brand, first(round))
		if err != nil {
			return err
		}
		t, err := b.verifications()
		if err != nil {
			return err
		}
		t /= sessionSignatures
		took, err := timed(func() error { return postAll(url+"/api/v1/snaps/auth/sessions", bodies, keys) })
		if err != nil {
			return err
		}
		if round == 0 {
			continue // to warm up
		}
		o := float64(len(bodies)) / took.Seconds()
		ratios, ours, theirs = append(ratios, o/t), append(ours, o), append(theirs, t)
	}
	fmt.Printf("%-42s %8.0f/s %8.0f/s %7.2f %7s\n", name, median(ours), median(theirs), median(ratios), ">= 0.25")
	return nil
}

// setUpBrand makes a store that knows the keys of a brand.
func (b *bench) setUpBrand(data string, stack *assertiontest.Stack, brand *assertiontest.Account) error {
	var keys bytes.Buffer
	if err := assertion.EncodeAll(&keys, append(stack.Base(), brand.Assertions()...)); err != nil {
		return err
	}
	root, chain := filepath.Join(filepath.Dir(data), "root.assert"), filepath.Join(filepath.Dir(data), "brand.assert")
	for path, text := range map[string][]byte{root: stack.RootStream(), chain: keys.Bytes()} {
		if err := os.WriteFile(path, text, 0o644); err != nil {
			return err
		}
	}
	for _, args := range [][]string{{"enable-airgap-mode"}, {"trust", "root", "add", root}, {"push-account-keys", chain}} {
		if _, err := b.proxy(data, args...); err != nil {
			return err
		}
	}
	return nil
}

// sessionRequests returns a request of each device of a fleet.
func (b *bench) sessionRequests(url string, brand *assertiontest.Account, first int) ([][]byte, error) {
	device, model := assertiontest.DeviceKey(), brand.Model("pump", nil)
	bodies := make([][]byte, sessionDevices)
	var g errgroup.Group
	g.SetLimit(sessionClients)
	for i := range bodies {
		g.Go(func() error {
			var nonce struct{ Nonce string }
			resp, err := deviceClient.Post(url+"/api/v1/snaps/auth/nonces", "", nil)
			if err != nil {
				return err
			}
			defer resp.Body.Close()
			if err := json.NewDecoder(resp.Body).Decode(&nonce); err != nil {
				return err
			}
			serial := fmt.Sprintf("%08d", first+i)
			request := assertiontest.DeviceSessionRequest(brand.ID, "pump", serial, nonce.Nonce, device, assertiontest.Headers{"timestamp": time.Now().UTC().Format(time.RFC3339)})
			bodies[i], err = json.Marshal(session.Request{Request: string(request.Raw()), Serial: string(brand.Serial("pump", serial, device, nil).Raw()), Model: string(model.Raw())})
			return err
		})
	}
	return bodies, g.Wait()
}

// postAll sends each request for a session once.
func postAll(url string, bodies [][]byte, keys *session.Keys) error {
	var g errgroup.Group
	g.SetLimit(sessionClients)
	for _, body := range bodies {
		g.Go(func() error {
			resp, err := deviceClient.Post(url, "application/json", bytes.NewReader(body))
			if err != nil {
				return err
			}
			defer resp.Body.Close()
			var answer struct{ Macaroon, Message string }
			if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil {
				return err
			}
			if err := checkSession(keys, answer.Macaroon); err != nil {
				return fmt.Errorf("%s %s: %w", resp.Status, answer.Message, err)
			}
			return nil
		})
	}
	return g.Wait()
}

// checkSession fails unless a macaroon is the session of a proven device.
func checkSession(keys *session.Keys, macaroon string) error {
	d, err := keys.Open(macaroon, time.Now())
	if err == nil && !d.IsProven() {
		err = errors.New("the session of no device")
	}
	return err
}

var verifyRate = regexp.MustCompile(`rsa 4096 bits\s+\S+\s+\S+\s+\S+\s+([0-9.]+)`)

// verifications returns the rate of OpenSSL's verifications with RSA of 4096 bits on one core.
func (b *bench) verifications() (float64, error) {
	out, err := exec.CommandContext(b.ctx, "taskset", "-c", oneCore, "openssl", "speed", "-elapsed", "-seconds", "1", "rsa4096").Output()
	if err != nil {
		return 0, fmt.Errorf("openssl speed: %w: %s", err, out)
	}
	m := verifyRate.FindSubmatch(out)
	if m == nil {
		return 0, fmt.Errorf("openssl speed prints no rate: %s", out)
	}
	return strconv.ParseFloat(string(m[1]), 64)
}

// sessionKeys returns the keys by which the store signs sessions.
func (b *bench) sessionKeys(data string) (*session.Keys, error) {
	secret, err := exec.CommandContext(b.ctx, filepath.Join(b.bin, "snap-store-proxy"), "--data-dir", data, "config", "proxy.device-auth.secret").Output()
	if err != nil {
		return nil, fmt.Errorf("read the secret of sessions: %w", err)
	}
	return session.NewKeys(strings.TrimSpace(string(secret))), nil
}

// refreshWithSession compares the rate of refresh requests with a session, and without.
func (b *bench) refreshWithSession(data, url, plain string, body []byte) error {
	keys, err := b.sessionKeys(data)
	if err != nil {
		return err
	}
	macaroon, err := keys.New(session.Device{Brand: "acme", Model: "pump", Serial: "0001"}, time.Now())
	if err != nil {
		return err
	}
	script := b.path("refresh", "session.lua")
	text := fmt.Appendf(wrkScript(body), "wrk.headers[\"Snap-Device-Authorization\"] = 'Macaroon root=\"%s\"'\n", macaroon)
	if err := os.WriteFile(script, text, 0o644); err != nil {
		return err
	}
	var ratios, with, without []float64
	for range b.rounds {
		t, _, err := b.wrk(url+"/v2/snaps/refresh", "-s", plain)
		if err != nil {
			return err
		}
		o, _, err := b.wrk(url+"/v2/snaps/refresh", "-s", script)
		if err != nil {
			return err
		}
		ratios, with, without = append(ratios, o/t), append(with, o), append(without, t)
	}
	fmt.Printf("%-42s %8.0f/s %8.0f/s %7.2f %7s\n", "refresh with a session, and without", median(with), median(without), median(ratios), ">= 0.85")
	return nil
}
