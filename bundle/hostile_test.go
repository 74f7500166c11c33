package bundle_test

import (
	"archive/tar"
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"
)

// hostile is a bundle signed by a trusted key that is wrong in one way. The error must contain the text want and wrap the error
// is. If is is nil, any error that refuses a bundle will do.
type hostile struct {
	name string
	edit func(f *forge)
	want string
	is   error
}

func runHostile(t *testing.T, tests []hostile) {
	t.Helper()
	runHostileOn(t, sample, tests)
}

// runHostileOn runs the tests on another sample.
func runHostileOn(t *testing.T, sample func(testing.TB) *content, tests []hostile) {
	t.Helper()
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			f := sample(t).forge()
			test.edit(f)
			plain := tarOf(f.seal(testKey()))
			for _, b := range [][]byte{plain, gzipOf(plain)} {
				_, err := receiveBytes(t, b)
				if err == nil {
					t.Fatal("it was read")
				}
				if !refused(err) || test.is != nil && !errors.Is(err, test.is) || !strings.Contains(err.Error(), test.want) {
					t.Fatalf("got %v, want one with %q", err, test.want)
				}
			}
		})
	}
}

func tarHeaderOf(name string, size int64) []byte {
	var b bytes.Buffer
	h := &tar.Header{Name: name, Size: size, Mode: 0o644, Typeflag: tar.TypeReg, Format: tar.FormatUSTAR}
	if size >= 1<<33 {
		h.Format = tar.FormatGNU
	}
	if err := tar.NewWriter(&b).WriteHeader(h); err != nil {
		panic(err)
	}
	return b.Bytes()
}

// files returns an edit of the list of files.
func files(edit func([]*forgeFile) []*forgeFile) func(*forge) {
	return func(f *forge) { f.editFiles = edit }
}

// extra inserts a file at index i.
func extra(i int, file *forgeFile) func(*forge) {
	return files(func(fs []*forgeFile) []*forgeFile { return slices.Insert(fs, i, file) })
}

func extraAt(i int, file *forgeFile) func(*forge) {
	return files(func(fs []*forgeFile) []*forgeFile { return slices.Insert(fs, at(i, fs), file) })
}

// specialFile returns a header whose kind changes the meaning of the next header.
func specialFile(kind byte, name, data string) *forgeFile {
	raw := make([]byte, 1024)
	copy(raw, tarHeaderOf(name, int64(len(data))))
	raw[156] = kind
	setChecksum(raw[:512])
	copy(raw[512:], data)
	return &forgeFile{raw: raw}
}

// lastFile is the index of a blob of the payload in the sample.
const lastFile = -1

func at(i int, fs []*forgeFile) int {
	if i == lastFile {
		return len(fs) - 1
	}
	return i
}

func headerAt(i int, edit func(*tar.Header)) func(*forge) {
	return files(func(fs []*forgeFile) []*forgeFile { fs[at(i, fs)].edit = edit; return fs })
}

