package cli

import "runtime/debug"

// version is set by the linker for a release.
var version = ""

// Version is the version of the program: that of the release, or of the commit that it was built from.
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
