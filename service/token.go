package service

import (
	"context"
	"errors"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"offlinestore/registrar"
)

// The timing of watchToken.
const (
	tokenInterval = 30 * time.Second
	tokenTimeout  = 10 * time.Second
)

// watchToken asks the token from time to time whether it is there, until ctx ends, so that a lost one shows before a device needs it. A token
// that is busy is there.
func (s *service) watchToken(ctx context.Context) {
	tick := time.NewTicker(tokenInterval)
	defer tick.Stop()
	failing := false
	for {
		check, cancel := context.WithTimeout(ctx, tokenTimeout)
		err := s.Token.Check(check)
		cancel()
		switch lost := err != nil && !errors.Is(err, registrar.ErrBusy); {
		case ctx.Err() != nil:
			return
		case lost && !failing:
			s.Logger.Error("the token for serials does not answer: no device gets a serial until it does", "err", err)
			failing = true
		case !lost && failing:
			s.Logger.Info("the token for serials answers again")
			failing = false
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// tokenMetrics are the figures of a token.
type tokenMetrics struct {
	token            registrar.Token
	up, opened, busy *prometheus.Desc
}

func newTokenMetrics(t registrar.Token) *tokenMetrics {
	desc := func(name, help string) *prometheus.Desc {
		return prometheus.NewDesc("offlinestore_token_"+name, help, nil, nil)
	}
	return &tokenMetrics{t, desc("up", "Whether the last call reached the token that signs serials."),
		desc("opened_total", "Times that the token was opened: more than once if it was lost."), desc("calls", "Calls of the token that run.")}
}

// Describe implements [prometheus.Collector].
func (m *tokenMetrics) Describe(out chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{m.up, m.opened, m.busy} {
		out <- d
	}
}

// Collect implements [prometheus.Collector].
func (m *tokenMetrics) Collect(out chan<- prometheus.Metric) {
	h := m.token.Health()
	up := 0.0
	if h.Err == nil && h.Opened > 0 {
		up = 1
	}
	out <- prometheus.MustNewConstMetric(m.up, prometheus.GaugeValue, up)
	out <- prometheus.MustNewConstMetric(m.opened, prometheus.CounterValue, float64(h.Opened))
	out <- prometheus.MustNewConstMetric(m.busy, prometheus.GaugeValue, float64(h.Busy))
}
