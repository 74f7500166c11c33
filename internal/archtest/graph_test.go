package archtest_test

import (
	"go/ast"
	"slices"
	"strings"
	"testing"
)

// graph lists the packages of ours that each package of the product may import. A new edge is a change of design and needs
// a commit of its own. Programs (cmd) may import every package.
func graph() map[string][]string {
	return map[string][]string{
		// Layer 1: these need nothing of ours. Each is a noun of the field, or a tool.
		"assertion":   {},
		"audit":       {},
		"blob":        {"keccak"},
		"blob/s3":     {"blob"}, // apart, so that store-admin does not link it
		"certificate": {},
		"channel":     {},
		"docs":        {},
		"keccak":      {},
		"macaroons":   {},
		"nearest":     {},
		"safeyaml":    {},
		"strictjson":  {},
		"squashfs":    {},
		"transfer":    {},
		// Layer 2: the words and messages of the upstream stores.
		"difference":     {"assertion", "charm", "image", "snap"},
		"channelmap":     {"channel"},
		"charm":          {"channel", "safeyaml", "strictjson"},
		"charm/snaphint": {"channel", "charm", "safeyaml"},
		"hsm":            {"assertion"},
		"image":          {"charm"},
		"receipt":        {"audit"},
		"registration":   {"assertion"},
		"session":        {"assertion"},
		"snap":           {"channel", "safeyaml", "strictjson"},
		// Layer 3: each package knows one place: a file, a database, the internet, a key.
		"bundle":           {"assertion", "blob", "channel", "channelmap", "charm", "difference", "image", "snap", "strictjson"},
		"catalog":          {"assertion", "audit", "channel", "channelmap", "charm", "difference", "image", "snap"},
		"catalog/overview": {"catalog", "charm"},
		"keyring":          {"blob", "bundle"},
		"receiver":         {"audit", "blob", "bundle", "receipt"},
		"wanted":           {"assertion", "bundle", "channel", "charm", "difference", "image", "nearest", "receipt", "safeyaml", "snap"},
		"upstream":         {"assertion", "charm", "macaroons", "snap"},
		// Layer 4: each package leads from one place to another, or finds gaps.
		"account":            {"blob", "keyring", "macaroons", "upstream"},
		"closure":            {"assertion", "bundle", "channel", "channelmap", "charm", "snap"},
		"edge":               {"assertion", "blob", "channel", "charm", "edge/api", "edge/cache", "session", "snap", "transfer", "upstream"},
		"edge/api":           {"blob"},
		"edge/cache":         {"blob"},
		"edge/override":      {"catalog", "channel", "snap", "upstream"},
		"exporter":           {"assertion", "blob", "bundle", "channel", "channelmap", "charm", "charm/snaphint", "closure", "edge/api", "image", "snap", "upstream", "wanted"},
		"importer":           {"assertion", "blob", "bundle", "catalog", "channel", "channelmap", "charm", "closure", "importer/canonical", "snap", "squashfs"},
		"importer/canonical": {"assertion", "blob", "bundle", "channel", "charm", "snap", "squashfs"},
		"inquiry":            {"blob", "catalog", "charm", "registry", "server", "snap"},
		"install":            {"blob", "docs", "registration"},
		"registrar":          {"assertion", "catalog", "session"},
		"registry":           {"blob", "catalog", "transfer"},
		"server":             {"assertion", "blob", "channel", "channelmap", "charm", "docs", "safeyaml", "session", "snap", "catalog", "transfer", "registrar"},
		"server/admin":       {"audit", "server/admin/api", "channel", "macaroons", "catalog", "transfer"},
		"server/admin/api":   {"blob", "macaroons"}, // no catalog: store-admin's login runs on laptops
		"server/gateway":     {"server/admin", "server/gateway/api", "assertion", "audit", "catalog", "registrar", "transfer"},
		"server/gateway/api": {"server/admin/api"},
		// Layer 5: an installed store as a whole.
		"instance":           {"assertion", "audit", "blob", "blob/s3", "bundle", "catalog", "certificate", "closure", "instance/backup", "instance/pgcluster", "instance/settings", "receipt", "registration", "server/admin/api"},
		"instance/backup":    {"blob", "instance/conninfo", "instance/pgcluster", "catalog"},
		"instance/conninfo":  {},
		"instance/pgcluster": {},
		"instance/settings":  {"blob", "instance/conninfo", "nearest", "safeyaml"},
		"instance/wanted":    {"assertion", "catalog", "charm", "image", "snap", "wanted"},
		// Layer 6: a running one.
		"service": {"audit", "blob", "catalog", "certificate", "edge", "edge/cache", "edge/override", "instance", "instance/settings", "registrar", "registration", "registry", "server", "server/admin", "server/admin/api", "server/gateway", "server/gateway/api", "session", "transfer", "upstream"},
	}
}

// never lists the edges that no edit of the graph may add, directly or through other packages. A star stands for every
// package.
func never() [][2]string {
	return [][2]string{
		{"catalog", "bundle"}, // the catalogue outlives the format
		{"bundle", "upstream"},
		{"bundle", "catalog"},
		{"instance", "exporter"},
		{"server", "upstream"}, // the server inside the gap needs no way out
		{"server", "edge"},
		{"registry", "upstream"},
		{"instance", "upstream"},
		{"server", "bundle"}, // the server knows only imported items
		{"server/admin/api", "catalog"},
		{"server/gateway/api", "catalog"},
		{"*", "hsm"}, // other packages see crypto.Signer; only programs open tokens
	}
}

