//go:build unix

package main

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"

	"golang.org/x/sync/errgroup"

	"offlinestore/assertion"
	"offlinestore/catalog"
	"offlinestore/instance/pgcluster"
	"offlinestore/internal/assertiontest"
)

const (
	// serialDevices is the number of devices that ask for serials in a round.
	serialDevices = 300
	// serialClients is the number of devices that ask at the same time.
	serialClients = 16
	// softHSM is the module of SoftHSMv2.
	softHSM = "/usr/lib/softhsm/libsofthsm2.so"
	// tokenPIN is the PIN of the token.
	tokenPIN = "1234-user"
)

// registrationClient keeps a connection for each device that asks.
var registrationClient = &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: serialClients}}

// serials compares the rate of serials, with a key in SoftHSM, with the rate at which OpenSSL makes such signatures on the same core.
func (b *bench) serials() error {
	data := b.path("serials", "data")
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
	if err := b.setUpToken(data, brand); err != nil {
		return err
	}
	devices := make([]*assertion.SigningKey, serialDevices)
	for i := range devices {
		private, err := rsa.GenerateKey(rand.Reader, 1024) // the size makes no difference that matters here
		if err != nil {
			return err
		}
		if devices[i], err = assertion.NewSigningKey(private); err != nil {
			return err
		}
	}
	stop, url, err := b.start("taskset", "-c", oneCore, filepath.Join(b.bin, "snap-store-proxy"), "--data-dir", data, "serve", "--listen", "127.0.0.1:0", "--log-level", "error")
	if err != nil {
		return err
	}
	defer stop()
	return b.compareSerials(url, brand, devices)
}

func (b *bench) compareSerials(url string, brand *assertiontest.Account, devices []*assertion.SigningKey) error {
	var ratios, ours, theirs []float64
	for round := range b.rounds + 1 {
		bodies, err := serialRequests(url, brand, devices)
		if err != nil {
			return err
		}
		t, err := b.signatures()
		if err != nil {
			return err
		}
		took, err := timed(func() error { return registerAll(url, bodies) })
		if err != nil {
			return err
		}
		if round == 0 {
			continue // to warm up
		}
		o := float64(len(bodies)) / took.Seconds()
		ratios, ours, theirs = append(ratios, o/t), append(ours, o), append(theirs, t)
	}
	fmt.Printf("%-42s %8.0f/s %8.0f/s %7.2f %7s\n", "serials signed on SoftHSM, RSA-4096", median(ours), median(theirs), median(ratios), ">= 0.60")
	return nil
}

// setUpToken puts the key of a brand on a token, and lets it sign the serials of a model.
func (b *bench) setUpToken(data string, brand *assertiontest.Account) error {
	dir := filepath.Dir(data)
	private, err := assertiontest.PrivateKey("brand")
	if err != nil {
		return err
	}
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return err
	}
	config, key, tokens := filepath.Join(dir, "softhsm2.conf"), filepath.Join(dir, "brand.pem"), filepath.Join(dir, "tokens")
	if err := os.Mkdir(tokens, 0o700); err != nil {
		return err
	}
	for path, text := range map[string][]byte{
		config: fmt.Appendf(nil, "directories.tokendir = %s\n", tokens), key: pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}),
	} {
		if err := os.WriteFile(path, text, 0o644); err != nil {
			return err
		}
	}
	if err := os.Setenv("SOFTHSM2_CONF", config); err != nil {
		return err
	}
	for _, args := range [][]string{
		{"softhsm2-util", "--init-token", "--free", "--label", "acme", "--pin", tokenPIN, "--so-pin", "1234-officer"},
		{"softhsm2-util", "--import", key, "--token", "acme", "--label", "serials", "--id", "01", "--pin", tokenPIN},
		{"chown", "-R", "--reference=" + data, tokens},
	} {
		if out, err := exec.CommandContext(b.ctx, args[0], args[1:]...).CombinedOutput(); err != nil {
			return fmt.Errorf("%s: %w: %s", args[0], err, out)
		}
	}
	if _, err := b.proxy(data, "config", "proxy.hsm.token-label=acme", "proxy.hsm.token-pin="+tokenPIN, "proxy.hsm.module="+softHSM); err != nil {
		return err
	}
	return b.addPolicy(data, brand)
}

