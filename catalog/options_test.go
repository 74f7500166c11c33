package catalog_test

import (
	"crypto/tls"
	"errors"
	"net/http/httptest"
	"testing"

	"offlinestore/catalog"
	"offlinestore/internal/pgtest"
)

// libpqOptions are the options of libpq 18 that are not about the place of a database, with a value of each.
var libpqOptions = map[string]string{
	"application_name": "a", "channel_binding": "disable", "client_encoding": "UTF8", "connect_timeout": "3", "fallback_application_name": "a",
	"gssdelegation": "0", "gssencmode": "disable", "gsslib": "gssapi", "keepalives": "1", "keepalives_count": "3", "keepalives_idle": "30",
	"keepalives_interval": "10", "krbsrvname": "postgres", "load_balance_hosts": "random", "max_protocol_version": "3.0",
	"min_protocol_version": "3.0", "options": "-c statement_timeout=60000", "passfile": "/nonexistent", "password": "a", "require_auth": "none",
	"ssl_max_protocol_version": "TLSv1.3", "ssl_min_protocol_version": "TLSv1.2", "sslcertmode": "disable", "sslcompression": "0",
	"sslkeylogfile": "/nonexistent", "sslmode": "prefer", "sslnegotiation": "postgres", "sslsni": "1", "target_session_attrs": "read-write",
	"tcp_user_timeout": "5000",
}

func TestLibpqOptions(t *testing.T) {
	t.Parallel()
	dsn := pgtest.New(t)
	for name, value := range libpqOptions {
		db, err := catalog.Open(t.Context(), withQuery(t, dsn, name, value))
		if err != nil {
			t.Errorf("%s=%s: %v", name, value, err)
			continue
		}
		db.Close()
	}
	for _, name := range []string{"hostaddr", "replication", "requirepeer", "sslcrl", "sslcrldir"} {
		_, err := catalog.Open(t.Context(), withQuery(t, dsn, name, "a"))
		var option *catalog.OptionError
		if !errors.As(err, &option) || option.Option != name {
			t.Errorf("%s: %v, want an OptionError", name, err)
		}
	}
}

// TestTLSVersions refuses a connection with an older TLS than the options ask for.
func TestTLSVersions(t *testing.T) {
	t.Parallel()
	srv := httptest.NewUnstartedServer(nil)
	srv.StartTLS() // for its certificate
	srv.Close()
	dsn := pgtest.New(t)
	proxy := pgtest.NewTLSProxy(t, dsn, &tls.Config{Certificates: srv.TLS.Certificates, MaxVersion: tls.VersionTLS12})
	through := withQuery(t, proxy.DSN(dsn), "sslmode", "require")
	db, err := catalog.Open(t.Context(), withQuery(t, through, "ssl_min_protocol_version", "TLSv1.2"))
	if err != nil {
		t.Fatal(err)
	}
	db.Close()
	if _, err := catalog.Open(t.Context(), withQuery(t, through, "ssl_min_protocol_version", "TLSv1.3")); err == nil {
		t.Error("a connection with TLS 1.2 was accepted, although 1.3 is wanted")
	}
	if _, err := catalog.Open(t.Context(), withQuery(t, through, "ssl_min_protocol_version", "SSLv3")); !errors.As(err, new(*catalog.OptionError)) {
		t.Errorf("SSLv3: %v, want an OptionError", err)
	}
}
