package settings

// Obsolete returns the settings of the original product that have no meaning here, each with the reason. Files of the original may
// hold them.
func Obsolete() map[string]string {
	const (
		service = "this store is one program, whose parts have no ports or secrets of their own"
		online  = "this store is never online"
		cache   = "nothing is cached: all that is served is on this host"
		storage = "blobs are files in the data folder"
		publish = "nothing is published to this store: it serves what was imported"
	)
	why := map[string]string{
		"proxy.port.storeadmingw": "proxy.admin.listen says where administration is taken",
		"proxy.port.memcached":    cache, "proxy.cache.size": cache, "proxy.memcached.connection": cache, "proxy.use-postgres-over-memcached": cache,
		"proxy.upstream": online, "proxy.dashboard.location": online, "proxy.https.proxy": online, "proxy.sso.location": online, "proxy.sso.public.key": online,
		"internal.publishergw.snapmodels.read-timeout": service,
		"internal.airgap.store.provenance-allowlist":   publish,
		"internal.storeadmingw.admin-auth-token":       service,
		"internal.airgap.gateway-hash":                 service, "internal.snapstorage.local-origin-secret": storage, "internal.snapstorage.hmac-shared-key": storage,
		"proxy.storage.backend": storage,
	}
	for _, part := range []string{"snapdevicegw", "snapident", "snaprevs", "snapauth", "packagereview", "snapmodels", "publishergw", "snapstorage", "snapassert"} {
		why["proxy.port."+part] = service
	}
	for _, part := range []string{"region", "server-url", "use-path-style", "access-key-id", "secret-access-key", "unscanned-container-name", "scanned-container-name"} {
		why["proxy.storage.s3."+part] = storage
	}
	return why
}
