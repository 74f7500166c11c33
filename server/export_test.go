package server

import "net/http"

// FieldTables returns the names in each table of fields.
func FieldTables() map[string][]string {
	return map[string][]string{
		"snapFields":           snapFields.names(),
		"revisionFields":       revisionFields.names(),
		"entityFields":         entityFields.names(),
		"charmInfoFields":      charmInfoFields.names(),
		"defaultReleaseFields": defaultReleaseFields.names(),
		"channelMapFields":     channelMapFields.names(),
		"charmRevisionFields":  charmRevisionFields.names(),
	}
}

func (t fieldTable[T]) names() []string {
	list := make([]string, len(t))
	for i, f := range t {
		list[i] = f.name
	}
	return list
}

// AddPackage adds an entry to the list of an answer n times, and returns the number of entries that fit.
func AddPackage(r *http.Request, v any, n int) (added int, err error) {
	p := packages{r: r}
	for range n {
		if err := p.add(v); err != nil {
			return len(p.list) - 1, err
		}
	}
	return len(p.list), nil
}
