package instance

import (
	"fmt"
	"strings"

	"offlinestore/instance/settings"
)

// ClientConfig holds everything that clients need to use a store.
type ClientConfig struct {
	URL string `json:"url"`
	// StoreID and Assertion are empty while the store is not registered.
	StoreID   string `json:"store-id,omitempty"`
	Assertion string `json:"assertion,omitempty"`
	// CA is the root certificate of a private authority, as PEM. It is empty if clients know the authority already.
	CA string `json:"ca,omitempty"`
}

// ClientConfig reads the settings, the certificate and the store assertion. It needs no database. The error may be ErrNoDomain.
func (d Dir) ClientConfig() (*ClientConfig, error) {
	if err := d.EnterExisting(); err != nil {
		return nil, err
	}
	s, err := d.Settings()
	if err != nil {
		return nil, err
	}
	v := s.Values()
	cert, err := Certificate(s)
	if err != nil {
		return nil, err
	}
	c := &ClientConfig{URL: strings.TrimSuffix(v.StoreURL, "/")}
	if cert != nil {
		c.CA = string(cert.RootPEM())
	}
	text, err := d.StoreAssertion()
	if err != nil {
		return nil, err
	}
	if v.StoreID != "" && len(text) > 0 {
		c.StoreID, c.Assertion = v.StoreID, string(text)
	}
	switch {
	case c.URL != "":
	case v.Domain == "":
		return nil, fmt.Errorf("clients know no name of this host, %s: %w", settings.Domain, ErrNoDomain)
	case cert != nil || v.TrustForwardedProto:
		c.URL = "https://" + v.Domain
	default:
		c.URL = "http://" + v.Domain
	}
	return c, nil
}
