package catalog

import (
	"crypto/tls"
	"fmt"

	"github.com/jackc/pgx/v5/pgconn"
)

// OptionError reports an option of a connection that libpq knows and this program does not.
type OptionError struct{ Option, Instead string }

// Error names the option, and what to use in its place.
func (e *OptionError) Error() string {
	return fmt.Sprintf("connection string: the option %s is not supported: %s", e.Option, e.Instead)
}

// ignoredOptions are options of libpq that pgx does not know and that change nothing here. pgx would send them to the server, which
// refuses unknown settings.
var ignoredOptions = []string{
	"fallback_application_name", "gssdelegation", "gssencmode", "gsslib", "keepalives", "keepalives_count", "keepalives_idle",
	"keepalives_interval", "load_balance_hosts", "sslcompression", "sslkeylogfile", "tcp_user_timeout",
}

// unsupportedOptions are options that protect a connection or choose its host, so that they cannot be ignored.
var unsupportedOptions = map[string]string{
	"hostaddr":    "give the address as host",
	"replication": "leave it out",
	"requirepeer": "use a socket in a folder that only PostgreSQL's user can write to",
	"sslcrl":      "replace the certificate authority's certificate in sslrootcert",
	"sslcrldir":   "replace the certificate authority's certificate in sslrootcert",
}

// adaptOptions makes pgx understand the options of libpq.
func adaptOptions(c *pgconn.Config) error {
	for name, instead := range unsupportedOptions {
		if c.RuntimeParams[name] != "" {
			return &OptionError{name, instead}
		}
		delete(c.RuntimeParams, name)
	}
	for _, name := range ignoredOptions {
		delete(c.RuntimeParams, name)
	}
	for name, set := range map[string]func(*tls.Config, uint16){
		"ssl_min_protocol_version": func(c *tls.Config, v uint16) { c.MinVersion = v },
		"ssl_max_protocol_version": func(c *tls.Config, v uint16) { c.MaxVersion = v },
	} {
		value := c.RuntimeParams[name]
		delete(c.RuntimeParams, name)
		if value == "" {
			continue
		}
		version, ok := map[string]uint16{"TLSv1": tls.VersionTLS10, "TLSv1.1": tls.VersionTLS11, "TLSv1.2": tls.VersionTLS12, "TLSv1.3": tls.VersionTLS13}[value]
		if !ok {
			return &OptionError{name + "=" + value, "TLSv1.2 or TLSv1.3"}
		}
		if c.TLSConfig != nil {
			set(c.TLSConfig, version)
		}
		for _, f := range c.Fallbacks {
			if f.TLSConfig != nil {
				set(f.TLSConfig, version)
			}
		}
	}
	return nil
}
