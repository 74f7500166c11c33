package server

import (
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"offlinestore/transfer"
)

const namespace = "offlinestore"

type metrics struct {
	registry   *prometheus.Registry
	requests   *prometheus.CounterVec
	durations  *prometheus.HistogramVec
	bytes      *prometheus.CounterVec
	blobErrors prometheus.Counter
	generation prometheus.Gauge
	content    *prometheus.GaugeVec
	loadedAt   prometheus.Gauge
	imports    prometheus.Gauge
	importedAt *prometheus.GaugeVec // empty before the first import
	loadErrors prometheus.Counter
	sourceUp   prometheus.Gauge
	wanted     *prometheus.CounterVec
	sessions   *prometheus.CounterVec
	serials    *prometheus.CounterVec
	expiry     *prometheus.GaugeVec // empty while there is no certificate
}

func newMetrics(registry *prometheus.Registry, restarts func() float64) *metrics {
	gauge := func(name, help string) prometheus.Gauge {
		return prometheus.NewGauge(prometheus.GaugeOpts{Namespace: namespace, Name: name, Help: help})
	}
	counter := func(name, help string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{Namespace: namespace, Name: name, Help: help})
	}
	m := &metrics{
		registry: registry,
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: namespace, Name: "http_requests_total",
			Help: "Requests answered, by route and status."}, []string{"route", "code"}),
		durations: prometheus.NewHistogramVec(prometheus.HistogramOpts{Namespace: namespace, Name: "http_request_duration_seconds",
			Help: "Time to answer a request, by route.", Buckets: []float64{.0001, .0005, .001, .005, .01, .05, .1, .5, 1, 5, 30, 120, 600}}, []string{"route"}),
		bytes: prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: namespace, Name: "http_response_bytes_total",
			Help: "Bytes of bodies sent, by route."}, []string{"route"}),
		blobErrors: counter("blob_errors_total", "Blobs of the catalogue that could not be opened."),
		generation: gauge("catalog_generation", "Generation of the catalogue that is served."),
		content: prometheus.NewGaugeVec(prometheus.GaugeOpts{Namespace: namespace, Name: "catalog_entries",
			Help: "What the catalogue that is served holds."}, []string{"kind"}),
		loadedAt: gauge("catalog_load_timestamp_seconds", "When the catalogue that is served was loaded."),
		imports:  gauge("imports", "Imports of bundles into the catalogue that is served, ever."),
		importedAt: prometheus.NewGaugeVec(prometheus.GaugeOpts{Namespace: namespace, Name: "last_import_timestamp_seconds",
			Help: "When the last bundle was imported into the catalogue that is served."}, nil),
		loadErrors: counter("catalog_load_errors_total", "Tries to load the catalogue, or to ask whether it changed, that did not succeed."),
		sourceUp:   gauge("catalog_source_up", "Whether the database answered the last time."),
	}
	m.wanted = prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: namespace, Name: "wanted_total",
		Help: "Requests for snaps and charms that are not here."}, []string{"kind"})
	for _, kind := range []string{"snap", "charm"} {
		m.wanted.WithLabelValues(kind) // an alert needs the 0 before the first one
	}
	m.sessions = counterOfResults("device_sessions_total", "Answers to devices that want a session.", sessionProven, sessionGlobal, sessionRefused)
	m.serials = counterOfResults("serial_requests_total", "Answers to devices that want a serial.", serialIssued, serialPending, serialRefused, serialFailed)
	m.expiry = prometheus.NewGaugeVec(prometheus.GaugeOpts{Namespace: namespace, Name: "certificate_expiry_timestamp_seconds",
		Help: "When the certificate of HTTPS expires."}, nil)
	m.registry.MustRegister(m.expiry, m.wanted, m.sessions, m.serials, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		m.requests, m.durations, m.bytes, m.blobErrors, m.generation, m.content, m.loadedAt, m.imports, m.importedAt, m.loadErrors, m.sourceUp)
	if restarts != nil {
		m.registry.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{Namespace: namespace, Name: "database_restarts_total",
			Help: "Times that the private PostgreSQL ended and was started again."}, restarts))
	}
	return m
}

// counterOfResults returns a counter that has a 0 for each result, which an alert needs.
func counterOfResults(name, help string, results ...string) *prometheus.CounterVec {
	c := prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: namespace, Name: name, Help: help}, []string{"result"})
	for _, result := range results {
		c.WithLabelValues(result)
	}
	return c
}

func (m *metrics) certified(until time.Time) {
	if until.IsZero() {
		m.expiry.Reset()
		return
	}
	m.expiry.WithLabelValues().Set(float64(until.Unix()))
}

func (m *metrics) handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{MaxRequestsInFlight: 4})
}

func (m *metrics) loaded(ix *index, now time.Time) {
	m.generation.Set(float64(ix.generation))
	m.content.WithLabelValues("snaps").Set(float64(ix.shown))
	m.content.WithLabelValues("revisions").Set(float64(ix.revisions))
	m.content.WithLabelValues("charms").Set(float64(len(ix.charms)))
	m.content.WithLabelValues("charm-revisions").Set(float64(ix.charmRevisions))
	m.content.WithLabelValues("images").Set(float64(ix.images))
	m.content.WithLabelValues("assertions").Set(float64(ix.asserts - ix.hiddenAsserts))
	m.loadedAt.Set(float64(now.Unix()))
	m.imports.Set(float64(ix.imports))
	m.importedAt.Reset() // a restored backup may have none
	if !ix.lastImport.IsZero() {
		m.importedAt.WithLabelValues().Set(float64(ix.lastImport.Unix()))
	}
}

// routeMetrics are the metrics of one route, looked up once.
type routeMetrics struct {
	ok       prometheus.Counter
	codes    *prometheus.CounterVec
	duration prometheus.Observer
	bytes    prometheus.Counter
}

func (m *metrics) route(name string) *routeMetrics {
	codes := m.requests.MustCurryWith(prometheus.Labels{"route": name})
	return &routeMetrics{ok: codes.WithLabelValues("200"), codes: codes,
		duration: m.durations.WithLabelValues(name), bytes: m.bytes.WithLabelValues(name)}
}

func (m *routeMetrics) observe(rec *transfer.Recorder, took time.Duration) {
	if rec.Status == http.StatusOK {
		m.ok.Inc()
	} else {
		m.codes.WithLabelValues(strconv.Itoa(rec.Status)).Inc()
	}
	m.duration.Observe(took.Seconds())
	m.bytes.Add(float64(rec.Bytes))
}
