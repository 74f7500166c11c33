//go:build linux

package e2e_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"testing"
	"time"

	"offlinestore/assertion"
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
	dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 1, byte(n>>8), byte(n)+1)}}
	transport := &http.Transport{DialContext: dialer.DialContext, MaxIdleConns: 1}
	t.Cleanup(transport.CloseIdleConnections)
	a := &applicant{url: url, model: model, http: &http.Client{Transport: transport}}
	if err := a.renew(); err != nil {
		t.Fatal(err)
	}
	return a
}

// renew makes the applicant another device, with a key of its own.
func (a *applicant) renew() error {
	private, err := rsa.GenerateKey(rand.Reader, 1024)
	if err == nil {
		a.key, err = assertion.NewSigningKey(private)
	}
	return err
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
