package registration_test

import (
	"bytes"
	"testing"

	"offlinestore/internal/assertiontest"
	"offlinestore/registration"
)

func FuzzParseURL(f *testing.F) {
	for _, s := range []string{"https://snaps.example.internal:8443", "http://[::1]/", "https://u:p@h/?q#f"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		u, err := registration.ParseURL(s)
		if err != nil {
			return
		}
		again, err := registration.ParseURL(u.String())
		if err != nil || *again != *u {
			t.Errorf("%q is %v, which is %v (%v) again", s, u, again, err)
		}
	})
}

// FuzzReadArchive reads every form of a claim, and checks that only claims with good signatures verify.
func FuzzReadArchive(f *testing.F) {
	s := newSample(f)
	stream := s.stream(f, storeURL, nil)
	f.Add(targz(f, file("offline-snap-store/proxy.assert", stream)))
	f.Add(stream)
	f.Add(pack(f, s.fields(f)))
	f.Fuzz(func(t *testing.T, text []byte) {
		for _, parse := range []func([]byte) (*registration.Claim, error){registration.ParseStream, registration.ParseBundle, readArchive} {
			c, err := parse(text)
			if err != nil {
				continue
			}
			r, err := registration.Verify(c, s.stack.Trust(), "", assertiontest.Time())
			if err == nil && (r.StoreID != "store1" || r.URL != storeURL) {
				t.Errorf("%q at %q was believed", r.StoreID, r.URL)
			}
		}
	})
}

func readArchive(text []byte) (*registration.Claim, error) {
	return registration.ReadArchive(bytes.NewReader(text))
}
