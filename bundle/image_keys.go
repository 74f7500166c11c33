package bundle

import (
	"bytes"
	"encoding/json"
	"strings"
)

// imageKeys returns the names of the fields in an image's manifest that determine its content.
func imageKeys() []string {
	return []string{"schemaVersion", "mediaType", "config", "layers", "manifests", "digest", "size", "urls", "subject"}
}

// validateImageKeys refuses a manifest that has one of these names in another spelling, because some readers accept any spelling.
func validateImageKeys(raw []byte) error {
	return walkKeys(json.NewDecoder(bytes.NewReader(raw)), imageKeys())
}

// walkKeys validates the next value. Its text is already known to be JSON without repeated names that is not nested too deeply.
func walkKeys(d *json.Decoder, known []string) error {
	t, err := d.Token()
	if err != nil {
		return corrupt("image manifest: %w", err)
	}
	delim, ok := t.(json.Delim)
	if !ok {
		return nil
	}
	for d.More() {
		var key string
		if delim == '{' {
			if t, err = d.Token(); err != nil {
				return corrupt("image manifest: %w", err)
			}
			key, _ = t.(string)
		}
		for _, name := range known {
			if strings.EqualFold(key, name) && key != name {
				return corrupt("image manifest: %.40q can be understood in two ways", key)
			}
		}
		if strings.EqualFold(key, "annotations") { // names inside annotations have no meaning
			var skipped json.RawMessage
			err = d.Decode(&skipped)
		} else {
			err = walkKeys(d, known)
		}
		if err != nil {
			return err
		}
	}
	_, err = d.Token()
	return err
}
