package cache

import "encoding/json"

// ParseRecord lets tests read a record, and write it again.
func ParseRecord(data []byte) (again []byte, err error) {
	r, err := parseRecord(data)
	if err != nil {
		return nil, err
	}
	return json.Marshal(r)
}
