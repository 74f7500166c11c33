//go:build linux

package main_test

import (
	"archive/tar"
	"bytes"
	"encoding/hex"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"

	"offlinestore/bundle"
	"offlinestore/catalog"
	"offlinestore/cmd/internal/cli"
	"offlinestore/internal/assertiontest"
	"offlinestore/internal/bundletest"
)

// badInput is a row of the table of docs/errors.md.
type badInput struct {
	row   string
	codes []int
	// says lists parts of stderr. In addition, each error must have a hint.
	says []string
	// make returns the bytes of the file to push, or fills a directory.
	make func(t *testing.T, dir string) []byte
}

// badBundles returns the rows about the content of a file. The test pushes each to a store that serves something else.
func badBundles() []badInput {
	damaged, untrusted := []int{cli.Damaged}, []int{cli.Untrusted}
	return []badInput{
		{"empty file, or something else than a bundle", damaged, []string{"not a bundle"}, func(*testing.T, string) []byte { return []byte("PK\x03\x04 a zip") }},
		{"cut-off archive", damaged, []string{"cut off"}, func(t *testing.T, _ string) []byte {
			b := update(t).Tar(bundle.Gzip)
			return b[:len(b)-5000]
		}},
		{"flipped bit in a blob", damaged, []string{"third_1.snap"}, func(t *testing.T, _ string) []byte {
			return repack(t, func(files []bundletest.File) []bundletest.File {
				last(files).Data[5] ^= 1
				return files
			})
		}},
		{"extra blob", damaged, []string{"extra"}, func(t *testing.T, _ string) []byte {
			return repack(t, func(files []bundletest.File) []bundletest.File {
				return append(files, file(blobName("extra"), "extra"))
			})
		}},
		{"extra file in a directory", damaged, []string{"extra"}, func(t *testing.T, dir string) []byte {
			bundletest.UnpackTo(t, dir, append(bundletest.Unpack(t, update(t).Tar(bundle.None)), file("autorun.inf", "x")))
			return nil
		}},
		{"missing blob", damaged, []string{"should"}, func(t *testing.T, _ string) []byte {
			return repack(t, func(files []bundletest.File) []bundletest.File {
				return slices.Delete(files, len(files)-2, len(files)-1)
			})
		}},
		{"missing blob in a directory", damaged, []string{"third_1.snap", "missing"}, func(t *testing.T, dir string) []byte {
			files := bundletest.Unpack(t, update(t).Tar(bundle.None))
			bundletest.UnpackTo(t, dir, files[:len(files)-1])
			return nil
		}},
		{"duplicate blob", damaged, []string{"extra"}, func(t *testing.T, _ string) []byte {
			return repack(t, func(files []bundletest.File) []bundletest.File { return append(files, *last(files)) })
		}},
		{"path out of the archive", damaged, []string{"unexpected file"}, func(t *testing.T, _ string) []byte {
			return repack(t, func(files []bundletest.File) []bundletest.File {
				return slices.Insert(files, 8, file("../../etc/cron.d/x", "x"))
			})
		}},
		{"link, device or folder in the archive", damaged, []string{"no plain file"}, func(t *testing.T, _ string) []byte {
			return repack(t, func(files []bundletest.File) []bundletest.File {
				f := last(files)
				f.Header.Typeflag, f.Header.Linkname, f.Header.Size, f.Data = tar.TypeSymlink, "/etc/shadow", 0, nil
				return files
			})
		}},
		{"link in a directory", damaged, []string{"third_1.snap", "no plain file"}, func(t *testing.T, dir string) []byte {
			files := bundletest.Unpack(t, update(t).Tar(bundle.None))
			bundletest.UnpackTo(t, dir, files)
			path := filepath.Join(dir, last(files).Header.Name)
			if err := os.Rename(path, path+".real"); err != nil {
				t.Fatal(err)
			}
			if err := os.Symlink(path+".real", path); err != nil {
				t.Fatal(err)
			}
			return nil
		}},
		{"lying size in the archive", damaged, []string{"another size"}, func(t *testing.T, _ string) []byte {
			return repack(t, func(files []bundletest.File) []bundletest.File {
				last(files).Header.Size = 1 << 32
				return files
			})
		}},
		{"lying size in the head", damaged, []string{"index.json"}, func(t *testing.T, _ string) []byte {
			return repack(t, func(files []bundletest.File) []bundletest.File {
				files[1].Header.Size = 1 << 32
				return files
			})
		}},
		{"bomb", damaged, []string{"store-admin"}, func(t *testing.T, _ string) []byte {
			return bundletest.Gzip(t, append(update(t).Tar(bundle.None), make([]byte, 64<<20)...))
		}},
		{"bomb in zstd", damaged, []string{"index.json"}, func(t *testing.T, _ string) []byte {
			files := bundletest.Unpack(t, update(t).Tar(bundle.None))[:2]
			files[1].Data = make([]byte, 64<<20)
			files[1].Header.Size = int64(len(files[1].Data))
			return bundletest.Zstd(t, bundletest.Pack(t, files))
		}},
		{"newer format", damaged, []string{"format 2.0", "install snap-store-proxy"}, func(t *testing.T, _ string) []byte {
			return repack(t, func(files []bundletest.File) []bundletest.File {
				files[1].Data = bytes.ReplaceAll(files[1].Data, []byte(`"vnd.offlinestore.bundle.format":"1.0"`), []byte(`"vnd.offlinestore.bundle.format":"2.0"`))
				return files
			})
		}},
		{"increment whose blobs are not here", []int{cli.Gaps}, []string{"it leaves out 1 of the blobs that ship-7 should have", `"week1.tar.gz" (2026-01-02, bundle 6)`}, func(t *testing.T, _ string) []byte {
			b := update(t)
			b.Predicate.Expects = []digest.Digest{b.Revisions[0].Blob.Digest}
			b.Predicate.Increment = &bundle.Increment{Receiver: "ship-7", Basis: bundle.Assumption, Carried: []bundle.Carried{
				{Bundle: digest.FromString("week 1"), Created: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), Sequence: 6, File: "week1.tar.gz", Blobs: []int{0}}}}
			return b.Tar(bundle.Gzip)
		}},
		{"unknown signer", untrusted, []string{bundletestID("stranger"), "trust add"}, func(t *testing.T, _ string) []byte {
			b := update(t)
			b.Key = bundletest.Key("stranger")
			return b.Tar(bundle.Gzip)
		}},
		{"altered signature", untrusted, []string{"signature"}, func(t *testing.T, _ string) []byte {
			b := update(t)
			b.Key = append(bundletest.Key("stranger")[:32:32], b.Key[32:]...) // a stranger signs in the name of the exporter
			return b.Tar(bundle.Gzip)
		}},
		{"signed far in the future", untrusted, []string{"future", "--accept-time"}, func(t *testing.T, _ string) []byte {
			b := update(t)
			b.Predicate.Created = time.Now().Add(40 * 24 * time.Hour)
			return b.Tar(bundle.Gzip)
		}},
		{"assertion by an untrusted root", untrusted, []string{"trusted root"}, func(t *testing.T, _ string) []byte {
			b := bundletest.New(t, 20)
			b.Stack = bundletest.UntrustedStack(t)
			return b.Add("first", 2, 6000).Tar(bundle.Gzip)
		}},
		{"missing assertion", untrusted, []string{"snap-revision"}, func(t *testing.T, _ string) []byte {
			b := update(t)
			b.Revisions[0].Assertions = b.Stream()
			return b.Tar(bundle.Gzip)
		}},
		{"expired key", untrusted, []string{"expired"}, func(t *testing.T, _ string) []byte {
			b := bundletest.New(t, 20)
			b.ExpireStoreKey()
			return b.Add("first", 2, 6000).Tar(bundle.Gzip)
		}},
		{"snap with another size or revision than its snap-revision", untrusted, []string{"snap-size", "first_2"}, func(t *testing.T, _ string) []byte {
			b := update(t)
			b.SignRevision(b.Revisions[0], assertiontest.Headers{"snap-size": "6001"})
			return b.Tar(bundle.Gzip)
		}},
		{"snap without a snap-revision", untrusted, []string{"no snap-revision for its digest", "first_2"}, func(t *testing.T, _ string) []byte {
			b := update(t)
			r := b.Revisions[0]
			r.Blob = b.Blob("another", r.Blob.Size)
			r.Revision.Download.SHA3384 = hex.EncodeToString(r.Blob.SHA3384[:])
			return b.Tar(bundle.Gzip)
		}},
		{"snap with another SHA3-384 than its snap-revision", damaged, []string{"sixth_1.snap", "SHA3-384"}, func(t *testing.T, _ string) []byte {
			b := update(t)
			b.AddSnap("sixth")
			blob := b.Blob("sixth", 3000)
			blob.SHA3384[0] ^= 1
			b.AddRevision("sixth", 1, blob)
			return b.Tar(bundle.Gzip)
		}},
		{"another blob for a revision that is in the store", untrusted, []string{"first revision 1", "the store has"}, func(t *testing.T, _ string) []byte {
			b := bundletest.New(t, 20)
			b.AddSnap("first")
			b.AddRevision("first", 1, b.Blob("another", 100))
			return b.Tar(bundle.Gzip)
		}},
	}
}

