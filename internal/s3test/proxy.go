package s3test

import (
	"bytes"
	"crypto/x509"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"sync"
	"testing"
)

// Proxy is a proxy in front of a server. It makes the faults that Fault returns.
type Proxy struct {
	// URL is the one of the proxy.
	URL string

	mu    sync.Mutex
	fault func(*http.Request) Fault
	count map[string]int
}

// Fault is a fault of the answer to a request. The zero Fault is none.
type Fault struct {
	// Status is the status of an answer that comes in place of the server's, with Code as S3's word for it.
	Status int
	Code   string
	// Lose sends the request to the server, and closes the connection in place of an answer.
	Lose bool
	// CutAfter is the number of bytes after which the body of the answer ends, 0 for none.
	CutAfter int64
	// CutRequest is the number of bytes after which the body of the request ends, 0 for none.
	CutRequest int64
	// Flip is the offset of a byte of the answer's body that is changed, plus 1.
	Flip int64
	// FlipRequest is the offset of a byte of the request's body that is changed, plus 1.
	FlipRequest int64
	// Copy gets the body of the answer, if it is not nil.
	Copy *bytes.Buffer
	// Wait delays the request until it is closed, if it is not nil.
	Wait <-chan struct{}
	// Body is sent in place of the server's body, if it is not nil.
	Body []byte
}

// NewProxy returns a proxy without faults, which ends with the test.
func (s *Server) NewProxy(tb testing.TB) *Proxy {
	p, server := s.newProxy(tb)
	server.Start()
	p.URL = server.URL
	return p
}

// NewTLSProxy returns a proxy that speaks TLS, with the authority of its certificate.
func (s *Server) NewTLSProxy(tb testing.TB) (*Proxy, *x509.CertPool) {
	p, server := s.newProxy(tb)
	server.StartTLS()
	p.URL = server.URL
	pool := x509.NewCertPool()
	pool.AddCert(server.Certificate())
	return p, pool
}

func (s *Server) newProxy(tb testing.TB) (*Proxy, *httptest.Server) {
	p := &Proxy{count: make(map[string]int)}
	target, err := url.Parse(s.URL)
	if err != nil {
		tb.Fatal(err)
	}
	forward := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(target)
			r.Out.Host = r.In.Host // the signature has it
		},
		ErrorHandler:  func(http.ResponseWriter, *http.Request, error) { panic(http.ErrAbortHandler) },
		ErrorLog:      nil,
		FlushInterval: -1,
	}
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { p.serve(w, r, forward) }))
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	tb.Cleanup(server.Close)
	return p, server
}

// SetFault makes the faults of f from now on. f gets each request; nil makes none.
func (p *Proxy) SetFault(f func(*http.Request) Fault) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.fault = f
}

// Count returns the number of requests with a method since the proxy was made.
func (p *Proxy) Count(method string) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.count[method]
}

func (p *Proxy) serve(w http.ResponseWriter, r *http.Request, forward http.Handler) {
	p.mu.Lock()
	p.count[r.Method]++
	var f Fault
	if p.fault != nil {
		f = p.fault(r)
	}
	p.mu.Unlock()
	if f.Wait != nil {
		<-f.Wait
	}
	if f.CutRequest > 0 {
		r.Body = struct {
			io.Reader
			io.Closer
		}{io.MultiReader(io.LimitReader(r.Body, f.CutRequest), errReader{}), r.Body}
	}
	if f.FlipRequest > 0 {
		r.Body = struct {
			io.Reader
			io.Closer
		}{&flipReader{r.Body, f.FlipRequest - 1}, r.Body}
	}
	switch {
	case f.Status != 0:
		io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", "application/xml")
		w.WriteHeader(f.Status)
		io.WriteString(w, `<?xml version="1.0" encoding="UTF-8"?><Error><Code>`+f.Code+`</Code><Message>a fault of the test</Message></Error>`)
	case f.Lose:
		forward.ServeHTTP(&lostWriter{header: make(http.Header)}, r)
		panic(http.ErrAbortHandler)
	case f.Body != nil:
		w.Header().Set("Content-Type", "application/xml")
		w.Write(f.Body)
	case f.Copy != nil:
		forward.ServeHTTP(&copyingWriter{w, f.Copy}, r)
	case f.CutAfter > 0 || f.Flip > 0:
		forward.ServeHTTP(&faultyWriter{ResponseWriter: w, cut: f.CutAfter, flip: f.Flip - 1}, r)
	default:
		forward.ServeHTTP(w, r)
	}
}

// errReader ends a body early.
type errReader struct{}

// Read implements [io.Reader].
func (errReader) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

// flipReader changes a byte.
type flipReader struct {
	io.Reader
	left int64
}

// Read implements [io.Reader].
func (f *flipReader) Read(p []byte) (int, error) {
	n, err := f.Reader.Read(p)
	if f.left >= 0 && f.left < int64(n) {
		p[f.left] ^= 1
	}
	f.left -= int64(n)
	return n, err
}

// copyingWriter copies the body of an answer.
type copyingWriter struct {
	http.ResponseWriter
	to *bytes.Buffer
}

// Write implements [io.Writer].
func (w *copyingWriter) Write(p []byte) (int, error) {
	w.to.Write(p)
	return w.ResponseWriter.Write(p)
}

// lostWriter takes an answer that nobody gets.
type lostWriter struct{ header http.Header }

// Header implements [http.ResponseWriter].
func (w *lostWriter) Header() http.Header { return w.header }

// WriteHeader implements [http.ResponseWriter].
func (w *lostWriter) WriteHeader(int) {}

// Write implements [io.Writer].
func (w *lostWriter) Write(p []byte) (int, error) { return len(p), nil }

// faultyWriter cuts or changes the body of an answer.
type faultyWriter struct {
	http.ResponseWriter
	cut, flip, sent int64
}

// Write implements [io.Writer].
func (w *faultyWriter) Write(p []byte) (int, error) {
	if at := w.flip - w.sent; at >= 0 && at < int64(len(p)) {
		p = bytes.Clone(p)
		p[at] ^= 1
	}
	if w.cut > 0 && w.sent+int64(len(p)) > w.cut {
		w.ResponseWriter.Write(p[:w.cut-w.sent])
		w.Flush()
		panic(http.ErrAbortHandler)
	}
	w.sent += int64(len(p))
	return w.ResponseWriter.Write(p)
}

// Flush implements [http.Flusher].
func (w *faultyWriter) Flush() { w.ResponseWriter.(http.Flusher).Flush() }
