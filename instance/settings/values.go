package settings

import (
	"strconv"
	"time"
)

// Values holds the decoded values of all settings, defaults included. The fields have the names of the keys.
type Values struct {
	AdminEmails              []string
	AdminListen              string
	AdminOnStoreURL          bool
	Airgap                   bool
	AllowedDeviceServiceURLs []string
	AuthSecret               string
	DBConnection             string
	DBServerConnection       string
	DeviceAuthPrevious       string
	DeviceAuthSecret         string
	CacheSize                int64 // in bytes
	CharmhubUpstream         string
	Domain                   string
	HSMModule                string
	HSMTokenLabel            string
	HSMTokenPIN              string
	HTTPPort                 string
	HTTPSPort                string
	HTTPSProxy               string
	IPAddress                string
	KeyPrivate               string
	KeyPublic                string
	// RegistryBuiltin is nil while it is unset.
	RegistryBuiltin     *bool
	RegistryDomain      string
	RegistryListen      string
	RegistryPassword    string
	RegistryUsername    string
	RevisionsAccountID  string
	RevisionsKey        string
	RevisionsKeyID      string
	S3AccessKeyID       string
	S3Bucket            string
	S3PathStyle         bool
	S3Redirect          bool
	S3Region            string
	S3SecretAccessKey   string
	S3ServerURL         string
	StaleIfError        time.Duration
	StorageBackend      string
	StoreAdminDigest    string
	StoreAdminID        string
	StoreID             string
	StoreURL            string
	TLSCert             string
	TLSKey              string
	TrustForwardedProto bool
	Upstream            string
	UpstreamRate        int64 // in bytes a second; 0 is no limit
}

// Values decodes the settings. It can't fail: Open and Set accept valid values only.
func (s *Settings) Values() Values {
	text := make(map[string]string)
	for _, k := range Keys() {
		text[k.Name] = s.value(k)
	}
	return Values{
		AdminEmails: decodeList(text[AdminEmails]), AdminListen: text[AdminListen], AdminOnStoreURL: text[AdminOnStoreURL] == "true", Airgap: text[Airgap] == "true",
		AllowedDeviceServiceURLs: decodeList(text[AllowedDeviceServiceURLs]),
		AuthSecret:               text[AuthSecret], DeviceAuthPrevious: text[DeviceAuthPrevious], DeviceAuthSecret: text[DeviceAuthSecret],
		DBConnection: text[DBConnection], DBServerConnection: text[DBServerConnection],
		HSMModule: text[HSMModule], HSMTokenLabel: text[HSMTokenLabel], HSMTokenPIN: text[HSMTokenPIN],
		Domain: text[Domain], HTTPPort: text[HTTPPort], HTTPSPort: text[HTTPSPort], IPAddress: text[IPAddress],
		KeyPrivate: text[KeyPrivate], KeyPublic: text[KeyPublic],
		RegistryBuiltin: decodeBool(text[RegistryBuiltin]), RegistryDomain: text[RegistryDomain], RegistryListen: text[RegistryListen],
		RegistryPassword: text[RegistryPassword], RegistryUsername: text[RegistryUsername],
		RevisionsAccountID: text[RevisionsAccountID], RevisionsKey: text[RevisionsKey], RevisionsKeyID: text[RevisionsKeyID],
		CacheSize: decodeMegabytes(text[CacheSize]), StorageBackend: text[StorageBackend],
		S3AccessKeyID: text[S3AccessKeyID], S3Bucket: text[S3Bucket], S3PathStyle: text[S3PathStyle] == "true", S3Redirect: text[S3Redirect] == "true",
		S3Region: text[S3Region], S3SecretAccessKey: text[S3SecretAccessKey], S3ServerURL: text[S3ServerURL],
		StoreAdminDigest: text[StoreAdminDigest], StoreAdminID: text[StoreAdminID],
		StoreID: text[StoreID], StoreURL: text[StoreURL], TLSCert: text[TLSCert], TLSKey: text[TLSKey],
		TrustForwardedProto: text[TrustForwardedProto] == "true",
		CharmhubUpstream:    text[CharmhubUpstream], HTTPSProxy: text[HTTPSProxy], StaleIfError: decodeDuration(text[StaleIfError]),
		Upstream: text[Upstream], UpstreamRate: decodeRate(text[UpstreamRate]),
	}
}

// decodeList returns the texts of a list that was validated.
func decodeList(v string) []string {
	list, _ := ParseList(v)
	return list
}

// decodeMegabytes returns the bytes of a number of megabytes that was validated.
func decodeMegabytes(v string) int64 {
	n, _ := strconv.ParseInt(v, 10, 64)
	return n << 20
}

// decodeBool returns nil for an unset value.
func decodeBool(v string) *bool {
	if v == "" {
		return nil
	}
	b := v == "true"
	return &b
}
