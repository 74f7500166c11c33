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

// GetAll returns the values of several settings by name.
func (s *Settings) GetAll(names ...string) (map[string]string, error) {
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