// addPolicy adds the model pump of a brand, with a policy.
func (b *bench) addPolicy(data string, brand *assertiontest.Account) error {
	cluster, err := pgcluster.Start(b.ctx, pgcluster.Options{Dir: filepath.Join(data, "postgresql")})
	if err != nil {
		return err
	}
	defer cluster.Close()
	s, err := catalog.Open(b.ctx, cluster.DSN("postgres", pgcluster.Superuser))
	if err != nil {
		return err
	}
	defer s.Close()
	id := brand.Key.KeyID()
	if err := s.AddSigningKey(b.ctx, "bench", catalog.SigningKey{ID: id, BrandID: brand.ID, Name: "serials", Fingerprint: "00"}); err != nil {
		return err
	}
	if err := s.AddDeviceModel(b.ctx, "bench", catalog.DeviceModel{BrandID: brand.ID, Name: "pump", Series: assertion.Series}); err != nil {
		return err
	}
	_, err = s.AddSerialPolicy(b.ctx, "bench", brand.ID, "pump", id)
	return err
}

// serialRequests returns a request for a serial of each device.
func serialRequests(url string, brand *assertiontest.Account, devices []*assertion.SigningKey) ([][]byte, error) {
	model := brand.Model("pump", nil)
	bodies := make([][]byte, len(devices))
	var g errgroup.Group
	g.SetLimit(serialClients)
	for i, device := range devices {
		g.Go(func() error {
			resp, err := registrationClient.Post(url+"/api/v1/snaps/auth/request-id", "", nil)
			if err != nil {
				return err
			}
			defer resp.Body.Close()
			var id map[string]string
			if err := json.NewDecoder(resp.Body).Decode(&id); err != nil {
				return err
			}
			var body bytes.Buffer
			err = assertion.EncodeAll(&body, []*assertion.Assertion{assertiontest.SerialRequest(brand.ID, "pump", id["request-id"], device, nil), model})
			bodies[i] = body.Bytes()
			return err
		})
	}
	return bodies, g.Wait()
}

// registerAll sends each request for a serial until it is answered.
func registerAll(url string, bodies [][]byte) error {
	var g errgroup.Group
	g.SetLimit(serialClients)
	for _, body := range bodies {
		g.Go(func() error {
			for {
				resp, err := registrationClient.Post(url+"/api/v1/snaps/auth/devices", "application/x.ubuntu.assertion", bytes.NewReader(body))
				if err != nil {
					return err
				}
				text, err := io.ReadAll(resp.Body)
				resp.Body.Close()
				if err != nil || resp.StatusCode == http.StatusAccepted {
					continue
				}
				if resp.StatusCode != http.StatusOK || !bytes.HasPrefix(text, []byte("type: serial\n")) {
					return fmt.Errorf("%s %.200s", resp.Status, text)
				}
				return nil
			}
		})
	}
	return g.Wait()
}

var signRate = regexp.MustCompile(`rsa 4096 bits\s+\S+\s+\S+\s+([0-9.]+)`)

// signatures returns the rate of OpenSSL's signatures with RSA of 4096 bits on one core.
func (b *bench) signatures() (float64, error) {
	out, err := exec.CommandContext(b.ctx, "taskset", "-c", oneCore, "openssl", "speed", "-elapsed", "-seconds", "1", "rsa4096").Output()
	if err != nil {
		return 0, fmt.Errorf("openssl speed: %w: %s", err, out)
	}
	m := signRate.FindSubmatch(out)
	if m == nil {
		return 0, fmt.Errorf("openssl speed prints no rate: %s", out)
	}
	return strconv.ParseFloat(string(m[1]), 64)
}
