// Package snaphint guesses from the code of charms which snaps they install.
package snaphint

import (
	"archive/zip"
	"cmp"
	"context"
	"io"
	"maps"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"

	"offlinestore/channel"
	"offlinestore/charm"
)

// Limits of the files that Find reads.
const (
	maxHintFile  = 256 << 10
	maxHintFiles = 64
	maxHintTotal = 2 << 20
	// maxHintCalls bounds the calls and commands in all files that are read closely.
	maxHintCalls = 2000
)

// Find returns the snaps that a charm's own files seem to install, sorted by name. They are hints for the operator: code can compute
// a name that no pattern sees. So Find passes over files that it cannot read. It fails only if the archive is no zip file, or if ctx
// ends.
func Find(ctx context.Context, r io.ReaderAt, size int64) ([]charm.SnapHint, error) {
	z, err := charm.OpenZip(r, size)
	if err != nil {
		return nil, err
	}
	f := &finder{hints: make(map[string]*charm.SnapHint), calls: maxHintCalls}
	total, files := 0, 0
	for _, entry := range slices.SortedFunc(slices.Values(z.File), func(a, b *zip.File) int { return cmp.Compare(a.Name, b.Name) }) {
		if !mayInstall(entry.Name) || !entry.Mode().IsRegular() {
			continue
		}
		if files++; files > maxHintFiles || total > maxHintTotal {
			break
		}
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		text, err := charm.ReadEntry(entry, maxHintFile)
		// A file that is too long gives no text, but reading it has a cost, too.
		total += max(len(text), maxHintFile/16)
		if err == nil {
			f.readFile(path.Base(entry.Name), string(text))
		}
	}
	return f.result(), nil
}

// mayInstall reports whether a file of a charm can be its own code. Libraries name other snaps in their examples.
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
	// calls is the number of calls and commands that it still reads.
	calls  int
	hints  map[string]*charm.SnapHint
	unsure map[string]bool // snaps that have different revisions in two places
}

func (f *finder) readFile(base, text string) {
	switch path.Ext(base) {
	case ".toml":
		f.readTOML(text)
	case ".json", ".yaml", ".yml":
		f.readTree(text)
	case ".py":
		f.readPython(text)
	default:
		f.readShell(text)
	}
}

// isSnapName reports whether a snap can have the name.
func isSnapName(name string) bool { return (&charm.SnapHint{Name: name}).Validate() == nil }

// addHint adds a snap, or adds the channel and revisions to its existing hint. It skips invalid names, channels and revisions.
func (f *finder) addHint(name, ch string, revisions map[string]int) {
	if !isSnapName(name) {
		return
	}
	h := f.hints[name]
	if h == nil {
		if len(f.hints) >= charm.MaxSnapHints {
			return
		}
		h = &charm.SnapHint{Name: name}
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

// result returns the hints, sorted by name. It leaves out revisions that differ between places.
func (f *finder) result() []charm.SnapHint {
	var out []charm.SnapHint
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

// debian returns Debian's name of an architecture that Python's platform.machine() and others call arch. It returns "" if Juju
// does not know it.
func debian(arch string) string {
	switch arch {
	case "x86_64":
		return "amd64"
	case "aarch64":
		return "arm64"
	case "ppc64le":
		return "ppc64el"
	}
	if slices.Contains(charm.Architectures(), arch) {
		return arch
	}
	return ""
}

// lazily returns a function that compiles a pattern when it is first used. Few commands look for hints, and the patterns take milliseconds.
func lazily(pattern string) func() *regexp.Regexp {
	return sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(pattern) })
}

var archRevision = lazily(`["']?([a-z0-9_]+)["']?\s*[:=]\s*["']?([0-9]{1,9})\b`)

// byArchitecture reads pairs such as "x86_64": "96", of Python, TOML or YAML.
func byArchitecture(text string) map[string]int {
	out := make(map[string]int)
	for _, m := range archRevision().FindAllStringSubmatch(text, -1) {
		if arch := debian(m[1]); arch != "" {
			maps.Copy(out, revisionOf(arch, m[2]))
		}
	}
	return out
}

// revisionOf returns digits as the revision for arch, or nil if they are no revision.
func revisionOf(arch, digits string) map[string]int {
	n, err := strconv.Atoi(digits)
	if err != nil || n < 1 || n > charm.MaxRevision {
		return nil
	}
	return map[string]int{arch: n}
}
