package settings

import "slices"

// Row is a setting in a listing, for JSON.
type Row struct {
	Key     string `json:"key"`
	Value   string `json:"value"`
	IsSet   bool   `json:"is-set"`
	Secret  bool   `json:"secret"`
	Restart bool   `json:"needs-restart"`
	About   string `json:"about"`
}

// Rows returns all settings, sorted by name, with Redacted in place of secrets.
func (s *Settings) Rows() (rows []Row) {
	for _, e := range s.List() {
		rows = append(rows, Row{e.Name, e.Value, e.IsSet, e.Secret, e.NeedsRestart(), e.Doc})
	}
	return rows
}

// Row returns a setting. If reveal is false, Redacted takes the place of secrets, and hidden reports whether there are any. If there
// is no such setting, the error is an *UnknownKeyError.
func (s *Settings) Row(name string, reveal bool) (row Row, hidden bool, err error) {
	value, err := s.Get(name)
	if err != nil {
		return Row{}, false, err
	}
	rows := s.Rows()
	row = rows[slices.IndexFunc(rows, func(r Row) bool { return r.Key == name })]
	if reveal {
		row.Value = value
	}
	return row, row.Value != value, nil
}
