package main

import (
	"context"
	"net"
	"slices"

	"offlinestore/catalog"
	"offlinestore/cmd/internal/cli"
	"offlinestore/instance/settings"
	"offlinestore/registry"
	"offlinestore/server"
)

// chooseRegistry finds out where the built-in registry listens; nowhere is an empty address. Whoever says with --listen where to
// serve gets no other port that they didn't ask for.
func (o *serveOptions) chooseRegistry(s *settings.Settings) error {
	if o.registryListen != "" {
		return nil
	}
	v, err := values(s, settings.RegistryBuiltin, settings.RegistryDomain, settings.RegistryListen)
	if err != nil {
		return err
	}
	switch builtin := v[settings.RegistryBuiltin]; {
	case builtin == "false", builtin == "" && v[settings.RegistryDomain] != "":
	case builtin == "" && o.listen != "" && !s.IsSet(settings.RegistryListen):
	default:
		o.registryListen = v[settings.RegistryListen]
	}
	return nil
}

// values are those of several settings.
func values(s *settings.Settings, names ...string) (map[string]string, error) {
	all := make(map[string]string, len(names))
	for _, name := range names {
		v, err := s.Get(name)
		if err != nil {
			return nil, err
		}
		all[name] = v
	}
	return all, nil
}

// namesImages says whether clients are sent to a registry.
func namesImages(cat *catalog.Snapshot) bool {
	return slices.ContainsFunc(cat.Charms, func(c catalog.Charm) bool {
		return slices.ContainsFunc(c.Resources, func(r catalog.CharmResource) bool { return r.Image != nil })
	})
}

// registryAccess is what Charmhub clients are told about the registry: the one that the settings name, else the one of this host.
func registryAccess(s *settings.Settings, images net.Listener) (server.Registry, error) {
	v, err := values(s, settings.RegistryDomain, settings.RegistryListen, settings.RegistryUsername, settings.RegistryPassword)
	if err != nil {
		return server.Registry{}, err
	}
	r := server.Registry{Domain: v[settings.RegistryDomain], Username: v[settings.RegistryUsername], Password: v[settings.RegistryPassword]}
	if (r.Username == "") != (r.Password == "") {
		return r, cli.Usagef("%s and %s belong together: set both, or neither", settings.RegistryUsername, settings.RegistryPassword)
	}
	address := v[settings.RegistryListen]
	if images != nil {
		address = images.Addr().String()
	}
	_, r.Port, err = net.SplitHostPort(address)
	return r, err
}

// feed is where the server's catalogues come from. The registry gets each of them first: no answer is to name an image that it
// doesn't know yet.
type feed struct {
	*catalog.Reader
	images *registry.Registry // nil where there is none
}

// LoadSnapshot loads the catalogue, as store.Reader does.
func (f feed) LoadSnapshot(ctx context.Context) (*catalog.Snapshot, error) {
	cat, err := f.Reader.LoadSnapshot(ctx)
	if err == nil && f.images != nil {
		err = f.images.SetSnapshot(cat)
	}
	return cat, err
}
