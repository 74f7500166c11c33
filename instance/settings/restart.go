package settings

// NeedsRestart reports whether a server reads the setting only when it starts. It opens ports while it has the right to. A changed
// secret of logins must not look as if it had ended them before the server read it.
func (k Key) NeedsRestart() bool {
	switch k.Name {
	case IPAddress, HTTPPort, HTTPSPort, RegistryListen, RegistryBuiltin, AdminListen, DBConnection, DBServerConnection, AuthSecret:
		return true
	}
	return false
}
