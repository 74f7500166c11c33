package registry

import (
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"offlinestore/transfer"
)

// metrics are figures of requests. They count kinds of requests, since there are many repositories.
type metrics struct {
	requests   *prometheus.CounterVec
	durations  *prometheus.HistogramVec
	bytes      *prometheus.CounterVec
	blobErrors prometheus.Counter
}

// newMetrics registers the metrics with to, unless to is nil.
func newMetrics(to prometheus.Registerer) *metrics {
	const namespace, subsystem = "offlinestore", "registry"
	m := &metrics{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: namespace, Subsystem: subsystem, Name: "requests_total",
			Help: "Requests that the registry of images answered, by kind and status."}, []string{"kind", "code"}),
		durations: prometheus.NewHistogramVec(prometheus.HistogramOpts{Namespace: namespace, Subsystem: subsystem, Name: "request_duration_seconds",
			Help: "Time to answer a request to the registry, by kind.", Buckets: []float64{.0005, .001, .005, .01, .05, .1, .5, 1, 5, 30, 120, 600}}, []string{"kind"}),
		bytes: prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: namespace, Subsystem: subsystem, Name: "response_bytes_total",
			Help: "Bytes of bodies that the registry sent, by kind."}, []string{"kind"}),
		blobErrors: prometheus.NewCounter(prometheus.CounterOpts{Namespace: namespace, Subsystem: subsystem, Name: "blob_errors_total",
			Help: "Blobs of images that could not be opened."}),
	}
	if to != nil {
		to.MustRegister(m.requests, m.durations, m.bytes, m.blobErrors)
	}
	return m
}

func (m *metrics) observe(kind string, rec *transfer.Recorder, took time.Duration) {
	m.requests.WithLabelValues(kind, strconv.Itoa(rec.Status)).Inc()
	m.durations.WithLabelValues(kind).Observe(took.Seconds())
	m.bytes.WithLabelValues(kind).Add(float64(rec.Bytes))
}

// kindOf returns the kind of r for the metrics and the log.
func kindOf(r *http.Request) string {
	if path := r.URL.Path; len(path) > len("/v2/") && path[:len("/v2/")] == "/v2/" {
		switch _, kind, _ := split(path[len("/v2/"):]); kind {
		case kindManifest:
			return "manifest"
		case kindBlob:
			return "blob"
		case kindTags:
			return "tags"
		case kindReferrers:
			return "referrers"
		}
	}
	return "other"
}
