package edge

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/http"
	"net/url"
	"os"
	"time"
)

// The bounds of connections to upstream.
const (
	dialTimeout     = 10 * time.Second
	headerTimeout   = 30 * time.Second
	idleTimeout     = 90 * time.Second
	connsPerHost    = 512
	maxAnswerHeader = 64 << 10
)

var errProxyURL = errors.New("not the URL of a proxy: want http://[USER:PASSWORD@]HOST:PORT")

// newTransport returns a transport to upstream. Only https goes by way of the forward proxy, as in the original product: all else is on the
// way to it, or in tests.
func newTransport(proxy string, roots *x509.CertPool) (*http.Transport, error) {
	if proxy == "" {
		proxy = os.Getenv("https_proxy")
	}
	if proxy == "" {
		proxy = os.Getenv("HTTPS_PROXY")
	}
	t := &http.Transport{
		DialContext:            (&net.Dialer{Timeout: dialTimeout, KeepAlive: 30 * time.Second}).DialContext,
		TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: roots},
		TLSHandshakeTimeout:    dialTimeout,
		ResponseHeaderTimeout:  headerTimeout,
		IdleConnTimeout:        idleTimeout,
		MaxIdleConnsPerHost:    connsPerHost / 2,
		MaxConnsPerHost:        connsPerHost,
		MaxResponseHeaderBytes: maxAnswerHeader,
		DisableCompression:     true,
		WriteBufferSize:        16 << 10,
		ReadBufferSize:         16 << 10,
		Protocols:              new(http.Protocols),
	}
	t.Protocols.SetHTTP1(true)
	if proxy == "" {
		return t, nil
	}
	u, err := url.Parse(proxy)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return nil, errProxyURL
	}
	t.Proxy = func(r *http.Request) (*url.URL, error) {
		if r.URL.Scheme != "https" {
			return nil, nil
		}
		return u, nil
	}
	return t, nil
}
