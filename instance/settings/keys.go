package settings

import (
	"slices"
	"strings"
)

// The names of the settings. Those that begin with internal are set by commands, and seldom by operators.
const (
	AdminEmails              = "proxy.admin-emails"
	AdminListen              = "proxy.admin.listen"
	AdminOnStoreURL          = "proxy.admin.on-store-url"
	Airgap                   = "proxy.airgap"
	AllowedDeviceServiceURLs = "proxy.device-auth.allowed-device-service-urls"
	AuthSecret               = "proxy.auth.secret"
	DBConnection             = "proxy.db.connection"
	DBServerConnection       = "proxy.db.server-connection"
	DeviceAuthPrevious       = "proxy.device-auth.previous-secret"
	DeviceAuthSecret         = "proxy.device-auth.secret"
	CacheSize                = "proxy.cache.size"
	CharmhubUpstream         = "proxy.charmhub.upstream"
	Domain                   = "proxy.domain"
	HSMModule                = "proxy.hsm.module"
	HSMTokenLabel            = "proxy.hsm.token-label"
	HSMTokenPIN              = "proxy.hsm.token-pin"
	HTTPPort                 = "proxy.port.http"
	HTTPSProxy               = "proxy.https.proxy"
	HTTPSPort                = "proxy.port.https"
	IPAddress                = "proxy.ipaddress"
	KeyPrivate               = "proxy.key.private"
	KeyPublic                = "proxy.key.public"
	RegistryBuiltin          = "proxy.oci-registry.builtin"
	RegistryDomain           = "proxy.oci-registry.domain"
	RegistryListen           = "proxy.oci-registry.listen"
	RegistryPassword         = "proxy.oci-registry.password"
	RegistryUsername         = "proxy.oci-registry.username"
	RevisionsAccountID       = "internal.snapassert.signing.revisions.account-id"
	RevisionsKey             = "internal.snapassert.signing.revisions.key"
	RevisionsKeyID           = "internal.snapassert.signing.revisions.key-id"
	S3AccessKeyID            = "proxy.storage.s3.access-key-id"
	S3Bucket                 = "proxy.storage.s3.scanned-container-name"
	S3PathStyle              = "proxy.storage.s3.use-path-style"
	S3Redirect               = "proxy.storage.s3.redirect"
	S3Region                 = "proxy.storage.s3.region"
	S3SecretAccessKey        = "proxy.storage.s3.secret-access-key"
	S3ServerURL              = "proxy.storage.s3.server-url"
	StaleIfError             = "proxy.stale-if-error"
	StorageBackend           = "proxy.storage.backend"
	StoreAdminDigest         = "internal.airgap.store.admin.macaroon-sha3-384"
	StoreAdminID             = "internal.airgap.store.admin.id"
	StoreID                  = "internal.store.id"
	StoreURL                 = "internal.store.url"
	TLSCert                  = "proxy.tls.cert"
	TLSKey                   = "proxy.tls.key"
	TrustForwardedProto      = "proxy.trust-forwarded-proto"
	Upstream                 = "proxy.upstream"
	UpstreamRate             = "proxy.upstream.rate"
)

// The values of StorageBackend.
const (
	BackendLocal = "local"
	BackendS3    = "s3"
)

// Key describes a setting.
type Key struct {
	Name string
	// Default is the value if none is set.
	Default string
	// Doc describes the setting in a line.
	Doc string
	// Kind is the form of the values.
	Kind Kind
	// Secret hides the value in listings. A KindConnection hides only its password.
	Secret bool
}

// Keys returns all settings, sorted by name.
func Keys() []Key {
	all := slices.Concat(storeKeys(), storageKeys())
	slices.SortFunc(all, func(a, b Key) int { return strings.Compare(a.Name, b.Name) })
	return all
}

// storageKeys returns the settings about the place of blobs.
func storageKeys() []Key {
	return []Key{
		{StorageBackend, BackendLocal, "local or s3: whether blobs are files in the data folder or objects in S3; migrate-blobs moves them", KindBackend, false},
		{S3AccessKeyID, "", "id of the key for S3", KindText, false},
		{S3Redirect, "false", "whether clients are sent to S3 for their downloads, by URLs that are valid for a time", KindBool, false},
		{S3Region, "us-east-1", "region of the bucket", KindID, false},
		{S3Bucket, "scanned-production", "bucket with the blobs", KindBucket, false},
		{S3SecretAccessKey, "", "the key for S3", KindText, true},
		{S3ServerURL, "", "URL of S3, without a path", KindURL, false},
		{S3PathStyle, "true", "whether the bucket is in the path of URLs, and not before the host", KindBool, false},
	}
}

