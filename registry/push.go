package registry

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
	"github.com/opencontainers/go-digest"
)

// defaultJobs is the number of blobs that are copied at once.
const defaultJobs = 4

// PushConfig describes the registry that gets images, and the way to it. Only Registry is required.
type PushConfig struct {
	// Registry is its host or host:port.
	Registry string
	// Username and Password log in to the registry; both are empty for an open registry.
	Username, Password string
	// PlainHTTP allows a registry without TLS. Otherwise nothing is sent unencrypted.
	PlainHTTP bool
	// Roots are the authorities of the registry's certificate; nil means the system's.
	Roots *x509.CertPool
	// Jobs is the number of blobs that are copied at once; 0 means 4.
	Jobs int
	// Progress gets the number of bytes done, including the bytes of blobs that the registry had already. It is negative if some
	// must be sent again. Several goroutines call it. It may be nil.
	Progress func(n int64)
	// Done gets each image after its last manifest, or the reason why it could not be copied. It may be nil.
	Done func(PlannedImage, error)
}

// PushSummary is the result of a push.
type PushSummary struct {
	// Images counts the images that the registry has now.
	Images int `json:"images"`
	// Sent is the size of the copied blobs, and Present the size of the blobs that the registry had already, in bytes.
	Sent    int64 `json:"bytes-sent"`
	Present int64 `json:"bytes-present"`
}

// ErrPlainHTTP means that a registry speaks no TLS, and that plain HTTP was not allowed.
var ErrPlainHTTP = errors.New("plain HTTP was not asked for")

// AccessError reports that the registry can't be reached, or refuses access.
type AccessError struct {
	Registry string
	// Refused reports that the registry answered, and refused.
	Refused bool
	Err     error
}

// Error names the registry.
func (e *AccessError) Error() string { return fmt.Sprintf("reach registry %s: %v", e.Registry, e.Err) }

// Unwrap returns the reason.
func (e *AccessError) Unwrap() error { return e.Err }

// SparseError reports that a registry refuses an index because some of its manifests were left out of the export.
type SparseError struct {
	Registry, Name string
	Missing        []string
	Err            error
}

// Error names the missing platforms.
func (e *SparseError) Error() string {
	return fmt.Sprintf("registry %s takes no index without all of its platforms, and %s is here without %s: %v", e.Registry, e.Name, strings.Join(e.Missing, ", "), e.Err)
}

// Unwrap returns the registry's error.
func (e *SparseError) Unwrap() error { return e.Err }

// Push copies the images of the plan, with unchanged manifests, so that digests stay. It does not send parts that the registry has, so an
// interrupted push can be repeated. An image that can't be copied doesn't stop the others; the errors are joined.
func (p *Plan) Push(ctx context.Context, cfg PushConfig) (PushSummary, error) {
	c, err := newCopier(ctx, p, cfg)
	if err != nil {
		return PushSummary{}, err
	}
	var errs []error
	for _, image := range p.Images {
		if image.Absent {
			continue
		}
		err := c.image(ctx, image)
		if cfg.Done != nil {
			cfg.Done(image, err)
		}
		if err == nil {
			c.report.Images++
			continue
		}
		errs = append(errs, fmt.Errorf("push image %s: %w", image.Name, err))
		var access *AccessError
		if ctx.Err() != nil || errors.As(err, &access) {
			break // the others would fail too
		}
	}
	return c.report, errors.Join(errs...)
}

// copier copies images to one registry.
type copier struct {
	plan     *Plan
	cfg      PushConfig
	registry name.Registry
	pusher   *remote.Pusher
	puller   *remote.Puller
	report   PushSummary
	// where maps a blob to a repository that has it, from which the registry can take it without a copy.
	where map[digest.Digest]name.Repository
	// counted are the finished blobs of the current image.
	counted map[digest.Digest]bool
}

func newCopier(ctx context.Context, p *Plan, cfg PushConfig) (*copier, error) {
	if cfg.Jobs <= 0 {
		cfg.Jobs = defaultJobs
	}
	opts := []name.Option{name.StrictValidation}
	if cfg.PlainHTTP {
		opts = append(opts, name.Insecure)
	}
	reg, err := name.NewRegistry(cfg.Registry, opts...)
	if err != nil {
		return nil, err
	}
	auth := authn.Anonymous
	if cfg.Username != "" || cfg.Password != "" {
		auth = &authn.Basic{Username: cfg.Username, Password: cfg.Password}
	}
	rt := httpsTransport{trusting(cfg.Roots), cfg.PlainHTTP}
	if err := requireAccess(ctx, reg, auth, rt); err != nil {
		return nil, err
	}
	all := []remote.Option{remote.WithAuth(auth), remote.WithTransport(rt), remote.WithJobs(cfg.Jobs), remote.WithContext(ctx)}
	c := &copier{plan: p, cfg: cfg, registry: reg, where: make(map[digest.Digest]name.Repository)}
	if c.pusher, err = remote.NewPusher(all...); err != nil {
		return nil, err
	}
	c.puller, err = remote.NewPuller(all...)
	return c, err
}

// trusting returns the library's transport, with other authorities unless roots is nil.
func trusting(roots *x509.CertPool) http.RoundTripper {
	tr, ok := remote.DefaultTransport.(*http.Transport)
	if roots == nil || !ok {
		return remote.DefaultTransport
	}
	tr = tr.Clone()
	tr.TLSClientConfig = &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}
	return tr
}

// httpsTransport keeps the library from falling back to plain HTTP, which it does for private addresses.
type httpsTransport struct {
	http.RoundTripper
	plain bool
}

// RoundTrip refuses plain HTTP unless it is allowed.
func (t httpsTransport) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.URL.Scheme != "https" && !t.plain {
		return nil, ErrPlainHTTP
	}
	return t.RoundTripper.RoundTrip(req)
}

// requireAccess asks for /v2/ as a client would, so that a wrong password is one error instead of one for each image.
func requireAccess(ctx context.Context, reg name.Registry, auth authn.Authenticator, rt http.RoundTripper) error {
	tr, err := transport.NewWithContext(ctx, reg, auth, rt, nil)
	if err != nil {
		return &AccessError{reg.Name(), false, err}
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, reg.Scheme()+"://"+reg.RegistryStr()+"/v2/", nil)
	if err != nil {
		return err
	}
	resp, err := (&http.Client{Transport: tr}).Do(req)
	if err != nil {
		return &AccessError{reg.Name(), false, err}
	}
	defer resp.Body.Close()
	if err := transport.CheckError(resp, http.StatusOK); err != nil {
		return &AccessError{reg.Name(), true, err}
	}
	return nil
}
