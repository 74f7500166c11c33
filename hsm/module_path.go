package hsm

import (
	"fmt"
	"os"
	"path/filepath"
)

// proxyModule is p11-kit's module that shows the tokens of all modules on a host. It is the default.
const proxyModule = "p11-kit-proxy"

// moduleDirs are the folders in which distributions keep modules. A star stands for the processor.
var moduleDirs = []string{
	"/usr/lib/*/pkcs11", "/usr/lib64/pkcs11", "/usr/lib/pkcs11", "/usr/lib/*", "/usr/lib64", "/usr/lib", "/usr/lib/softhsm", "/usr/local/lib", "/usr/local/lib/pkcs11",
	"/opt/homebrew/lib", "/opt/homebrew/lib/pkcs11",
}

// FindModule returns the path of the module that a URI names by its path or name, or the path of p11-kit's proxy.
func FindModule(u URI) (string, error) {
	if u.ModulePath != "" {
		if !filepath.IsAbs(u.ModulePath) {
			return "", fmt.Errorf("%w: the module-path %.100q is not absolute", ErrURI, u.ModulePath)
		}
		return u.ModulePath, nil
	}
	name := u.ModuleName
	if name == "" {
		name = proxyModule
	}
	for _, dir := range moduleDirs {
		for _, file := range []string{name + ".so", "lib" + name + ".so", name + ".dylib", "lib" + name + ".dylib", name} {
			found, _ := filepath.Glob(filepath.Join(dir, file)) // only a bad pattern fails
			for _, path := range found {
				if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() {
					return path, nil
				}
			}
		}
	}
	return "", fmt.Errorf("%w: there is no %s in the folders of modules; name it with ?module-path=", ErrNoModule, name)
}
