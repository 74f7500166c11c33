package edge

import (
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// The outcomes of requests in the metrics.
const (
	outcomePassed = "passed" // upstream answered
	outcomeKept   = "kept"   // a kept answer that is fresh
	outcomeStale  = "stale"  // a kept answer, while upstream does not answer
	outcomeLocal  = "local"  // this store itself
	outcomeFailed = "failed" // upstream does not answer, and nothing is kept
)

type metrics struct {
	requests  *prometheus.CounterVec
	durations prometheus.Histogram
	up        prometheus.Gauge
	// reached is the time of the last answer of upstream, in nanoseconds since 1970.
	reached atomic.Int64
	failing atomic.Bool
}

func newMetrics(registry *prometheus.Registry) *metrics {
	m := &metrics{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: "offlinestore", Name: "edge_requests_total",
			Help: "Requests of devices while this store is online, by outcome."}, []string{"outcome"}),
		durations: prometheus.NewHistogram(prometheus.HistogramOpts{Namespace: "offlinestore", Name: "edge_request_duration_seconds",
			Help: "Time to answer a device while this store is online.", Buckets: []float64{.001, .005, .01, .05, .1, .5, 1, 5, 30, 120, 600}}),
		up: prometheus.NewGauge(prometheus.GaugeOpts{Namespace: "offlinestore", Name: "edge_upstream_up",
			Help: "Whether upstream answered the last time."}),
	}
	for _, outcome := range []string{outcomePassed, outcomeKept, outcomeStale, outcomeLocal, outcomeFailed} {
		m.requests.WithLabelValues(outcome) // an alert needs the 0 before the first one
	}
	registry.MustRegister(m.requests, m.durations, m.up)
	return m
}

// answered notes that upstream answered, and reports whether it did not before.
func (m *metrics) answered(now time.Time) bool {
	m.reached.Store(now.UnixNano())
	if m.failing.Swap(false) {
		m.up.Set(1)
		return true
	}
	if m.reached.Load() == 0 {
		m.up.Set(1)
	}
	return false
}

// lost notes that upstream did not answer, and reports whether it did before.
func (m *metrics) lost() bool {
	m.up.Set(0)
	return !m.failing.Swap(true)
}
