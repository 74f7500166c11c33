package settings

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
)

// IsShared reports whether all servers of a store need the same value. Ports, addresses, certificates and tokens may differ between hosts.
func (k Key) IsShared() bool {
	switch k.Name {
	case AdminOnStoreURL, AllowedDeviceServiceURLs, AuthSecret, DeviceAuthPrevious, DeviceAuthSecret, Domain,
		RegistryDomain, RegistryPassword, RegistryUsername, S3Bucket, S3ServerURL, StorageBackend, StoreAdminDigest, StoreAdminID, StoreID, StoreURL:
		return true
	}
	return false
}

// SharedDigests returns a digest of each setting that all servers need, so that they can be compared without their values. The key of the digests
// is proxy.device-auth.secret, which is no guessable password.
func (s *Settings) SharedDigests() map[string]string {
	out := make(map[string]string)
	secret, _ := s.Get(DeviceAuthSecret) // the key exists
	for _, k := range Keys() {
		if !k.IsShared() {
			continue
		}
		value, _ := s.Get(k.Name) // the key exists
		mac := hmac.New(sha256.New, []byte(secret))
		mac.Write([]byte(k.Name + "\x00" + value))
		out[k.Name] = hex.EncodeToString(mac.Sum(nil)[:8])
	}
	return out
}

// Differing returns the names of the settings whose digests differ, sorted. If the secret differs, the other digests cannot be compared. A setting
// that only one of the two programs knows is left out.
func Differing(a, b map[string]string) (names []string) {
	if a[DeviceAuthSecret] != b[DeviceAuthSecret] {
		return []string{DeviceAuthSecret}
	}
	for _, k := range Keys() {
		x, ok := a[k.Name]
		if y, known := b[k.Name]; ok && known && x != y {
			names = append(names, k.Name)
		}
	}
	return names
}
