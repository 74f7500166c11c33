package main

import (
	"cmp"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"

	"offlinestore/cmd/internal/cli"
	"offlinestore/instance"
	"offlinestore/instance/settings"
)

// serviceState is something that runs, or should.
type serviceState struct {
	Name    string `json:"name"`
	Running bool   `json:"running"`
	// Problem says why it doesn't run, or what is wrong though it does.
	Problem string `json:"problem,omitempty"`
}

// String is the service as the original shows its own.
func (s serviceState) String() string {
	switch {
	case s.Running && s.Problem == "":
		return s.Name + ": running"
	case s.Running:
		return s.Name + ": running, " + cli.Clean(s.Problem)
	}
	return s.Name + ": not running: " + cli.Clean(s.Problem)
}

// knock is where a service of serve's is to be found.
type knock struct {
	name, url string
	// any is set if any answer will do.
	any bool
}

// knocks are the services that serve has by the settings.
func knocks(s *settings.Settings) ([]knock, error) {
	v := s.Values()
	o, err := instance.ChooseAddresses(s, instance.Addresses{})
	if err != nil {
		return nil, err
	}
	scheme := "http"
	all := []knock{{name: "http", url: "http://" + reachable(o.HTTP) + "/_status/check"}}
	if v.TLSCert != "" {
		scheme = "https"
		all = append(all, knock{name: "https", url: "https://" + reachable(o.HTTPS) + "/_status/check"})
	}
	if o.Registry != "" {
		all = append(all, knock{name: "registry", url: scheme + "://" + reachable(o.Registry) + "/v2/"})
	}
	if isLoopback(v.AdminListen) {
		scheme = "http" // whatever certificate there is
	}
	return append(all, knock{name: "admin", url: scheme + "://" + reachable(v.AdminListen) + "/", any: true}), nil
}

// isLoopback says whether only this host reaches what listens on an address.
func isLoopback(listen string) bool {
	a, err := net.ResolveTCPAddr("tcp", listen)
	return err == nil && a.IP.IsLoopback()
}

// reachable is the address at which this host reaches what listens on another.
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

// knockTimeout is how long a service of this host may take to answer.
const knockTimeout = 5 * time.Second

// readServices knocks at all doors.
func (s *status) readServices(ctx context.Context, in *instance.Instance) error {
	all, err := knocks(in.Settings)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, knockTimeout)
	defer cancel()
	// Only whether it runs is asked for: check-connections sees whether devices would believe it.
	c := client(&tls.Config{InsecureSkipVerify: true})
	defer c.CloseIdleConnections()
	found := make([]serviceState, len(all))
	var wg errgroup.Group
	for i, k := range all {
		wg.Go(func() error {
			found[i] = serviceState{Name: k.name, Running: true}
			err := ask(ctx, c, k.url)
			var bad *answerError
			if k.any && errors.As(err, &bad) {
				err = nil
			}
			if found[i].Running = err == nil || errors.As(err, &bad) && bad.ours; err != nil {
				found[i].Problem = short(err)
			}
			return nil
		})
	}
	wg.Wait() // none of them fails
	s.Services = append(s.Services, found...)
	return nil
}

// client asks services of this store, by way of nobody and following nothing.
func client(conf *tls.Config) *http.Client {
	return &http.Client{
		Transport:     &http.Transport{TLSClientConfig: conf, ResponseHeaderTimeout: knockTimeout},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// answerError says that a service gave an answer that is not good.
type answerError struct {
	text string
	// ours is set if a service like ours gave it.
	ours bool
}

func (e *answerError) Error() string { return e.text }

// maxAnswer bounds what is read of an answer.
const maxAnswer = 64 << 10

// ask asks for the health of a service, or for the base of a registry, which may want a password.
func ask(ctx context.Context, c *http.Client, url string) error {
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
	if strings.HasSuffix(url, "/v2/") {
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
		return &answerError{health.Status + ": " + strings.Join(health.Problems, "; "), true}
	}
	return nil
}

// short is the part of an error that says why.
func short(err error) string {
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

func compareKeys(a, b accountKey) int {
	return cmp.Or(cmp.Compare(a.Account, b.Account), cmp.Compare(a.Name, b.Name), cmp.Compare(a.ID, b.ID))
}
