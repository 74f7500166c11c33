package instance

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"syscall"
	"time"

	"offlinestore/instance/settings"
)

const (
	// endpointTimeout is how long an endpoint of this host may take to answer.
	endpointTimeout = 5 * time.Second
	// maxAnswer bounds how much of an answer is read, in bytes.
	maxAnswer = 64 << 10

	healthPath   = "/_status/check"
	registryPath = "/v2/"
)

// endpoint is a URL at which a running service answers.
type endpoint struct {
	name, url string
	// key is the fingerprint of the key that the administration must prove.
	key string
}

// localEndpoints returns the endpoints of a service with these settings, as this host reaches them.
func localEndpoints(s *settings.Settings) ([]endpoint, error) {
	v := s.Values()
	a, err := ChooseAddresses(s, Addresses{})
	if err != nil {
		return nil, err
	}
	scheme := "http"
	all := []endpoint{{name: "http", url: "http://" + reachable(a.HTTP) + healthPath}}
	if v.TLSCert != "" {
		scheme = "https"
		all = append(all, endpoint{name: "https", url: "https://" + reachable(a.HTTPS) + healthPath})
	}
	if a.Registry != "" {
		all = append(all, endpoint{name: "registry", url: scheme + "://" + reachable(a.Registry) + registryPath})
	}
	if isLoopback(v.AdminListen) {
		scheme = "http" // even with a certificate
	}
	return append(all, endpoint{name: adminName, url: scheme + "://" + reachable(v.AdminListen), key: AdminKey(s)}), nil
}

// isLoopback reports whether only this host reaches an address to listen on.
func isLoopback(listen string) bool {
	a, err := net.ResolveTCPAddr("tcp", listen)
	return err == nil && a.IP.IsLoopback()
}

// reachable returns the address at which this host reaches an address to listen on.
func reachable(listen string) string {
	host, port, err := net.SplitHostPort(listen)
	if err != nil {
		return listen
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	return net.JoinHostPort(host, port)
}

// newProbeClient returns a client for endpoints of this store. It uses no proxy and follows no redirect.
func newProbeClient(conf *tls.Config) *http.Client {
	return &http.Client{
		Transport:     &http.Transport{TLSClientConfig: conf, ResponseHeaderTimeout: endpointTimeout},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// answerError means that an endpoint gave a bad answer.
type answerError struct {
	text string
	// ours reports that a service like ours gave it.
	ours bool
}

func (e *answerError) Error() string { return e.text }

// probe asks a service for its health, or a registry for its base. A registry may want a password.
func probe(ctx context.Context, c *http.Client, url string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	resp, err := c.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return err
	}
	if strings.HasSuffix(url, registryPath) {
		if resp.StatusCode == http.StatusOK || resp.StatusCode == http.StatusUnauthorized {
			return nil
		}
		return &answerError{text: "it answers " + resp.Status + ", as no registry does"}
	}
	var health struct {
		Status   string
		Problems []string
	}
	switch err := json.Unmarshal(text, &health); {
	case err != nil || health.Status == "":
		return &answerError{text: "something else answers there: " + resp.Status}
	case health.Status != "ok":
		return &answerError{fmt.Sprintf("%s: %s", health.Status, strings.Join(health.Problems, "; ")), true}
	}
	return nil
}

// reasonOf returns the reason in a probe's error.
func reasonOf(err error) string {
	switch {
	case errors.Is(err, syscall.ECONNREFUSED):
		return "connection refused"
	case errors.Is(err, http.ErrSchemeMismatch):
		return "it speaks plain HTTP"
	case errors.Is(err, context.DeadlineExceeded):
		return "no answer"
	}
	return err.Error()
}
