package image

import "strings"

// archNames has the architectures that Debian and images name otherwise.
var archNames = [][2]string{{"armhf", "arm"}, {"i386", "386"}, {"ppc64el", "ppc64le"}}

// Architecture returns the name that images use for a Debian architecture.
func Architecture(debian string) string {
	if debian == "armel" {
		return "arm"
	}
	for _, n := range archNames {
		if n[0] == debian {
			return n[1]
		}
	}
	return debian
}

// DebianArchitecture returns the Debian architecture of a platform, such as linux/arm/v7.
func DebianArchitecture(platform string) string {
	_, arch, _ := strings.Cut(platform, "/")
	arch, variant, _ := strings.Cut(arch, "/")
	if arch == "arm" && (variant == "v5" || variant == "v6") {
		return "armel"
	}
	for _, n := range archNames {
		if n[1] == arch {
			return n[0]
		}
	}
	return arch
}
