package settings

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// The settings that there are.
const (
	Domain             = "proxy.domain"
	DBConnection       = "proxy.db.connection"
	DBServerConnection = "proxy.db.server-connection"
	HTTPPort           = "proxy.port.http"
	IPAddress          = "proxy.ipaddress"
	RegistryBuiltin    = "proxy.oci-registry.builtin"
	RegistryDomain     = "proxy.oci-registry.domain"
	RegistryListen     = "proxy.oci-registry.listen"
	RegistryPassword   = "proxy.oci-registry.password"
	RegistryUsername   = "proxy.oci-registry.username"
)

// Key is a setting that there is.
type Key struct {
	Name string
	// Default is the value while none is set.
	Default string
	// Doc says in a line what the setting is for.
	Doc string
	// Kind is what values it takes.
	Kind Kind
	// Secret is set if listings must not show the value; of a KindConnection they hide the password alone.
	Secret bool
}

// Keys is all settings that there are, sorted by name. A new setting is a new row here.
func Keys() []Key {
	return []Key{
		{DBConnection, "", "PostgreSQL database of the store (13 or newer); a private cluster is run while unset", KindConnection, true},
		{DBServerConnection, "", "how serve logs in to that database: a role that can only SELECT will do", KindConnection, true},
		{Domain, "", "host, and port unless it is the usual, in the URLs given to devices; the one they asked for while unset", KindDomain, false},
		{IPAddress, "[::]", "address that serve listens on", KindAddress, false},
		{RegistryBuiltin, "", "whether serve is a registry for the images of charms; while unset, it is one unless a domain is set", KindBool, false},
		{RegistryDomain, "", "host, and port unless it is the usual, of the registry that has the images of charms; the built-in one's while unset", KindDomain, false},
		{RegistryListen, "[::]:5000", "address and port that the built-in registry listens on", KindListen, false},
		{RegistryPassword, "", "password of that registry, which Charmhub clients are told; the built-in one asks for it", KindText, true},
		{RegistryUsername, "", "user name for that registry", KindUser, false},
		{HTTPPort, "80", "port that serve listens on", KindPort, false},
	}
}

// UnknownKeyError is that there is no setting of a name.
type UnknownKeyError struct {
	Name string
	// Nearest is the setting that may have been meant, or empty.
	Nearest string
}

// Error names the setting that may have been meant.
func (e *UnknownKeyError) Error() string {
	if e.Nearest == "" {
		return fmt.Sprintf("there is no setting %.80q", e.Name)
	}
	return fmt.Sprintf("there is no setting %.80q; did you mean %s?", e.Name, e.Nearest)
}

func lookup(name string) (Key, error) {
	keys := Keys()
	if i := slices.IndexFunc(keys, func(k Key) bool { return k.Name == name }); i >= 0 {
		return keys[i], nil
	}
	return Key{}, &UnknownKeyError{name, nearest(name, keys)}
}

// nearest is the key that name is most likely a slip for: part of a key, or few letters away from one.
func nearest(name string, keys []Key) string {
	const longest = 80
	if name == "" || len(name) > longest {
		return ""
	}
	name = strings.ToLower(name)
	away := func(k Key) int {
		if strings.HasSuffix(k.Name, "."+name) || strings.HasPrefix(k.Name, name+".") {
			return 0
		}
		return min(distance(name, k.Name), distance(sortWords(name), sortWords(k.Name)))
	}
	k := slices.MinFunc(keys, func(a, b Key) int { return cmp.Compare(away(a), away(b)) })
	if away(k) > len(k.Name)/2 {
		return ""
	}
	return k.Name
}

// sortWords makes a key with its words in another order the same.
func sortWords(name string) string {
	words := strings.Split(name, ".")
	slices.Sort(words)
	return strings.Join(words, ".")
}

// distance is how many letters must be added, removed or changed to make b of a (Levenshtein).
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			changed := diagonal
			if a[i] != b[j] {
				changed++
			}
			diagonal = row[j+1]
			row[j+1] = min(changed, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
