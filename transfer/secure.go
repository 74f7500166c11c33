package transfer

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"time"
)

// secureConn is a connection inside TLS. Unlike net/http's own, it counts headers before they are parsed.
type secureConn struct {
	*tls.Conn
	conn *conn
	isOn bool // the handshake has succeeded
}

// Secure returns c inside TLS, for a server that a Guard protects.
func Secure(c net.Conn, config *tls.Config) net.Conn {
	t := tls.Server(c, config)
	if gc, ok := c.(*conn); ok {
		return &secureConn{Conn: t, conn: gc}
	}
	return t
}

// Read implements [io.Reader].
func (s *secureConn) Read(b []byte) (int, error) {
	if !s.isOn {
		if err := s.shakeHands(); err != nil {
			return 0, err
		}
	}
	n, err := s.Conn.Read(s.conn.limit(b))
	if n > 0 {
		if err := s.conn.receive(b[:n], s.Conn); err != nil {
			return 0, err
		}
	}
	return n, err
}

// shakeHands begins TLS. It answers clients that speak plain HTTP as net/http does. Its errors are of the kind that net/http does not answer.
func (s *secureConn) shakeHands() error {
	deadline := time.Now().Add(headerTimeout)
	_ = s.SetDeadline(deadline) // the errors of a closed connection come again
	err := s.HandshakeContext(context.Background())
	if err == nil {
		s.isOn = true
		_ = s.SetWriteDeadline(time.Time{})
		_ = s.SetReadDeadline(time.Now().Add(headerTimeout))
		return nil
	}
	var notTLS tls.RecordHeaderError
	if errors.As(err, &notTLS) && notTLS.Conn != nil && isHTTP(notTLS.RecordHeader) {
		_, _ = io.WriteString(notTLS.Conn, "HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n")
		err = errors.New("client sent an HTTP request to an HTTPS server")
	}
	if l := s.conn.errors; l != nil {
		l.Printf("http: TLS handshake error from %s: %v", s.RemoteAddr(), err)
	}
	return &net.OpError{Op: "read", Net: "tcp", Err: err}
}

// isHTTP reports whether the first bytes of a connection are a method's.
func isHTTP(start [5]byte) bool {
	switch string(start[:]) {
	case "GET /", "HEAD ", "POST ", "PUT /", "OPTIO":
		return true
	}
	return false
}
