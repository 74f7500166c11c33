package instance

import (
	"crypto/sha256"
	"encoding/hex"
	"maps"
	"slices"
	"strings"

	"offlinestore/audit"
	"offlinestore/instance/settings"
)

// maxValue is the longest value of a setting that the audit trail has. It has the digest of a longer one, such as a certificate.
const maxValue = 400

// recordSettings records a change of settings.
func (d Dir) recordSettings(before, after map[string]string, write func() error) error {
	old, changed := make(map[string]any), make(map[string]any)
	names := make(map[string]bool)
	for name := range after {
		names[name] = before[name] != after[name]
	}
	for name := range before {
		names[name] = before[name] != after[name]
	}
	maps.DeleteFunc(names, func(_ string, differs bool) bool { return !differs })
	for name := range names {
		if v, ok := before[name]; ok {
			old[name] = valueOf(name, v)
		}
		if v, ok := after[name]; ok {
			changed[name] = valueOf(name, v)
		}
	}
	return d.record(&audit.Act{What: "config", Subject: strings.Join(slices.Sorted(maps.Keys(names)), ", "), Before: unlessEmpty(old), After: unlessEmpty(changed)}, write)
}

func unlessEmpty(m map[string]any) any {
	if len(m) == 0 {
		return nil
	}
	return m
}

// valueOf returns the value of a setting for the audit trail.
func valueOf(name, v string) any {
	if v = settings.Redact(name, v); len(v) <= maxValue {
		return v
	}
	return fileState([]byte(v))
}

// fileState describes the content of a file.
func fileState(text []byte) any {
	if text == nil {
		return nil
	}
	sum := sha256.Sum256(text)
	return map[string]any{"bytes": len(text), "sha256": hex.EncodeToString(sum[:])}
}
