// Package edge answers devices, Juju and container runtimes in the place of the stores upstream. It passes their requests on, and three things
// change on the way: the addresses of files become the edge's own, overrides are applied, and headers that belong to one hop, or to this store,
// stay behind. Files are kept in a cache (package cache), and short answers for a time, so that devices get them again while the
// line upstream is cut.
package edge

import (
	"cmp"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"offlinestore/session"
	"offlinestore/transfer"
	"offlinestore/upstream"
)

// Config holds what stays the same while an Edge runs. Local and Origin are required.
type Config struct {
	// Local answers requests about this store itself: for its assertion, its health, its documentation and administration.
	Local http.Handler
	// Origin returns the beginning of the URLs in an answer to a request: scheme and host.
	Origin func(*http.Request) string
	// IsOwn reports whether a device service is this store itself; nil means never.
	IsOwn func(service *url.URL, r *http.Request) bool
	// Registry returns the registry that clients are sent to for images; nil sends them upstream.
	Registry func(*http.Request) Registry
	// AnswersDir is a folder for short answers, which may be lost at any time; empty keeps them in memory only.
	AnswersDir string
	// Logger gets messages for the operator; nil discards them.
	Logger *slog.Logger
	// AccessLog gets the requests; nil logs them to Logger at the debug level.
	AccessLog *transfer.AccessLog
	// Metrics registers the metrics; nil registers none.
	Metrics *prometheus.Registry
	// Version is the one of the program, for upstream.
	Version string
	// Now is the clock; nil is time.Now.
	Now func() time.Time
}

// Settings hold the values that may change while an Edge runs.
type Settings struct {
	// Upstream is the address of the Snap Store, and Charmhub the one of Charmhub. Empty is Canonical's.
	Upstream, Charmhub string
	// Proxy is the address of a forward proxy for https, with credentials if need be. Empty takes it from the variable https_proxy.
	Proxy string
	// Roots are the authorities to believe; nil is the system's.
	Roots *x509.CertPool
	// Secret signs the URLs of files, the same for all servers of a store. Keys knows the sessions that this store gave to devices.
	Secret string
	Keys   *session.Keys
	// DeviceServices are the device services that requests for serials may be sent to.
	DeviceServices []string
	// StaleIfError is the age up to which kept answers are given while upstream does not answer.
	StaleIfError time.Duration
}

// state holds Settings in the form that requests need.
type state struct {
	Settings
	upstream, charmhub *url.URL
	// origin is upstream as the beginning of the addresses in answers, without a slash at its end.
	origin    string
	links     linker
	transport *http.Transport
	// files fetches files, with redirects.
	files *upstream.Client
}

// Edge is a running edge. It is safe for concurrent use.
type Edge struct {
	cfg       Config
	state     atomic.Pointer[state]
	files     fileCache
	answers   *answerMemory
	index     assertionIndex
	releases  *releaseMemory
	charms    *charmMemory
	devices   deviceMemory
	overrides atomic.Pointer[overrideSet]
	proxy     *httputil.ReverseProxy
	images    imageRepositories
	metrics   *metrics
	handler   http.Handler
	buffers   sync.Pool
}

// New returns an Edge. files keeps copies of the files that devices download.
func New(cfg Config, files fileCache, s Settings) (*Edge, error) {
	cfg.Logger = cmp.Or(cfg.Logger, slog.New(slog.DiscardHandler))
	cfg.AccessLog = cmp.Or(cfg.AccessLog, transfer.NewAccessLog(cfg.Logger, slog.LevelDebug))
	cfg.Metrics = cmp.Or(cfg.Metrics, prometheus.NewRegistry())
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	e := &Edge{cfg: cfg, files: files, answers: newAnswerMemory(cfg.Now, cfg.AnswersDir), releases: newReleaseMemory(cfg.Now), charms: newCharmMemory(), metrics: newMetrics(cfg.Metrics)}
	e.overrides.Store(&overrideSet{})
	e.proxy = e.newProxy()
	e.handler = e.routes()
	return e, e.SetSettings(s)
}

// SetSettings replaces the settings of all later requests. It returns an error if they can't be used; then those before hold.
func (e *Edge) SetSettings(s Settings) error {
	st := &state{Settings: s, links: newLinker(s.Secret)}
	var err error
	if st.upstream, err = parseUpstream(cmp.Or(s.Upstream, upstream.DefaultOrigin)); err != nil {
		return fmt.Errorf("proxy.upstream: %w", err)
	}
	if st.charmhub, err = parseUpstream(cmp.Or(s.Charmhub, upstream.DefaultCharmhubOrigin)); err != nil {
		return fmt.Errorf("proxy.charmhub.upstream: %w", err)
	}
	st.origin = strings.TrimSuffix(st.upstream.String(), "/")
	if st.transport, err = newTransport(s.Proxy, s.Roots); err != nil {
		return fmt.Errorf("proxy.https.proxy: %w", err)
	}
	st.files, err = upstream.New(upstream.Config{Origin: st.origin, UserAgent: "offlinestore/" + e.cfg.Version, HTTP: &http.Client{Transport: st.transport}, Retries: -1})
	if err != nil {
		return fmt.Errorf("proxy.upstream: %w", err)
	}
	if old := e.state.Swap(st); old != nil {
		old.transport.CloseIdleConnections()
	}
	return nil
}

var errUpstreamURL = errors.New("not the URL of a store: want https://HOST, with at most a path")

func parseUpstream(text string) (*url.URL, error) {
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return nil, errUpstreamURL
	}
	return u, nil
}

// Handler returns the whole API.
func (e *Edge) Handler() http.Handler { return e.handler }
