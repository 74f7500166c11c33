package conninfo

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
)

// logins returns the parameters that hold a user's secret, or the place of one.
func logins() []string { return []string{"password", "passfile", "service", "sslcert", "sslkey"} }

// LacksPassword reports whether a connection has neither a password nor another way to log in. Servers on a Unix socket mostly
// need none.
func LacksPassword(connection string) bool {
	if Validate(connection) != nil {
		return false
	}
	if isURL(connection) {
		u, err := url.Parse(oneHost(connection))
		if err != nil {
			return false
		}
		_, set := u.User.Password()
		return !set && !slices.ContainsFunc(logins(), u.Query().Has)
	}
	list, _ := words(connection)
	return !slices.ContainsFunc(list, func(w word) bool { return slices.Contains(logins(), strings.ToLower(w.name)) })
}

// WithPassword returns a connection that lacks a password with one.
func WithPassword(connection, password string) string {
	if !isURL(connection) {
		// The password is the first word, since the last word may have no value, and would take it.
		return "password='" + strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(password) + "' " + connection
	}
	scheme, authority, tail := cutURL(connection)
	user, hosts, ok := strings.Cut(authority, "@")
	if ok && user != "" {
		return scheme + "://" + strings.TrimSuffix(user, ":") + ":" + escape(password) + "@" + hosts + tail
	}
	// If there is no user, or the user is a parameter, the password has to be a parameter too.
	before, query, _ := strings.Cut(connection, "?")
	with := before + "?password=" + escape(password)
	if query != "" {
		with += "&" + query
	}
	return with
}

// Redact returns v with mask in place of each password. If v is no valid connection, all of it is masked.
func Redact(v, mask string) string {
	switch {
	case Validate(v) != nil:
		return mask
	case isURL(v):
		return redactURL(v, mask)
	}
	list, _ := words(v)
	for _, w := range slices.Backward(list) {
		if isPassword(w.name) {
			v = v[:w.start] + mask + v[w.end:]
		}
	}
	return v
}

func redactURL(v, mask string) string {
	scheme, authority, tail := cutURL(v)
	if user, hosts, ok := cutPassword(authority); ok {
		authority = user + ":" + mask + hosts
	}
	path, query, ok := strings.Cut(tail, "?")
	if !ok {
		return scheme + "://" + authority + path
	}
	params := strings.Split(query, "&")
	for i, p := range params {
		if plain, err := parameterName(p); err != nil || isPassword(plain) {
			name, _, _ := strings.Cut(p, "=")
			params[i] = name + "=" + mask
		}
	}
	return scheme + "://" + authority + path + "?" + strings.Join(params, "&")
}

// cutPassword splits user:password@hosts, and reports whether there is a password. hosts begins with the @.
func cutPassword(authority string) (user, hosts string, ok bool) {
	at := strings.LastIndexByte(authority, '@')
	if at < 0 {
		return "", authority, false
	}
	user, _, ok = strings.Cut(authority[:at], ":")
	return user, authority[at:], ok
}

// parameterName returns the name of one parameter in a URL.
func parameterName(p string) (string, error) {
	name, _, _ := strings.Cut(p, "=")
	return url.QueryUnescape(name)
}

func isPassword(name string) bool { return strings.Contains(strings.ToLower(name), "password") }

// ForCommandLine returns a connection for the command line of PostgreSQL's own programs. It has no password, since everyone can
// read a command line, and none of the parameters that only pgx knows.
func ForCommandLine(v string) (string, error) {
	if isURL(v) {
		return urlForCommandLine(v), nil
	}
	list, err := words(v)
	if err != nil {
		return "", err
	}
	var kept []string
	for _, w := range list {
		if isForCommandLine(w.name) {
			kept = append(kept, w.name+"="+v[w.start:w.end])
		}
	}
	return strings.Join(kept, " "), nil
}

func urlForCommandLine(v string) string {
	scheme, authority, tail := cutURL(v)
	if user, hosts, ok := cutPassword(authority); ok {
		authority = user + hosts
	}
	path, query, ok := strings.Cut(tail, "?")
	if !ok {
		return scheme + "://" + authority + path
	}
	var kept []string
	for p := range strings.SplitSeq(query, "&") {
		if plain, err := parameterName(p); err == nil && isForCommandLine(plain) {
			kept = append(kept, p)
		}
	}
	return scheme + "://" + authority + path + "?" + strings.Join(kept, "&")
}

// pgxPrefixes are the beginnings of the parameters that pgx has and libpq rejects.
var pgxPrefixes = [...]string{"pool_", "default_query_exec_mode", "statement_cache_capacity", "description_cache_capacity", "min_read_buffer_size"}

// isForCommandLine reports whether libpq knows a parameter that holds no secret.
func isForCommandLine(name string) bool {
	name = strings.ToLower(strings.TrimSpace(name))
	for _, prefix := range pgxPrefixes {
		if strings.HasPrefix(name, prefix) {
			return false
		}
	}
	return !isPassword(name)
}

// escape writes every character except letters and digits as %XX, which every part of a URL and every reader understands. Not every
// reader understands a + for a space.
func escape(s string) string {
	var out strings.Builder
	for _, c := range []byte(s) {
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9':
			out.WriteByte(c)
		default:
			fmt.Fprintf(&out, "%%%02X", c)
		}
	}
	return out.String()
}
