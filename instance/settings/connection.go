package settings

import (
	"errors"
	"net/url"
	"regexp"
	"slices"
	"strings"
)

var (
	errConnection  = errors.New("not a PostgreSQL connection: want postgres://user:password@host:port/database, or host=… user=… password=… dbname=…")
	errPasswordURL = errors.New("not a URL: escape special characters in the password (@ is %40, / is %2F, % is %25)")
)

// validWord is the name of a parameter in a connection string.
var validWord = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_.-]*$`)

func isURL(v string) bool {
	return strings.HasPrefix(v, "postgres://") || strings.HasPrefix(v, "postgresql://")
}

// checkConnection looks at the form alone: whether there is such a database is found out by connecting to it, perhaps from
// another host. The errors of package url quote what they don't understand, and that may be the password.
func checkConnection(v string) error {
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
	// A password with a / or ? in it that isn't escaped ends up here, and would be shown.
	if strings.Contains(v, "#") || strings.Contains(u.EscapedPath(), "@") || strings.Contains(u.RawQuery, "@") {
		return errPasswordURL
	}
	return nil
}

// oneHost is a URL with one of its hosts: package url knows no lists, though it takes some. It is one that package url refuses,
// if there is any.
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

// cutURL takes a URL apart into its scheme, what is between that and the path, and the rest.
func cutURL(v string) (scheme, authority, tail string) {
	scheme, rest, _ := strings.Cut(v, "://")
	end := strings.IndexAny(rest, "/?")
	if end < 0 {
		end = len(rest)
	}
	return scheme, rest[:end], rest[end:]
}

// redact is v as a listing may show it. What it can't take apart it hides as a whole.
func (k Key) redact(v string) string {
	switch {
	case !k.Secret || v == "":
		return v
	case k.Kind != KindConnection || checkConnection(v) != nil:
		return Redacted
	case isURL(v):
		return redactURL(v)
	}
	return redactWords(v)
}

// redactURL works on the text, since a URL put together anew escapes what it shouldn't.
func redactURL(v string) string {
	scheme, authority, tail := cutURL(v)
	if at := strings.LastIndexByte(authority, '@'); at >= 0 {
		if user, _, ok := strings.Cut(authority[:at], ":"); ok {
			authority = user + ":" + Redacted + authority[at:]
		}
	}
	path, query, ok := strings.Cut(tail, "?")
	if ok {
		params := strings.Split(query, "&")
		for i, p := range params {
			name, _, _ := strings.Cut(p, "=")
			if plain, err := url.QueryUnescape(name); err != nil || isPassword(plain) {
				params[i] = name + "=" + Redacted
			}
		}
		path += "?" + strings.Join(params, "&")
	}
	return scheme + "://" + authority + path
}

func isPassword(name string) bool {
	return strings.Contains(strings.ToLower(name), "password")
}

// word is a parameter of a connection string; the value is text[start:end], with the quotes that it is in.
type word struct {
	name       string
	start, end int
}

func redactWords(v string) string {
	list, _ := words(v)
	for _, w := range slices.Backward(list) {
		if isPassword(w.name) {
			v = v[:w.start] + Redacted + v[w.end:]
		}
	}
	return v
}

// words takes a connection string like "host=a password='b c'" apart.
func words(v string) ([]word, error) {
	var list []word
	for i := skipSpace(v, 0); i < len(v); i = skipSpace(v, i) {
		eq := strings.IndexByte(v[i:], '=')
		if eq < 0 {
			return nil, errConnection
		}
		w := word{name: strings.TrimRight(v[i:i+eq], " "), start: skipSpace(v, i+eq+1)}
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

func skipSpace(v string, i int) int {
	for i < len(v) && v[i] == ' ' {
		i++
	}
	return i
}

// endOfValue is where the value that begins at i ends, or -1 where it doesn't. A backslash takes the next character's
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
			if i++; i < len(v) && v[i] != ' ' {
				return -1
			}
			return i
		case !quoted && v[i] == ' ':
			return i
		}
	}
	if quoted || i > len(v) {
		return -1
	}
	return i
}
