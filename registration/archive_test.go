package registration_test

import (
	"archive/tar"
	"bytes"
	"errors"
	"testing"

	"offlinestore/registration"
)

func TestArchive(t *testing.T) {
	t.Parallel()
	s := newSample(t)
	snap := file("offline-snap-store/snapd_1.snap", bytes.Repeat([]byte("hsqs"), 1000))
	for name, archive := range map[string][]byte{
		"stream": targz(t, snap, file("./offline-snap-store/proxy.assert", s.stream(t, storeURL, nil))),
		"bundle": targz(t, file("offline-snap-store/proxy.assert", []byte("for older versions")), snap, file("offline-snap-store/registration_bundle.b64", pack(t, s.fields(t)))),
	} {
		c, err := registration.ReadArchive(bytes.NewReader(archive))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if r, err := verify(c, s); err != nil || r.StoreID != "store1" || (r.PrivateKey != "") != (name == "bundle") {
			t.Errorf("%s: %+v, %v", name, r, err)
		}
	}
}

func TestRefusedArchives(t *testing.T) {
	t.Parallel()
	s := newSample(t)
	stream := file("offline-snap-store/proxy.assert", s.stream(t, storeURL, nil))
	good := targz(t, stream)
	flipped := bytes.Clone(good)
	flipped[len(flipped)-6] ^= 1 // in the checksum
	for name, c := range map[string]struct {
		archive []byte
		want    error
	}{
		"empty":             {nil, registration.ErrFormat},
		"no archive":        {[]byte("hello"), registration.ErrFormat},
		"without it":        {targz(t, file("offline-snap-store/install.sh", nil)), registration.ErrNoStore},
		"elsewhere":         {targz(t, file("other/proxy.assert", []byte("type: store"))), registration.ErrNoStore},
		"cut off":           {good[:len(good)-20], registration.ErrFormat},
		"flipped":           {flipped, registration.ErrFormat},
		"something follows": {append(bytes.Clone(good), "more"...), registration.ErrFormat},
		"another follows":   {append(bytes.Clone(good), good...), registration.ErrFormat},
		"twice":             {targz(t, stream, stream), registration.ErrFormat},
		"way out":           {targz(t, stream, file("offline-snap-store/../../etc/passwd", nil)), registration.ErrFormat},
		"way out, back in":  {targz(t, file("x/../offline-snap-store/proxy.assert", nil)), registration.ErrFormat},
		"absolute":          {targz(t, stream, file("/etc/passwd", nil)), registration.ErrFormat},
		"link":              {targz(t, tar.Header{Name: "offline-snap-store/proxy.assert", Typeflag: tar.TypeSymlink, Linkname: "/etc/shadow"}), registration.ErrFormat},
		"large":             {targz(t, file("offline-snap-store/proxy.assert", make([]byte, registration.MaxStream+1))), registration.ErrFormat},
	} {
		if _, err := registration.ReadArchive(bytes.NewReader(c.archive)); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
}
