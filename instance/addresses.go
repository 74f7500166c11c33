package instance

import (
	"errors"
	"fmt"
	"net"
	"strings"

	"offlinestore/instance/settings"
)

var (
	// ErrNoCertificate means that HTTPS was requested and there is no certificate.
	ErrNoCertificate = errors.New("there is no certificate")
	// ErrLonelyLogin means that a registry has a user name without a password, or the reverse.
	ErrLonelyLogin = errors.New("set both, or neither")
)

// Addresses are the addresses that a server listens on. An empty address is not served.
type Addresses struct {
	HTTP, HTTPS, Registry, Admin string
	// LaterHTTPS is the address of HTTPS from the first certificate on, if there is none yet.
	LaterHTTPS string
}

// ChooseAddresses completes the requested addresses from the settings. With a requested HTTP address, no other port is open unless
// it is requested or set. There is no HTTPS before the first certificate. The error may be an ErrNoCertificate.
func ChooseAddresses(s *settings.Settings, request Addresses) (Addresses, error) {
	v := s.Values()
	out := request
	ip := strings.Trim(v.IPAddress, "[]")
	switch {
	case request.HTTPS != "" && v.TLSCert == "":
		return Addresses{}, ErrNoCertificate
	case request.HTTPS == "" && request.HTTP == "" && v.TLSCert != "":
		out.HTTPS = net.JoinHostPort(ip, v.HTTPSPort)
	case request.HTTPS == "" && request.HTTP == "":
		out.LaterHTTPS = net.JoinHostPort(ip, v.HTTPSPort)
	}
	if request.HTTP == "" {
		out.HTTP = net.JoinHostPort(ip, v.HTTPPort)
	}
	if request.Admin == "" && (request.HTTP == "" || s.IsSet(settings.AdminListen)) {
		out.Admin = v.AdminListen
	}
	if request.Registry == "" {
		out.Registry = registryAddress(s, request.HTTP != "")
	}
	return out, nil
}

// registryAddress returns the address of the built-in registry. It is empty if the settings name another registry, or none.
func registryAddress(s *settings.Settings, onlyRequested bool) string {
	v := s.Values()
	switch builtin := v.RegistryBuiltin; {
	case builtin != nil && !*builtin, builtin == nil && v.RegistryDomain != "":
		return ""
	case builtin == nil && onlyRequested && !s.IsSet(settings.RegistryListen):
		return ""
	}
	return v.RegistryListen
}

// RegistryAccess describes the registry with the images of charms, and the login for clients.
type RegistryAccess struct {
	// Domain is empty for the built-in registry.
	Domain string
	// Port is the port of the built-in registry.
	Port               string
	Username, Password string
}

// ReadRegistryAccess reads the access to the registry from the settings. Address is where the built-in registry listens; if it is
// empty, the settings decide. The error may be an ErrLonelyLogin.
func ReadRegistryAccess(s *settings.Settings, address string) (RegistryAccess, error) {
	v := s.Values()
	r := RegistryAccess{Domain: v.RegistryDomain, Username: v.RegistryUsername, Password: v.RegistryPassword}
	if (r.Username == "") != (r.Password == "") {
		return r, fmt.Errorf("%s and %s belong together: %w", settings.RegistryUsername, settings.RegistryPassword, ErrLonelyLogin)
	}
	if address == "" {
		address = v.RegistryListen
	}
	var err error
	_, r.Port, err = net.SplitHostPort(address)
	return r, err
}
