package settings

// NeedsRestart reports whether a server reads the setting only at its start. It opens ports while it has the right to. The secret
// of logins is read at the start too: its change must not seem to end all logins before the server knows it. A module cannot be unloaded.
func (k Key) NeedsRestart() bool {
	switch k.Name {
	case IPAddress, HTTPPort, HTTPSPort, RegistryListen, RegistryBuiltin, AdminListen, DBConnection, DBServerConnection, AuthSecret, HSMModule, HSMTokenLabel:
		return true
	}
	return false
}

// IsStorage reports whether the setting is about the place of the blobs.
func (k Key) IsStorage() bool {
	switch k.Name {
	case CacheSize, StorageBackend, S3AccessKeyID, S3Bucket, S3PathStyle, S3Redirect, S3Region, S3SecretAccessKey, S3ServerURL:
		return true
	}
	return false
}
