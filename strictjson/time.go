package strictjson

import (
	"regexp"
	"sync"
	"time"
)

// validTime is the form of a time in RFC 3339, with capitals. The parser of Go also accepts a comma, and hours of one digit.
var validTime = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?(Z|[+-]([01][0-9]|2[0-3]):[0-5][0-9])$`)
})

// IsTime reports whether s is a time in RFC 3339 that exists, with capitals, at most nine digits of a second, and no leap second.
func IsTime(s string) bool {
	_, err := time.Parse(time.RFC3339, s)
	return err == nil && validTime().MatchString(s)
}