// nested is a module of its own because it contains snapd's code, which is GPLv3.
const nested = "internal/snapdclient"

func TestImportsFollowTheGraph(t *testing.T) {
	t.Parallel()
	allowed := graph()
	for _, s := range sources(t) {
		if inside(s.pkg(), nested) {
			continue
		}
		if _, ok := allowed[s.pkg()]; !ok && !isProgram(s.pkg()) && !isTestSupport(s.pkg()) {
			t.Errorf("%s: package %s is not in the graph", s.path, s.pkg())
			continue
		}
		for _, p := range s.imports(t) {
			if why := refusal(allowed, s.pkg(), p); why != "" {
				t.Errorf("%s: imports %s: %s", s.path, p, why)
			}
		}
	}
}

// refusal returns the reason why the package from may not import the path to. It is empty if the import is allowed.
func refusal(allowed map[string][]string, from, to string) string {
	if strings.HasPrefix(to, "github.com/snapcore/") {
		return "snapd's code stays in the module " + nested
	}
	if to == "C" && from != "hsm" {
		return "cgo stays in hsm"
	}
	to, ours := strings.CutPrefix(to, module+"/")
	switch {
	case !ours:
		return ""
	case isTestSupport(to):
		if isTestSupport(from) {
			return ""
		}
		return "it is for tests"
	case isProgram(from):
		return ""
	case to == "hsm":
		return "only programs open tokens; the others see crypto.Signer"
	case isTestSupport(from):
		return ""
	case !slices.Contains(allowed[from], to):
		return "the graph has no such edge"
	}
	return ""
}

func TestRefusal(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		from, to string
		refused  bool
	}{
		{"catalog", "offlinestore/snap", false},
		{"catalog", "offlinestore/bundle", true},
		{"server", "offlinestore/upstream", true},
		{"snap", "offlinestore/catalog", true},
		{"catalog", "encoding/json", false},
		{"exporter", "offlinestore/hsm", true},
		{"cmd/store-admin", "offlinestore/hsm", false},
		{"cmd/store-admin", "offlinestore/internal/upstreamtest", true},
		{"internal/demo", "offlinestore/internal/upstreamtest", false},
		{"bundle", "offlinestore/internal/assertiontest", true},
		{"internal/pgtest", "offlinestore/catalog", false},
		{"internal/upstreamtest", "offlinestore/internal/assertiontest", false},
		{"internal/pgtest", "offlinestore/hsm", true},
		{"blob", "C", true},
		{"hsm", "C", false},
		{"internal/snapddriver", "github.com/snapcore/snapd/asserts", true},
	} {
		if got := refusal(graph(), c.from, c.to); (got != "") != c.refused {
			t.Errorf("refusal(%s, %s) = %q, want refused: %v", c.from, c.to, got, c.refused)
		}
	}
}

func TestGraphKeepsItsPromises(t *testing.T) {
	t.Parallel()
	allowed := graph()
	for from := range allowed {
		reached := reach(allowed, from)
		if slices.Contains(reached, from) {
			t.Errorf("%s imports itself, by way of %v", from, reached)
		}
		for _, edge := range never() {
			if (edge[0] == from || edge[0] == "*") && slices.Contains(reached, edge[1]) {
				t.Errorf("%s may reach %s, want never", from, edge[1])
			}
		}
		for _, to := range reached {
			if _, ok := allowed[to]; !ok {
				t.Errorf("%s may reach %s, which is not in the graph", from, to)
			}
		}
	}
}

// reach returns every package that from may import, directly or not.
func reach(allowed map[string][]string, from string) []string {
	var reached []string
	for todo := slices.Clone(allowed[from]); len(todo) > 0; {
		next := todo[0]
		todo = todo[1:]
		if !slices.Contains(reached, next) {
			reached = append(reached, next)
			todo = append(todo, allowed[next]...)
		}
	}
	return reached
}

func isProgram(pkg string) bool { return inside(pkg, "cmd") || inside(pkg, "scripts") }

func isTestSupport(pkg string) bool { return inside(pkg, "internal") }

// inside reports whether pkg is dir or below it.
func inside(pkg, dir string) bool { return pkg == dir || strings.HasPrefix(pkg, dir+"/") }

// TestYAMLHasOneDecoder holds that only safeyaml decodes texts of YAML, because its bounds protect every reader.
func TestYAMLHasOneDecoder(t *testing.T) {
	t.Parallel()
	for _, s := range sources(t) {
		if s.pkg() == "safeyaml" || isTestSupport(s.pkg()) {
			continue
		}
		ast.Inspect(s.file, func(n ast.Node) bool {
			if f, ok := n.(*ast.SelectorExpr); ok && isIdent(f.X, "yaml") && slices.Contains([]string{"Unmarshal", "NewDecoder"}, f.Sel.Name) {
				t.Errorf("%s: yaml.%s, want package safeyaml", s.at(n), f.Sel.Name)
			}
			return true
		})
	}
}

func isIdent(e ast.Expr, name string) bool {
	id, ok := e.(*ast.Ident)
	return ok && id.Name == name
}
