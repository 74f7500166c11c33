package upstream

import (
	"context"
	"fmt"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
)

// RegistryLogin returns the user name and the password that this user has for a registry, host or host:port, from 'docker login' or
// 'podman login'. Both are empty if there are none. It runs the helper that keeps them, if Docker's configuration names one.
func RegistryLogin(_ context.Context, host string) (username, password string, err error) {
	registry, err := name.NewRegistry(host)
	if err != nil {
		return "", "", fmt.Errorf("registry %.300q: not the host of a registry", host)
	}
	found, err := authn.DefaultKeychain.Resolve(registry)
	if err != nil {
		return "", "", fmt.Errorf("look up the login of registry %s: %w", clean(host), err)
	}
	login, err := found.Authorization()
	if err != nil {
		return "", "", fmt.Errorf("look up the login of registry %s: %w", clean(host), err)
	}
	if login.Password == "" && login.IdentityToken+login.RegistryToken != "" {
		return "", "", fmt.Errorf("the login of registry %s is a token without a user name, which is not supported", clean(host))
	}
	return login.Username, login.Password, nil
}
