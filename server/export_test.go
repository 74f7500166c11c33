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

// Routes returns the method and path of each route of a server, and the paths of the administration.
func (s *Server) Routes() []string {
	var list []string
	for _, r := range s.table() {
		list = append(list, r.method+" "+r.path)
	}
	return append(list, administrationPaths...)
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
