package canonical_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"

	"offlinestore/blob"
	"offlinestore/bundle"
	"offlinestore/internal/canonicaltest"
)

func TestReadExportRefuses(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	nested := func(members ...member) string { return tarGz(t, member{"app.tar.gz", tarGz(t, members...)}) }
	app := member{"app_20.charm", canonicaltest.AppCharm(t)}
	good := tarGz(t, member{"bundle.yaml", canonicaltest.AskFor}, member{"app.tar.gz", tarGz(t, canonicaltest.AppMembers(t)...)})
	for name, c := range map[string]struct{ file, want string }{
		"empty":               {"", "cut off"},
		"not compressed":      {canonicaltest.Tar(t, app), "damaged"},
		"no charm":            {tarGz(t, member{"bundle.yaml", canonicaltest.AskFor}), "no charm"},
		"cut off":             {good[:len(good)/2], "cut off"},
		"cut off at the end":  {good[:len(good)-3], "cut off"},
		"altered":             {good[:len(good)-6] + "x" + good[len(good)-5:], "checksum"},
		"more after it":       {good + "x", ""},
		"another after it":    {good + canonicaltest.Gzip(t, "x"), "after the end"},
		"nested cut off":      {tarGz(t, member{"app.tar.gz", tarGz(t, app)[:100]}), "cut off"},
		"nested not gzip":     {tarGz(t, member{"app.tar.gz", "nothing"}), "app.tar.gz"},
		"no zip":              {nested(member{"app_20.charm", "nothing"}), "zip"},
		"another name":        {nested(member{"other_20.charm", canonicaltest.AppCharm(t)}), "calls itself app"},
		"two charms":          {nested(app, member{"other_1.charm", canonicaltest.AppCharm(t)}), "one charm too many"},
		"twice":               {tarGz(t, member{"a.tar.gz", tarGz(t, app)}, member{"b.tar.gz", tarGz(t, app)}), "twice"},
		"bad resource name":   {nested(app, member{"resources/app.data", "x"}), "resource"},
		"resource twice":      {nested(app, member{"resources/app.data_1", "x"}, member{"resources/app.data_2", "x"}), "twice"},
		"image without a ref": {nested(app, member{"resources/app.image_1", `{"Password":"s3cr3t"}`}), "image"},
		"large image blob":    {nested(app, member{"resources/app.image_1", strings.Repeat("s3cr3t", 20000)}), "too many"},
		"metadata not JSON":   {nested(app, member{"metadata.json", "{"}), "JSON"},
		"metadata too full":   {nested(app, member{"metadata.json", "[" + strings.Repeat("0,", 300_000) + "0]"}), "values"},
		"metadata too large":  {nested(app, member{"metadata.json", strings.Repeat(" ", 9<<20)}), "limit"},
		"another digest": {nested(app, member{"metadata.json", `{"id":"abc","name":"app","revision":20,"download":{"hash-sha-256":"` + strings.Repeat("0", 64) + `"}}`}),
			"another SHA-256"},
		"bundle.yaml is none": {tarGz(t, member{"bundle.yaml", "a: b\n"}, member{"app.tar.gz", tarGz(t, app)}), "applications"},
		"bad channel":         {tarGz(t, member{"bundle.yaml", "applications: {a: {charm: app, channel: a/b/c}}"}, member{"app.tar.gz", tarGz(t, app)}), "channel"},
		"many entries":        {tarGz(t, slices.Repeat([]member{{"notes", ""}}, 4001)...), "more than 4000"},
		"link":                {canonicaltest.Gzip(t, linkTar(t)), "no plain file"},
	} {
		_, err := s.read(canonicaltest.FileName, c.file)
		var mismatch *bundle.MismatchError
		if !errors.Is(err, bundle.ErrCorrupt) && !errors.As(err, &mismatch) || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "s3cr3t") {
			t.Errorf("%s: ReadExport = %v, want a refusal that names %q", name, err, c.want)
		}
	}
	s.keepsNo("s3cr3t\"}")
}

func linkTar(t testing.TB) string {
	t.Helper()
	b := []byte(canonicaltest.Tar(t, member{"app_20.charm", ""}))
	b[156] = '2' // the type: a symbolic link
	copy(b[148:156], "        ")
	sum := 0
	for _, c := range b[:512] {
		sum += int(c)
	}
	copy(b[148:156], []byte{byte('0' + sum>>15&7), byte('0' + sum>>12&7), byte('0' + sum>>9&7), byte('0' + sum>>6&7), byte('0' + sum>>3&7), byte('0' + sum&7), 0, ' '})
	return string(b)
}

// TestReadExportBomb checks that an archive bomb is refused long before it fills the disk.
func TestReadExportBomb(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("it unpacks a gigabyte")
	}
	s := newStore(t)
	// Five gigabytes of zeros after the end of the archive's only file, in a file of five megabytes.
	_, err := s.reader().ReadExport(t.Context(), "x.tar.gz", canonicaltest.Bomb(t, 5<<30), 0, nil)
	if !errors.Is(err, bundle.ErrCorrupt) || !strings.Contains(err.Error(), "times its size") {
		t.Errorf("ReadExport of a bomb = %v, want it refused", err)
	}
}

// TestReadExportClaim checks that a file that claims more than its archive can hold is refused before any space is sought for it.
func TestReadExportClaim(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	r := s.reader()
	r.StoreBlob = func(_ io.Reader, size int64, _ func(io.ReaderAt) (blob.Digest, error)) error {
		t.Errorf("ReadExport stores %d bytes", size)
		return nil
	}
	for _, name := range []string{"app_20.charm", "resources/data_1"} {
		var b bytes.Buffer
		z := gzip.NewWriter(&b)
		w := tar.NewWriter(z)
		err := w.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: 8 << 30})
		if err == nil {
			_, err = w.Write(make([]byte, 1<<20))
		}
		if err = errors.Join(err, z.Close()); err != nil {
			t.Fatal(err)
		}
		_, err = r.ReadExport(t.Context(), "x.tar.gz", &b, int64(b.Len()), nil)
		if !errors.Is(err, bundle.ErrCorrupt) || !strings.Contains(err.Error(), "times its size") {
			t.Errorf("%s: ReadExport = %v, want it refused", name, err)
		}
	}
}

// TestReadExportUnreadable checks that an unreadable file is not reported as damaged.
func TestReadExportUnreadable(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	file := tarGz(t, member{"app.tar.gz", tarGz(t, canonicaltest.AppMembers(t)...)})
	disk := errors.New("the disk is on fire")
	_, err := s.reader().ReadExport(t.Context(), "x.tar.gz", io.MultiReader(strings.NewReader(file[:len(file)/2]), failingReader{disk}), 0, nil)
	if !errors.Is(err, disk) || errors.Is(err, bundle.ErrCorrupt) {
		t.Errorf("ReadExport of a file that can't be read = %v, want that and not ErrCorrupt", err)
	}
}

type failingReader struct{ err error }

func (f failingReader) Read([]byte) (int, error) { return 0, f.err }
