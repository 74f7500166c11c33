package settings

// Obsolete returns the settings of the original product that have no meaning here, each with the reason. Files of the original may
// hold them.
func Obsolete() map[string]string {
	const (
		service = "this store is one program, whose parts have no ports or secrets of their own"
		online  = "this store does not log in at Ubuntu SSO"
		cache   = "nothing is cached in memcached: the catalogue is in the memory of serve"
		storage = "nothing is scanned before it is served: bundles are signed"
		publish = "nothing is published to this store: it serves what was imported"
	)
	why := map[string]string{
		"proxy.storage.s3.unscanned-container-name": storage,
		"proxy.port.storeadmingw":                   "proxy.admin.listen says where administration is taken",
		"proxy.port.memcached":                      cache, "proxy.memcached.connection": cache, "proxy.use-postgres-over-memcached": cache,
		"proxy.dashboard.location": online, "proxy.sso.location": online, "proxy.sso.public.key": online,
		"internal.publishergw.snapmodels.read-timeout": service,
		"internal.airgap.store.provenance-allowlist":   publish,
		"internal.storeadmingw.admin-auth-token":       service,
		"internal.airgap.gateway-hash":                 service, "internal.snapstorage.local-origin-secret": service, "internal.snapstorage.hmac-shared-key": service,
	}
	for _, part := range []string{"snapdevicegw", "snapident", "snaprevs", "snapauth", "packagereview", "snapmodels", "publishergw", "snapstorage", "snapassert"} {
		why["proxy.port."+part] = service
	}
	return why
}