// TestBadBundles pushes each bad bundle to a store, and the good one afterwards. With -short, several bad ones share a store.
func TestBadBundles(t *testing.T) {
	t.Parallel()
	shared := 1
	if testing.Short() {
		shared = 16
	}
	for bad := range slices.Chunk(slices.Concat(badBundles(), badCharms(), badImages(), badPairs()), shared) {
		t.Run("then the good one", func(t *testing.T) {
			t.Parallel()
			s := newSite(t)
			before := s.served()
			for _, c := range bad {
				t.Run(c.row, func(t *testing.T) {
					s := *s
					s.t = t
					s.refuses(c, before)
				})
			}
			s.mustRun("push-snap", s.file("good.tar.gz", update(t).Tar(bundle.Gzip)))
			s.servesUpdate()
			s.isClean()
		})
	}
}

// refuses fails the test unless the store refuses a bad bundle, again and again, and still serves the same.
func (s *site) refuses(c badInput, before *catalog.Snapshot) {
	s.t.Helper()
	dir := tempDir(s.t)
	path := dir
	if bad := c.make(s.t, dir); bad != nil {
		path = s.file("bad", bad)
	}
	for _, args := range [][]string{{"push-snap", path}, {"push-snap", path}, {"push-snap", "--json", path}} {
		s.isRefused(c, s.run(args...))
		s.serves(before)
		s.isClean()
	}
}

