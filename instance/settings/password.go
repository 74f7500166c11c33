package settings

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
)

// logins are the parameters of a connection string that say by what its user logs in, or where that is found.
func logins() []string { return []string{"password", "passfile", "service", "sslcert", "sslkey"} }

// LacksPassword says whether a connection string has neither a password nor another way to log in. A server may be content
// without: on a Unix socket most are.
func LacksPassword(connection string) bool {
	if checkConnection(connection) != nil {
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

// WithPassword is a connection string that lacks a password, with one.
func WithPassword(connection, password string) string {
	if !isURL(connection) {
		// In front, since the last word may have no value, and would take this one.
		return "password='" + strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(password) + "' " + connection
	}
	scheme, authority, tail := cutURL(connection)
	user, hosts, ok := strings.Cut(authority, "@")
	if ok && user != "" {
		return scheme + "://" + strings.TrimSuffix(user, ":") + ":" + escape(password) + "@" + hosts + tail
	}
	// Without a user, or with one that is a parameter, the password has to be one too.
	before, query, _ := strings.Cut(connection, "?")
	with := before + "?password=" + escape(password)
	if query != "" {
		with += "&" + query
	}
	return with
}

// escape writes all but letters and digits as %XX, which all parts of a URL and all readers of one understand. A space as + isn't.
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
