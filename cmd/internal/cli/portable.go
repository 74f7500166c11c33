package cli

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"

	"offlinestore/blob"
)

// onWindows reports whether this system's shells leave patterns to programs, and some names have other meanings.
const onWindows = runtime.GOOS == "windows"

// expandPatterns replaces each argument with * or ? in its last element by the files that match it. Upper and lower case match each other,
// as everywhere on Windows. An argument that matches nothing stays, so that the error names it. Flags stay, too.
func expandPatterns(args []string) []string {
	var out []string
	for _, arg := range args {
		found := matches(arg)
		if found == nil {
			found = []string{arg}
		}
		out = append(out, found...)
	}
	return out
}

func matches(arg string) (found []string) {
	dir, pattern := filepath.Split(arg)
	if strings.HasPrefix(arg, "-") || !strings.ContainsAny(pattern, "*?") {
		return nil
	}
	entries, err := os.ReadDir(filepath.Clean(dir))
	if err != nil {
		return nil
	}
	pattern = strings.ReplaceAll(strings.ToLower(pattern), "[", "[[]") // a bracket is a plain character there
	for _, e := range entries {
		if blob.IsForeign(e.Name()) {
			continue
		}
		if ok, err := filepath.Match(pattern, strings.ToLower(e.Name())); ok && err == nil {
			path := dir + e.Name()
			if strings.HasPrefix(path, "-") {
				path = "." + string(filepath.Separator) + path // a file of somebody else's choice is no flag
			}
			found = append(found, path)
		}
	}
	return found
}

// CheckOutput returns a usage error about a path that a flag names for writing, if Windows would take it for something else than its
// file or folder. On other systems, every path is good.
func CheckOutput(flag, path string) error {
	if !onWindows {
		return nil
	}
	if err := validateWindowsPath(path); err != nil {
		return Usagef("--%s %q: %w", flag, path, err)
	}
	return nil
}

// windowsVolume matches the start of a path that names a disk, or that is in the long form of a share or of a disk without a letter.
var windowsVolume = regexp.MustCompile(`(?i)^(?:(?:\\\\[?.]\\)?[a-z]:|\\\\[?.]\\(?:UNC|Volume\{[0-9a-f-]+\})(?:\\|$))`)

// validateWindowsPath validates a path by the rules of Windows.
func validateWindowsPath(path string) error {
	path = path[len(windowsVolume.FindString(path)):]
	for _, name := range strings.FieldsFunc(path, func(r rune) bool { return r == '/' || r == '\\' }) {
		switch {
		case name == "." || name == "..":
		case blob.IsDevice(name):
			return fmt.Errorf("%q is a device on Windows, not a file", name)
		case strings.Contains(name, ":"):
			return fmt.Errorf("%q: Windows writes into a hidden part of another file after a colon", name)
		case strings.HasSuffix(name, ".") || strings.HasSuffix(name, " "):
			return fmt.Errorf("%q: Windows removes dots and spaces at the end of a name", name)
		case strings.ContainsAny(name, `<>"|?*`) || strings.ContainsFunc(name, func(r rune) bool { return r < ' ' }):
			return fmt.Errorf("%q: Windows forbids control characters and < > \" | ? * in names", name)
		}
	}
	return nil
}
