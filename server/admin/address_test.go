package admin_test

import (
	"net/http"
	"testing"

	"offlinestore/server/admin"
)

// TestAddress finds the key by which the logins of a client are limited.
func TestAddress(t *testing.T) {
	t.Parallel()
	for remote, want := range map[string]string{
		"127.0.0.1:1": "loopback", "127.0.0.2:1": "loopback", "127.255.255.254:1": "loopback", "[::1]:1": "loopback", "[::ffff:127.9.9.9]:1": "loopback",
		"192.0.2.7:1": "192.0.2.7", "[::ffff:192.0.2.7]:1": "192.0.2.7", "[2001:db8:0:1::1]:1": "2001:db8:0:1::/64",
		"[2001:db8:0:1:ffff::2]:9": "2001:db8:0:1::/64", "[fe80::1%eth0]:1": "fe80::/64",
	} {
		if got := admin.Address(&http.Request{RemoteAddr: remote}); got != want {
			t.Errorf("address of %s = %q, want %q", remote, got, want)
		}
	}
}
