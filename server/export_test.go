package server

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
