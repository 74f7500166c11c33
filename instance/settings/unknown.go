package settings

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"offlinestore/nearest"
)

// UnknownKeyError reports a name that no setting has.
type UnknownKeyError struct {
	Name string
	// Nearest is the most similar name, or empty.
	Nearest string
	// Obsolete is the reason why a setting of the original has no meaning here, or empty.
	Obsolete string
}

// Error names the most similar setting, or the reason.
func (e *UnknownKeyError) Error() string {
	switch {
	case e.Obsolete != "":
		return fmt.Sprintf("%s has no meaning here: %s", e.Name, e.Obsolete)
	case e.Nearest == "":
		return fmt.Sprintf("unknown setting %.80q", e.Name)
	}
	return fmt.Sprintf("unknown setting %.80q; did you mean %s?", e.Name, e.Nearest)
}

// Lookup returns the setting of a name, or an *UnknownKeyError.
func Lookup(name string) (Key, error) {
	keys := Keys()
	if i := slices.IndexFunc(keys, func(k Key) bool { return k.Name == name }); i >= 0 {
		return keys[i], nil
	}
	if why, ok := Obsolete()[name]; ok {
		return Key{}, &UnknownKeyError{Name: name, Obsolete: why}
	}
	return Key{}, &UnknownKeyError{Name: name, Nearest: nearestKey(name, keys)}
}

// nearestKey returns the key that name is most likely a slip for: a key that contains it, or one with few other letters.
func nearestKey(name string, keys []Key) string {
	const longest = 80
	if name == "" || len(name) > longest {
		return ""
	}
	name = strings.ToLower(name)
	away := func(k Key) int {
		if strings.HasSuffix(k.Name, "."+name) || strings.HasPrefix(k.Name, name+".") {
			return 0
		}
		return min(nearest.Distance(name, k.Name), nearest.Distance(sortWords(name), sortWords(k.Name)))
	}
	k := slices.MinFunc(keys, func(a, b Key) int { return cmp.Compare(away(a), away(b)) })
	if away(k) > len(k.Name)/2 {
		return ""
	}
	return k.Name
}

// sortWords sorts the words of a key, so that keys with the same words are equal.
func sortWords(name string) string {
	words := strings.Split(name, ".")
	slices.Sort(words)
	return strings.Join(words, ".")
}
