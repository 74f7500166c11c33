package main

import (
	"os"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"

	"offlinestore/internal/assertiontest"
	"offlinestore/internal/upstreamtest"
)

// writeModel implements model FILE KIND, which writes a model of the brand.
func writeModel(ts *testscript.TestScript, neg bool, args []string) {
	entry := func(name, kind, channel string, more map[string]any) any {
		m := map[string]any{"name": name, "type": kind, "default-channel": channel}
		if name != "snapd" {
			m["id"] = upstreamtest.ID(name)
		}
		for k, v := range more {
			m[k] = v
		}
		return m
	}
	listed := assertiontest.Headers{
		"classic": nil, "base": "core24", "grade": "signed", "store": "acme-store", "serial-authority": []any{"generic", "acme-factory"},
		"validation-sets": []any{map[string]any{"account-id": upstreamtest.BrandID, "name": "tools", "sequence": "1", "mode": "prefer-enforce"}},
		"snaps": []any{
			entry("pump-gadget", "gadget", "24/edge", nil), entry("pump-kernel", "kernel", "24/edge", nil),
			entry("jq", "app", "latest/edge", map[string]any{"components": map[string]any{"docs": "optional"}}),
		},
	}
	older := assertiontest.Headers{"classic": nil, "gadget": "pump-gadget=24", "kernel": "pump-kernel", "required-snaps": []any{"jq", "hello"}}
	brand := storeOf(ts).Brand()
	var text []byte
	switch args[1] {
	case "listed":
		text = brand.Model("pump", listed).Raw()
	case "older":
		text = brand.Model("old-pump", older).Raw()
	case "classic":
		text = brand.Model("desk", assertiontest.Headers{"architecture": nil, "required-snaps": []any{"hello"}}).Raw()
	case "missing":
		listed["snaps"] = append(listed["snaps"].([]any), entry("nowhere", "app", "latest/stable", nil), entry("hello", "app", "9.9/stable", nil))
		text = brand.Model("pump", listed).Raw()
	case "wrong-id":
		listed["snaps"] = []any{map[string]any{"name": "jq", "type": "app", "id": upstreamtest.ID("another")}}
		text = brand.Model("pump", listed).Raw()
	case "optional": // a snap that the store does not have, one without a release, and one that is not for the mode run
		listed["snaps"] = append(listed["snaps"].([]any), entry("nowhere", "app", "latest/stable", map[string]any{"presence": "optional"}),
			entry("hello", "app", "9.9/stable", map[string]any{"presence": "optional"}),
			entry("gnome-calculator", "app", "latest/stable", map[string]any{"modes": []any{"ephemeral"}}))
		text = brand.Model("pump", listed).Raw()
	case "presence":
		listed["snaps"] = append(listed["snaps"].([]any), entry("hello", "app", "latest/stable", map[string]any{"presence": "perhaps"}))
		text = brand.Model("pump", listed).Raw()
	case "private": // a model of the store acme-pumps, with snaps of it, of its parent and of a friendly store
		listed["store"] = "acme-pumps"
		listed["snaps"] = append(listed["snaps"].([]any), entry("pump", "app", "latest/stable", nil), entry("valve", "app", "latest/stable", nil),
			entry("near", "app", "latest/stable", nil))
		text = brand.Model("pump", listed).Raw()
	case "component":
		listed["snaps"] = []any{entry("jq", "app", "latest/stable", map[string]any{"components": map[string]any{"manual": "required"}})}
		text = brand.Model("pump", listed).Raw()
	case "altered":
		text = []byte(strings.Replace(string(brand.Model("pump", listed).Raw()), "latest/edge", "latest/beta", 1))
	case "unregistered":
		text = storeOf(ts).Stack.NewAccount("stranger", "device").Model("pump", listed).Raw()
	default:
		ts.Fatalf("unknown model %s", args[1])
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), text, 0o644))
}