func TestHostileTar(t *testing.T) {
	t.Parallel()
	var tests []hostile
	// Each test runs on the layout file, on the bundle index and on a blob of the payload.
	for place, i := range map[string]int{"layout file": 0, "index.json": 1, "bundle index": 2, "payload": lastFile} {
		link := func(kind byte) func(*tar.Header) {
			return func(h *tar.Header) { h.Typeflag, h.Linkname, h.Size = kind, "/etc/passwd", 0 }
		}
		for name, edit := range map[string]func(*tar.Header){
			"symlink":           link(tar.TypeSymlink),
			"hard link":         link(tar.TypeLink),
			"device":            link(tar.TypeChar),
			"block device":      link(tar.TypeBlock),
			"fifo":              link(tar.TypeFifo),
			"folder":            func(h *tar.Header) { h.Typeflag, h.Size, h.Name = tar.TypeDir, 0, h.Name+"/" },
			"contiguous":        func(h *tar.Header) { h.Typeflag = tar.TypeCont },
			"parent":            func(h *tar.Header) { h.Name = "../" + h.Name },
			"absolute":          func(h *tar.Header) { h.Name = "/" + h.Name },
			"dot":               func(h *tar.Header) { h.Name = "./" + h.Name },
			"upper case":        func(h *tar.Header) { h.Name = strings.ToUpper(h.Name) },
			"another mode":      func(h *tar.Header) { h.Mode = 0o4755 },
			"an owner":          func(h *tar.Header) { h.Uid = 1000 },
			"an owner's name":   func(h *tar.Header) { h.Uname = "root" },
			"GNU header":        func(h *tar.Header) { h.Format = tar.FormatGNU },
			"PAX record":        func(h *tar.Header) { h.Format, h.PAXRecords = tar.FormatPAX, map[string]string{"OFFLINE.x": "y"} },
			"longer than it is": func(h *tar.Header) { h.Size += 512 },
			"a byte longer":     func(h *tar.Header) { h.Size++ },
			"a byte shorter":    func(h *tar.Header) { h.Size-- },
			"huge":              func(h *tar.Header) { h.Size = 1<<33 - 1 },
		} {
			tests = append(tests, hostile{name: name + " for " + place, edit: headerAt(i, edit)})
		}
		tests = append(tests,
			hostile{name: "missing " + place, edit: files(func(fs []*forgeFile) []*forgeFile { return slices.Delete(fs, at(i, fs), at(i, fs)+1) })},
			hostile{name: "double " + place, edit: files(func(fs []*forgeFile) []*forgeFile { return slices.Insert(fs, at(i, fs), fs[at(i, fs)]) })},
			hostile{name: "garbage for the header of " + place, edit: files(func(fs []*forgeFile) []*forgeFile {
				fs[at(i, fs)].raw = bytes.Repeat([]byte("x"), 512)
				return fs
			})},
			hostile{name: "PAX path before " + place, edit: extraAt(i, specialFile('x', "PaxHeaders/x", "13 path=../x\n"))},
			hostile{name: "global PAX path before " + place, edit: extraAt(i, specialFile('g', "PaxHeaders/x", "13 path=../x\n"))},
			hostile{name: "GNU long name before " + place, edit: extraAt(i, specialFile('L', "././@LongLink", "../x\x00"))},
			hostile{name: "padding of " + place, edit: files(func(fs []*forgeFile) []*forgeFile {
				f := fs[at(i, fs)]
				f.raw = slices.Concat(tarHeaderOf(f.name, int64(len(f.data))), f.data, bytes.Repeat([]byte{1}, -len(f.data)&511))
				return fs
			})},
		)
	}
	sparse := make([]byte, 512)
	copy(sparse, tarHeaderOf("index.json", 512))
	sparse[156] = 'S'
	setChecksum(sparse)
	tests = append(tests,
		hostile{name: "sparse file", edit: files(func(fs []*forgeFile) []*forgeFile { fs[1].raw = sparse; return fs }), want: "index.json"},
		hostile{name: "extra file at the end", edit: files(func(fs []*forgeFile) []*forgeFile { return append(fs, &forgeFile{name: "README", data: []byte("x")}) }), want: "extra file"},
		hostile{name: "extra blob at the end", edit: files(func(fs []*forgeFile) []*forgeFile { return append(fs, blobFile([]byte("x"))) }), want: "extra file"},
		hostile{name: "extra blob before the payload", edit: extra(12, blobFile([]byte("x"))), want: "extra, double or out of order"},
		hostile{name: "extra file in the head", edit: extra(1, &forgeFile{name: "etc/passwd", data: []byte("x")}), want: `unexpected file "etc/passwd"`},
		hostile{name: "folder blobs/", edit: extra(2, &forgeFile{name: "blobs/", edit: func(h *tar.Header) { h.Typeflag, h.Mode = tar.TypeDir, 0o755 }}), want: "no plain file"},
		hostile{name: "reordered payload", edit: files(func(fs []*forgeFile) []*forgeFile {
			n := len(fs)
			fs[n-1], fs[n-2] = fs[n-2], fs[n-1]
			return fs
		}), want: "out of order"},
		hostile{name: "reordered head", edit: files(func(fs []*forgeFile) []*forgeFile { fs[6], fs[7] = fs[7], fs[6]; return fs }), want: "out of order"},
		hostile{name: "another layout version", edit: files(func(fs []*forgeFile) []*forgeFile {
			fs[0].data = []byte(`{"imageLayoutVersion":"2.0.0"}`)
			return fs
		}), want: "oci-layout"},
		hostile{name: "other content of a small blob", edit: files(func(fs []*forgeFile) []*forgeFile {
			fs[7].data = bytes.ToUpper(fs[7].data)
			return fs
		}), want: "another digest"},
		hostile{name: "other content of the empty config", edit: files(func(fs []*forgeFile) []*forgeFile { fs[4].data = []byte("[]"); return fs }), want: "another digest"},
	)
	runHostile(t, tests)
}

func setChecksum(h []byte) {
	copy(h[148:156], "        ")
	sum := 0
	for _, b := range h {
		sum += int(b)
	}
	for i := 5; i >= 0; i-- {
		h[148+i] = byte('0' + sum&7)
		sum >>= 3
	}
	h[154], h[155] = 0, ' '
}
