package charm

import (
	"archive/zip"
	"cmp"
	"maps"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"offlinestore/channel"
)

// Limits of what is read of a charm to find the snaps that it installs.
const (
	maxHintFile  = 256 << 10
	maxHintFiles = 64
	maxHintTotal = 2 << 20
	maxHints     = 64 // also of what an export says
)

// findSnaps lists the snaps that the charm's own files seem to install. They are hints for the operator: code can compute a name that
// no pattern sees, so what is not found is no error, and what cannot be read is passed over.
func findSnaps(z *zip.Reader) []SnapHint {
	f := &finder{hints: make(map[string]*SnapHint)}
	total, files := 0, 0
	for _, entry := range slices.SortedFunc(slices.Values(z.File), func(a, b *zip.File) int { return cmp.Compare(a.Name, b.Name) }) {
		if !mayInstall(entry.Name) || !entry.Mode().IsRegular() {
			continue
		}
		if files++; files > maxHintFiles || total > maxHintTotal {
			break
		}
		text, err := readEntry(entry, maxHintFile)
		// What was unpacked of a file that is too long has cost as much.
		total += max(len(text), maxHintFile/16)
		if err == nil {
			f.file(path.Base(entry.Name), string(text))
		}
	}
	return f.result()
}

// mayInstall says whether a file of a charm can be its own code. Libraries speak of other snaps in their examples.
func mayInstall(name string) bool {
	folder, base := path.Split(name)
	top, _, _ := strings.Cut(folder, "/")
	switch path.Ext(base) {
	case ".py":
		return top == "" || top == "src" || top == "reactive" || top == "hooks" || top == "actions" || top == "lib" && !strings.HasPrefix(folder, "lib/charms/")
	case ".toml", ".json", ".yaml", ".yml":
		return (folder == "" || top == "src" || top == "templates") && (path.Ext(base) == ".toml" || strings.Contains(base, "snap"))
	case ".sh", "":
		return folder == "hooks/" || folder == "src/" || folder == "scripts/"
	}
	return false
}

// finder collects hints.
type finder struct {
	hints  map[string]*SnapHint
	unsure map[string]bool // snaps whose revision is told differently in two places
}

func (f *finder) file(base, text string) {
	switch path.Ext(base) {
	case ".toml":
		f.toml(text)
	case ".json", ".yaml", ".yml":
		f.tree(text)
	case ".py":
		f.python(text)
	default:
		f.shell(text)
	}
}

// add notes a snap, with what is told of it. A name that cannot be one, or a channel or revision, is not noted.
func (f *finder) add(name, ch string, revisions map[string]int) {
	if !isSnapName(name) {
		return
	}
	h := f.hints[name]
	if h == nil {
		if len(f.hints) >= maxHints {
			return
		}
		h = &SnapHint{Name: name}
		f.hints[name] = h
	}
	if _, err := channel.Parse(ch); err == nil && h.Channel == "" {
		h.Channel = ch
	}
	for arch, n := range revisions {
		if have, ok := h.Revisions[arch]; ok && have != n {
			f.doubt(name)
		}
		if h.Revisions == nil {
			h.Revisions = make(map[string]int)
		}
		h.Revisions[arch] = n
	}
}

func (f *finder) doubt(name string) {
	if f.unsure == nil {
		f.unsure = make(map[string]bool)
	}
	f.unsure[name] = true
}

// result is what was found, by name. A revision that is told in two ways is not told at all.
func (f *finder) result() []SnapHint {
	var out []SnapHint
	for _, name := range slices.Sorted(maps.Keys(f.hints)) {
		h := *f.hints[name]
		if f.unsure[name] {
			h.Revisions = nil
		}
		if len(h.Revisions) > 1 {
			delete(h.Revisions, "")
		}
		out = append(out, h)
	}
	return out
}

// debian is the architecture that Python's platform.machine() and others call arch; "" if it is none that Juju knows.
func debian(arch string) string {
	switch arch {
	case "x86_64":
		return "amd64"
	case "aarch64":
		return "arm64"
	case "ppc64le":
		return "ppc64el"
	}
	if slices.Contains(architectures(), arch) {
		return arch
	}
	return ""
}

var archRevision = regexp.MustCompile(`["']?([a-z0-9_]+)["']?\s*[:=]\s*["']?([0-9]{1,9})\b`)

// byArchitecture reads pairs such as "x86_64": "96", of Python, TOML or YAML.
func byArchitecture(text string) map[string]int {
	out := make(map[string]int)
	for _, m := range archRevision.FindAllStringSubmatch(text, -1) {
		if arch := debian(m[1]); arch != "" {
			maps.Copy(out, revisionOf(arch, m[2]))
		}
	}
	return out
}

// revisionOf is digits as the revision for arch, or nil if they are none.
func revisionOf(arch, digits string) map[string]int {
	n, err := strconv.Atoi(digits)
	if err != nil || validateRevision(n, 1) != nil {
		return nil
	}
	return map[string]int{arch: n}
}
