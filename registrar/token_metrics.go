package registrar

import "github.com/prometheus/client_golang/prometheus"

// tokenMetrics are the figures of a token.
type tokenMetrics struct {
	token            Token
	up, opened, busy *prometheus.Desc
}

// NewTokenMetrics returns the figures of a token for /metrics.
func NewTokenMetrics(t Token) prometheus.Collector {
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
