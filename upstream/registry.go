package upstream

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// The types of manifests for which Docker has its own names.
const (
	dockerManifest = "application/vnd.docker.distribution.manifest.v2+json"
	dockerIndex    = "application/vnd.docker.distribution.manifest.list.v2+json"
)

// maxManifest is the limit at which registries refuse manifests, so none can be larger.
const maxManifest = 4 << 20

// ErrCredentials means that a registry refuses the credentials.
var ErrCredentials = errors.New("the credentials in the resource's blob have expired or are not accepted")

// RegistryConfig configures access to registries, as Config does for stores. Its zero value has sane defaults.
type RegistryConfig struct {
	UserAgent string
	// HTTP is used for its transport. One for all repositories shares their connections.
	HTTP    *http.Client
	Retries int
	Backoff func(n int) time.Duration
	Stall   time.Duration
	Logf    func(format string, args ...any)
	// Trace receives a message about every answer; nil traces nothing.
	Trace func(format string, args ...any)
	// PlainHTTP reports whether a registry (host, and port if it has one) may be reached without TLS, even with credentials. nil allows only
	// this machine.
	PlainHTTP func(host string) bool
}

// Repository is a repository of a registry, opened with credentials or anonymously. Several goroutines may call its methods at once.
type Repository struct {
	client *Client
	repo   name.Repository
	host   string
	ref    string
}

// OpenRepository opens the repository of the image ref, "registry.jujucharms.com/charm/abc/postgresql-image@sha256:…". It sends credentials
// only to the registry and to its token server. Without credentials it is anonymous. If the credentials are not accepted,
// OpenRepository or a later call returns ErrCredentials.
func OpenRepository(ctx context.Context, cfg RegistryConfig, ref, username, password string) (*Repository, error) {
	parsed, err := name.ParseReference(ref, name.Insecure)
	if err != nil {
		return nil, fmt.Errorf("image %.300q: not a reference to an image", ref)
	}
	r := &Repository{repo: parsed.Context(), ref: parsed.Identifier()}
	if cfg.PlainHTTP == nil {
		cfg.PlainHTTP = isLocal
	}
	scheme := "http" // OpenRepository tries https as well
	if r.host = r.repo.RegistryStr(); !cfg.PlainHTTP(r.host) {
		scheme = "https"
		if r.repo, err = name.NewRepository(r.repo.Name()); err != nil {
			return nil, fmt.Errorf("image %.300q: not a reference to an image", ref)
		}
	}
	if r.client, err = cfg.client(scheme + "://" + r.host); err != nil {
		return nil, err
	}
	auth := authn.Anonymous
	if username != "" || password != "" {
		auth = authn.FromConfig(authn.AuthConfig{Username: username, Password: password})
		r.client.secrets.addLogin(username, password)
	}
	if err := r.openRegistry(ctx, auth, cfg.PlainHTTP); err != nil {
		return nil, r.client.secrets.hide(err)
	}
	return r, nil
}

// client returns a Client for one registry. Its transport knows the registry's credentials.
func (cfg *RegistryConfig) client(origin string) (*Client, error) {
	c, err := New(Config{
		Origin: origin, UserAgent: cfg.UserAgent, HTTP: cfg.HTTP, Retries: cfg.Retries, Backoff: cfg.Backoff, Stall: cfg.Stall, Logf: cfg.Logf, Trace: cfg.Trace,
	})
	if err != nil {
		return nil, err
	}
	c.http.Jar = nil
	c.who = whoRegistry
	c.logf = c.secrets.logf(c.logf)
	return c, nil
}

// Once returns a repository that sends each request once. It is for content that an export can do without.
func (r *Repository) Once() *Repository {
	once := *r
	once.client = r.client.Once()
	return &once
}

// String returns the repository with its registry: "registry.jujucharms.com/charm/abc/postgresql-image".
func (r *Repository) String() string { return clean(r.repo.Name()) }

// Host returns the host of the registry, with its port if it has one.
func (r *Repository) Host() string { return r.host }

// Reference returns the digest or the tag with which the repository was opened, or the tag latest if there was neither.
func (r *Repository) Reference() string { return r.ref }

// Manifest returns the manifest or index that ref names, a digest or a tag, with its media type and digest. It returns an error if the bytes
// don't have the digest in ref, and a *NotFoundError if the registry does not have the manifest.
func (r *Repository) Manifest(ctx context.Context, ref string) (raw []byte, mediaType string, d digest.Digest, err error) {
	defer func() { err = r.client.secrets.hide(err) }()
	subject := "image " + r.String() + ":" + clean(ref)
	want := digest.Digest(ref)
	if strings.Contains(ref, ":") {
		if subject = "image " + r.String() + "@" + clean(ref); want.Validate() != nil || want.Algorithm() != digest.SHA256 {
			return nil, "", "", fmt.Errorf("%s: not a SHA-256 digest", subject)
		}
	} else if _, err := name.NewTag(r.repo.Name() + ":" + ref); err != nil {
		return nil, "", "", fmt.Errorf("%s: not a tag", subject)
	}
	h := http.Header{}
	h.Set("Accept", strings.Join([]string{ocispec.MediaTypeImageIndex, ocispec.MediaTypeImageManifest, dockerIndex, dockerManifest}, ", "))
	h.Set("Accept-Encoding", "identity")
	a, err := r.client.call(ctx, request{
		what: subject, method: http.MethodGet, url: r.url("manifests", ref), header: h, limit: maxManifest,
	})
	if err != nil {
		return nil, "", "", r.explain(notFound(subject, err))
	}
	d = digest.SHA256.FromBytes(a.body)
	if strings.Contains(ref, ":") && d != want {
		return nil, "", "", fmt.Errorf("%s: the registry answered with another manifest, %s", subject, d)
	}
	if mediaType, err = manifestType(a); err != nil {
		return nil, "", "", fmt.Errorf("%s: %w", subject, err)
	}
	return a.body, mediaType, d, nil
}

// OpenBlob opens a blob of the repository, as Client.Download does.
func (r *Repository) OpenBlob(ctx context.Context, d digest.Digest, offset int64) (body io.ReadCloser, total int64, resumed bool, err error) {
	body, total, resumed, err = r.client.Download(ctx, r.BlobURL(d), offset)
	return body, total, resumed, r.client.secrets.hide(r.explain(notFound("image "+r.String()+": blob "+d.String(), err)))
}

// BlobURL returns the URL of the repository's blob d, for the Blob of Fetch.
func (r *Repository) BlobURL(d digest.Digest) string { return r.url("blobs", d.String()) }

// Fetch fetches a blob of the repository, as Client.Fetch does. The blob's URL must be a BlobURL.
func (r *Repository) Fetch(ctx context.Context, b Blob, w io.Writer) error {
	if !strings.HasPrefix(b.URL, r.url("blobs", "sha256:")) {
		return fmt.Errorf("download %s: %s: not a blob of %s", b.Name, safeURL(b.URL), r)
	}
	return r.client.secrets.hide(r.explain(notFound(b.Name, r.client.Fetch(ctx, b, w))))
}

func (r *Repository) url(kind, ref string) string {
	return r.client.endpoint(nil, append(append([]string{"v2"}, strings.Split(r.repo.RepositoryStr(), "/")...), kind, ref)...)
}

// isLocal reports whether a host, with or without a port, is this machine.
func isLocal(host string) bool {
	u, err := url.Parse("//" + host)
	if err != nil {
		return false
	}
	ip := net.ParseIP(u.Hostname())
	return u.Hostname() == "localhost" || ip != nil && ip.IsLoopback()
}
