package cli

import "runtime/debug"

// version holds the version of a release, which the linker sets.
var version = ""

// Version returns the version of the program: the release, or the commit that it was built from.
func Version() string {
	if version != "" {
		return version
	}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" && len(s.Value) >= 12 {
			return "0.1.0+git" + s.Value[:12]
		}
	}
	return "0.1.0"
}
