package instance

import (
	"crypto/rand"

	"offlinestore/audit"
	"offlinestore/instance/settings"
)

// EnableAirgapMode makes missing secrets and marks the store as set up. It returns the names of the settings that got a secret.
func (in *Instance) EnableAirgapMode() (made []string, err error) {
	made, err = in.Settings.SetMissing(map[string]string{settings.AuthSecret: rand.Text(), settings.DeviceAuthSecret: rand.Text()})
	if err == nil && !in.Settings.Values().Airgap {
		err = in.Settings.Set(map[string]string{settings.Airgap: "true"})
		if err == nil {
			err = in.Dir.note(&audit.Act{What: "enable-airgap-mode", Subject: in.Settings.Values().Domain, After: map[string][]string{"made": made}})
		}
	}
	return made, err
}
