package instance

import (
	"time"

	"offlinestore/audit"
)

// NoteImageToken records that a token for the private snaps of a store was made. It comes before the token leaves the program, because nothing takes a
// token back but another secret.
func (in *Instance) NoteImageToken(store string, expires time.Time) error {
	return in.Dir.note(&audit.Act{What: "image-token", Subject: store, After: map[string]string{"expires": expires.UTC().Format(time.RFC3339)}})
}