// storeKeys returns all other settings. A new setting is a new row here.
func storeKeys() []Key {
	return []Key{
		{StoreAdminID, "", "account of the Snap Store that may administer this store, too; push-store sets it", KindID, false},
		{StoreAdminDigest, "", "SHA3-384 of the macaroon by which that account logs in; push-store sets it", KindText, false},
		{RevisionsAccountID, "", "account of the key for revisions that are published to this store; push-store sets it", KindID, false},
		{RevisionsKey, "", "private key for these revisions; push-store sets it", KindKey, true},
		{RevisionsKeyID, "", "id of that key", KindID, false},
		{StoreID, "", "id of the store, as its store assertion has it", KindID, false},
		{StoreURL, "", "URL of the store, as its store assertion has it", KindURL, false},
		{AdminEmails, "[]", "who may administer this store, a JSON list; add-admin and remove-admin change it", KindEmailList, false},
		{AdminListen, "127.0.0.1:8013", "address and port that serve takes remote administration on", KindListen, false},
		{AdminOnStoreURL, "false", "whether serve takes administration at the URL of the store, too, by https only", KindBool, false},
		{Airgap, "false", "whether this store serves what was imported, and never connects to the internet; enable-airgap-mode sets it", KindBool, false},
		{AuthSecret, "", "signs the macaroons of admins; enable-airgap-mode makes it", KindText, true},
		{CacheSize, "2048", "megabytes of the data folder that keep files from upstream, or copies of blobs from S3; 0 keeps none", KindMegabytes, false},
		{CharmhubUpstream, "https://api.charmhub.io", "Charmhub, which an online store asks", KindURL, false},
		{DBConnection, "", "PostgreSQL database of the store (13 or newer); a private cluster is run while unset", KindConnection, true},
		{DBServerConnection, "", "how serve logs in to that database: a role that can only SELECT will do", KindConnection, true},
		{AllowedDeviceServiceURLs, "[]", "device services that requests for serials may be about, a JSON list", KindURLList, false},
		{DeviceAuthPrevious, "", "another secret whose sessions of devices are valid, while the secret is replaced", KindText, true},
		{DeviceAuthSecret, "", "signs the sessions of devices, the same on all servers of a store; enable-airgap-mode or serve makes it", KindText, true},
		{Domain, "", "host, and port unless it is the usual, in the URLs given to devices; the one they asked for while unset", KindDomain, false},
		{HSMModule, "", "path of the PKCS#11 module; the socket pkcs11 in the data folder, or else all modules of p11-kit, while unset", KindText, false},
		{HSMTokenLabel, "", "label, or pkcs11: URI, of the token with the keys that sign serials; no serials are signed while unset", KindText, false},
		{HSMTokenPIN, "", "PIN of that token, or file:/PATH of a file with it", KindText, true},
		{IPAddress, "[::]", "address that serve listens on", KindAddress, false},
		{KeyPrivate, "", "key that the store was registered with", KindKey, true},
		{KeyPublic, "", "public half of that key", KindKey, false},
		{RegistryBuiltin, "", "whether serve is a registry for the images of charms; while unset, it is one unless a domain is set", KindBool, false},
		{RegistryDomain, "", "host, and port unless it is the usual, of the registry that has the images of charms; the built-in one's while unset", KindDomain, false},
		{RegistryListen, "[::]:5000", "address and port that the built-in registry listens on", KindListen, false},
		{RegistryPassword, "", "password of that registry, which Charmhub clients are told; the built-in one asks for it", KindText, true},
		{RegistryUsername, "", "user name for that registry", KindUser, false},
		{HTTPSProxy, "", "forward proxy by which an online store reaches upstream, http://[USER:PASSWORD@]HOST:PORT; https_proxy in the environment while unset", KindProxy, true},
		{HTTPPort, "80", "port that serve listens on for HTTP", KindPort, false},
		{HTTPSPort, "443", "port that serve listens on for HTTPS, once there is a certificate", KindPort, false},
		{StaleIfError, "24h", "age up to which an online store gives kept answers while upstream does not answer", KindDuration, false},
		{TLSCert, "", "certificate of this store and its intermediates, as PEM; import-certificate sets it", KindPEM, false},
		{TLSKey, "", "private key of that certificate, as PEM", KindPEM, true},
		{TrustForwardedProto, "false", "whether a balancer in front of this store is believed when it says that a request came by https", KindBool, false},
		{Upstream, "https://api.snapcraft.io", "the Snap Store, which an online store asks", KindURL, false},
		{UpstreamRate, "", "bytes a second that cache warm fetches at most, as 500k or 10M; no limit while unset", KindRate, false},
	}
}
