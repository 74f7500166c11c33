// Package conninfo reads and edits PostgreSQL connections in the forms that operators write: URLs, or words like host=… dbname=….
//
// It works on the text. Package url does not support several hosts, and a URL that is put together anew has other escapes.
package conninfo

import (
	"errors"
	"net/url"
	"regexp"
	"strings"
)

var (
	errConnection  = errors.New("not a PostgreSQL connection: want postgres://user:password@host:port/database, or host=… user=… password=… dbname=…")
	errPasswordURL = errors.New("not a URL: escape special characters in the password (@ is %40, / is %2F, % is %25)")
)

// validWord matches the name of a parameter.
var validWord = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_.-]*$`)

func isURL(v string) bool {
	return strings.HasPrefix(v, "postgres://") || strings.HasPrefix(v, "postgresql://")
}

// Validate reports whether v has the form of a connection. It does not connect: the database may be reachable from another host
// alone. Its errors don't quote v, since that may be the password.
func Validate(v string) error {
	if !isURL(v) {
		_, err := words(v)
		return err
	}
	u, err := url.Parse(oneHost(v))
	if err != nil {
		return errPasswordURL
	}
	if _, err := url.ParseQuery(u.RawQuery); err != nil {
		return errPasswordURL
	}
	// A password with an unescaped / or ? ends up here, and would be shown.
	if strings.Contains(v, "#") || strings.Contains(u.EscapedPath(), "@") || strings.Contains(u.RawQuery, "@") {
		return errPasswordURL
	}
	return nil
}

// oneHost returns the URL with a single one of its hosts, since package url knows no lists. It chooses a host that package url
// rejects, if there is one.
func oneHost(v string) string {
	scheme, authority, tail := cutURL(v)
	user, hosts := "", authority
	if at := strings.LastIndexByte(authority, '@'); at >= 0 {
		user, hosts = authority[:at+1], authority[at+1:]
	}
	list := strings.Split(hosts, ",")
	for _, h := range list[1:] {
		if _, err := url.Parse("postgres://" + h); err != nil {
			return scheme + "://" + user + h + tail
		}
	}
	return scheme + "://" + user + list[0] + tail
}

// cutURL splits a URL into its scheme, the part before the path, and the rest.
func cutURL(v string) (scheme, authority, tail string) {
	scheme, rest, _ := strings.Cut(v, "://")
	end := strings.IndexAny(rest, "/?")
	if end < 0 {
		end = len(rest)
	}
	return scheme, rest[:end], rest[end:]
}

// word is a parameter: its value is text[start:end], with the quotes around it.
type word struct {
	name       string
	start, end int
}

// words splits a text like "host=a password='b c'".
func words(v string) ([]word, error) {
	var list []word
	for i := skipSpace(v, 0); i < len(v); i = skipSpace(v, i) {
		eq := strings.IndexByte(v[i:], '=')
		if eq < 0 {
			return nil, errConnection
		}
		w := word{name: strings.TrimRight(v[i:i+eq], " \t\n\v\f\r"), start: skipSpace(v, i+eq+1)}
		if !validWord.MatchString(w.name) {
			return nil, errConnection
		}
		if w.end = endOfValue(v, w.start); w.end < 0 {
			return nil, errConnection
		}
		list = append(list, w)
		i = w.end
	}
	if len(list) == 0 {
		return nil, errConnection
	}
	return list, nil
}

func isSpace(c byte) bool { return c == ' ' || '\t' <= c && c <= '\r' }

func skipSpace(v string, i int) int {
	for i < len(v) && isSpace(v[i]) {
		i++
	}
	return i
}

// endOfValue returns the end of the value that begins at i, or -1 if it does not end. A backslash takes the next character's
// meaning away, inside quotes and outside.
func endOfValue(v string, i int) int {
	quoted := i < len(v) && v[i] == '\''
	if quoted {
		i++
	}
	for ; i < len(v); i++ {
		switch {
		case v[i] == '\\':
			i++
		case quoted && v[i] == '\'':
			if i++; i < len(v) && !isSpace(v[i]) {
				return -1
			}
			return i
		case !quoted && isSpace(v[i]):
			return i
		}
	}
	if quoted || i > len(v) {
		return -1
	}
	return i
}
