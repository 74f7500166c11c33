package install

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"offlinestore/registration"
)

// The names of the settings in an installer. The constants of instance/settings are not used, since that package needs Unix, and
// installers are made on any system. A test checks that instance/settings reads the output of encodeSettings.
const (
	domain     = "proxy.domain"
	httpPort   = "proxy.port.http"
	httpsPort  = "proxy.port.https"
	keyPrivate = "proxy.key.private"
	keyPublic  = "proxy.key.public"
	storeID    = "internal.store.id"
	storeURL   = "internal.store.url"
)

// settingsOf returns the settings that a registration determines. The private key is among them only if withKey is set.
func settingsOf(r *registration.Registration, withKey bool) map[string]string {
	values := map[string]string{storeID: r.StoreID, storeURL: r.URL, domain: r.Domain}
	if withKey {
		values[keyPrivate], values[keyPublic] = r.PrivateKey, r.PublicKey
	}
	switch {
	case r.HTTPS && r.Port != "443":
		values[httpsPort] = r.Port
	case !r.HTTPS && r.Port != "80":
		values[httpPort] = r.Port
	}
	return values
}

// encodeSettings writes settings as YAML, sorted by name.
func encodeSettings(values map[string]string) []byte {
	var b bytes.Buffer
	for _, name := range slices.Sorted(maps.Keys(values)) {
		value, err := json.Marshal(values[name]) // every JSON string is a YAML string
		if err != nil {
			panic("install: encode a string: " + err.Error())
		}
		fmt.Fprintf(&b, "%s: %s\n", name, value)
	}
	return b.Bytes()
}
