package snaphint

import (
	"strings"

	"go.yaml.in/yaml/v3"

	"offlinestore/safeyaml"
)

var (
	tomlTable = lazily(`^\[\s*([A-Za-z0-9_.-]+)\s*\]$`)
	tomlPair  = lazily(`^([A-Za-z0-9_.-]+)\s*=\s*(.+)$`)
	tomlText  = lazily(`^["']([^"']*)["']`)
)

// readTOML reads the table "snap" of a refresh_versions.toml and similar files: its name, channel, and revision or revisions. For
// these few lines, the module needs no parser of the whole language.
func (f *finder) readTOML(text string) {
	table, name, ch := "", "", ""
	revisions := make(map[string]int)
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if m := tomlTable().FindStringSubmatch(line); m != nil {
			table = m[1] + "."
			continue
		}
		m := tomlPair().FindStringSubmatch(line)
		if m == nil {
			continue
		}
		value := m[2]
		if t := tomlText().FindStringSubmatch(value); t != nil {
			value = t[1]
		}
		switch key := table + m[1]; {
		case key == "snap.name":
			name = value
		case key == "snap.channel":
			ch = value
		case key == "snap.revision":
			for arch, n := range revisionOf("", value) {
				revisions[arch] = n
			}
		case key == "snap.revisions" && strings.HasPrefix(value, "{"):
			for arch, n := range byArchitecture(value) {
				revisions[arch] = n
			}
		case strings.HasPrefix(key, "snap.revisions."):
			if arch := debian(strings.TrimPrefix(key, "snap.revisions.")); arch != "" {
				for arch, n := range revisionOf(arch, value) {
					revisions[arch] = n
				}
			}
		}
	}
	f.addHint(name, ch, revisions)
}

// readTree reads a YAML or JSON file that lists snaps: maps with a name, and a channel, revision or install-type, at any depth. If a
// key above a map is an architecture, the revision is for that architecture.
func (f *finder) readTree(text string) {
	docs, _, err := safeyaml.Parse([]byte(text), safeyaml.Options{MaxSize: maxHintFile, AnyKeys: true})
	if err != nil {
		return
	}
	for _, d := range docs {
		f.walk(d, "")
	}
}

func (f *finder) walk(n *yaml.Node, arch string) {
	if n.Kind == yaml.MappingNode {
		f.addEntry(n, arch)
		for i := 0; i+1 < len(n.Content); i += 2 {
			below := arch
			if a := debian(n.Content[i].Value); a != "" {
				below = a
			}
			f.walk(n.Content[i+1], below)
		}
		return
	}
	// An alias repeats its anchor, which is read in its own place.
	for _, c := range n.Content {
		f.walk(c, arch)
	}
}

// addEntry adds the snap that a map describes, if it describes one.
func (f *finder) addEntry(n *yaml.Node, arch string) {
	said := make(map[string]string)
	for i := 0; i+1 < len(n.Content); i += 2 {
		if v := n.Content[i+1]; v.Kind == yaml.ScalarNode {
			said[n.Content[i].Value] = v.Value
		}
	}
	_, installed := said["install-type"]
	if installed || said["channel"] != "" || said["revision"] != "" {
		f.addHint(said["name"], said["channel"], revisionOf(arch, said["revision"]))
	}
}
