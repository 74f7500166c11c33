package outside

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"offlinestore/edge"
	"offlinestore/instance"
	"offlinestore/instance/settings"
	"offlinestore/upstream"
)

// hostTimeout is the time that a host upstream has to answer.
const hostTimeout = 15 * time.Second

// The hosts that the original product also connects to. Devices and this store do without them.
const (
	dashboard = "https://dashboard.snapcraft.io"
	login     = "https://login.ubuntu.com"
)

// ConnectionHost is the name of a connection to a host upstream.
const ConnectionHost = "http"

// DatabaseName is the name of the connection to the database, as the original product has it.
const DatabaseName = "postgres"

// DatabaseHost returns the host of the database of a store.
func DatabaseHost(s *settings.Settings) string {
	const private = "private cluster"
	text := s.Values().DBConnection
	if text == "" {
		return private
	}
	c, err := pgconn.ParseConfig(text)
	if err != nil || c.Host == "" {
		return settings.DBConnection
	}
	return c.Host
}

// Host is a connection to a host upstream.
type Host struct {
	instance.Connection
	// Spare means that devices do without the host.
	Spare bool
}

// Hosts connects to each host upstream, in the way of the edge: through the forward proxy, and with the authorities of the store.
func Hosts(ctx context.Context, dir instance.Dir, s *settings.Settings) ([]Host, error) {
	v := s.Values()
	client, err := newProbe(dir, v)
	if err != nil {
		return nil, err
	}
	defer client.CloseIdleConnections()
	all := []Host{{Spare: true}, {Spare: true}, {}, {}}
	var wg sync.WaitGroup
	for i, target := range []string{dashboard, login, cmp.Or(v.Upstream, upstream.DefaultOrigin), cmp.Or(v.CharmhubUpstream, upstream.DefaultCharmhubOrigin)} {
		wg.Go(func() {
			all[i].Connection = instance.Connection{Name: ConnectionHost, Target: strings.TrimSuffix(target, "/"), OK: true, Detail: "it answers"}
			if err := probe(ctx, client, target); err != nil {
				all[i].OK, all[i].Detail, all[i].Err = false, err.Error(), err
			}
		})
	}
	wg.Wait()
	return all, nil
}

// newProbe returns a client that connects as the edge does, and follows no redirect.
func newProbe(dir instance.Dir, v settings.Values) (*http.Client, error) {
	roots, err := dir.CACerts()
	if err != nil {
		return nil, err
	}
	t, err := edge.NewTransport(v.HTTPSProxy, roots)
	if err != nil {
		return nil, err
	}
	return &http.Client{Transport: t, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}, nil
}

// statusError means that something else than a host answered for it, or that it does not work.
type statusError int

func (e statusError) Error() string {
	return fmt.Sprintf("the answer is %d %s", int(e), http.StatusText(int(e)))
}

// probe asks a host for any answer. No error has the URL of the proxy in it.
func probe(ctx context.Context, c *http.Client, target string) error {
	ctx, cancel := context.WithTimeout(ctx, hostTimeout)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodHead, target, nil)
	if err != nil {
		return errors.New("not a URL")
	}
	resp, err := c.Do(r)
	if err != nil {
		var ue *url.Error
		if errors.As(err, &ue) {
			err = ue.Err
		}
		return err
	}
	resp.Body.Close()
	switch s := resp.StatusCode; {
	case s >= 500, s == http.StatusProxyAuthRequired:
		return statusError(s)
	}
	return nil
}
