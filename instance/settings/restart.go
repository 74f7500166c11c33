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
