package wanted

import (
	"encoding/json"

	"github.com/opencontainers/go-digest"
)

// Digest identifies the items that the file asks for. The models of the file have been read. It depends neither on the comments of the text nor on
// members without a value.
func (f *File) Digest() (digest.Digest, error) {
	g := *f
	g.Models = nil
	for _, m := range f.Models {
		m.File = "" // its text counts
		g.Models = append(g.Models, m)
	}
	g.Receivers = nil // they change neither the items nor their revisions
	raw, err := json.Marshal(g)
	if err != nil {
		return "", err
	}
	var all any
	if err := json.Unmarshal(raw, &all); err != nil {
		return "", err
	}
	canonical, err := json.Marshal(compact(all))
	return digest.FromBytes(canonical), err
}

// compact removes the members without a value from a decoded JSON value, so that a member that is new in a later program changes no digest.
func compact(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for key, value := range v {
			if value = compact(value); isEmpty(value) {
				delete(v, key)
			} else {
				v[key] = value
			}
		}
		return v
	case []any:
		for i := range v {
			v[i] = compact(v[i])
		}
		return v
	}
	return v
}

func isEmpty(v any) bool {
	switch v := v.(type) {
	case nil:
		return true
	case string:
		return v == ""
	case float64:
		return v == 0
	case []any:
		return len(v) == 0
	case map[string]any:
		return len(v) == 0
	}
	return false // false is not true, which a missing member may mean
}