func (s *site) isRefused(c badInput, r result) {
	s.t.Helper()
	if !slices.Contains(c.codes, r.code) {
		s.t.Errorf("exit code %d, want %v; stderr: %s", r.code, c.codes, r.stderr)
	}
	for _, word := range append(c.says, "snap-store-proxy: hint: ") {
		if !strings.Contains(r.stderr, word) {
			s.t.Errorf("stderr %q does not say %q", r.stderr, word)
		}
	}
	if steersTerminal(r.stderr + r.stdout) {
		s.t.Errorf("what is printed steers the terminal: %q", r.stderr+r.stdout)
	}
}

func repack(t *testing.T, edit func([]bundletest.File) []bundletest.File) []byte {
	t.Helper()
	return bundletest.Pack(t, edit(bundletest.Unpack(t, update(t).Tar(bundle.None))))
}

func last(files []bundletest.File) *bundletest.File { return &files[len(files)-1] }

func file(name, content string) bundletest.File {
	return bundletest.File{Header: tar.Header{Name: name, Size: int64(len(content)), Mode: 0o644, Typeflag: tar.TypeReg, Format: tar.FormatUSTAR}, Data: []byte(content)}
}

func blobName(content string) string {
	return "blobs/sha256/" + digest.FromString(content).Encoded()
}

func bundletestID(name string) string {
	k, err := bundle.NewPublicKey(bundletest.Key(name).Public())
	if err != nil {
		panic(err)
	}
	return k.ID()
}
