package squashfs_test

import (
	"bytes"
	"errors"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"offlinestore/squashfs"
)

const maxFile = 4 << 20

// makeImage packs files into an image.
func makeImage(t testing.TB, files map[string]string, options ...string) []byte {
	t.Helper()
	dir, out := t.TempDir(), filepath.Join(t.TempDir(), "image")
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	args := append([]string{dir, out, "-noappend", "-quiet", "-no-progress", "-no-xattrs", "-processors", "1"}, options...)
	if msg, err := exec.Command("mksquashfs", args...).CombinedOutput(); err != nil {
		t.Fatalf("mksquashfs: %v: %s", err, msg)
	}
	b, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func read(image []byte, path string) ([]byte, error) {
	return squashfs.ReadFile(bytes.NewReader(image), int64(len(image)), path, maxFile)
}

// texts returns files of many sizes around the sizes of blocks, and a folder with many entries.
func texts() map[string]string {
	r := rand.New(rand.NewPCG(1, 2))
	word := func(n int) string {
		var b strings.Builder
		for b.Len() < n {
			b.WriteString([]string{"name: ", "snap", "\n", "- home ", "command: bin/", string(rune('a' + r.IntN(26)))}[r.IntN(6)])
		}
		return b.String()[:n]
	}
	noise := make([]byte, 300_000)
	for i := range noise {
		noise[i] = byte(r.Uint32())
	}
	files := map[string]string{
		"meta/snap.yaml": "name: hello\nversion: '1'\n", "meta/empty": "", "meta/large": word(700_000), "meta/block": word(128 << 10), "meta/tail": word(128<<10 + 5),
		"meta/zeros": strings.Repeat("\x00", 400_000), "meta/noise": string(noise), "meta/same": strings.Repeat("ab", 200_000),
	}
	for i := range 300 {
		files["many/"+strings.Repeat("x", i%40+1)+string(rune('a'+i%26))+string(rune('a'+i/26))] = word(i * 7)
	}
	return files
}

func TestReadFile(t *testing.T) {
	t.Parallel()
	files := texts()
	for _, options := range []string{
		"-comp gzip", "-comp xz", "-comp xz -Xbcj x86", "-comp lzo", "-comp lzo -Xalgorithm lzo1x_1", "-comp zstd", "-comp xz -no-fragments", "-comp gzip -b 4096",
		"-comp lzo -b 1M", "-comp gzip -noI -noD -noF", "-comp xz -always-use-fragments -all-root",
	} {
		t.Run(options, func(t *testing.T) {
			t.Parallel()
			image := makeImage(t, files, strings.Fields(options)...)
			for name, want := range files {
				if strings.HasPrefix(name, "many/") && len(want)%49 != 0 {
					continue // each read unpacks the folder again
				}
				got, err := read(image, name)
				if err != nil {
					t.Fatalf("%s: %v", name, err)
				}
				if string(got) != want {
					t.Fatalf("%s: %d bytes that differ from the %d that went in", name, len(got), len(want))
				}
			}
			for _, name := range []string{"meta", "meta/none", "none/snap.yaml", "meta/snap.yaml/more", ""} {
				if _, err := read(image, name); !errors.Is(err, fs.ErrNotExist) {
					t.Errorf("%q: got %v, want that it does not exist", name, err)
				}
			}
			if _, err := squashfs.ReadFile(bytes.NewReader(image), int64(len(image)), "meta/large", 1000); !errors.Is(err, squashfs.ErrFormat) {
				t.Errorf("a file over the limit: got %v", err)
			}
		})
	}
}

// TestReadDamaged changes images at random. Nothing may panic or take long, and a cut image is always found.
func TestReadDamaged(t *testing.T) {
	t.Parallel()
	files := map[string]string{"meta/snap.yaml": strings.Repeat("name: hello\n", 400), "meta/large": strings.Repeat("abcdefgh", 40_000)}
	for _, compression := range []string{"gzip", "xz", "lzo", "zstd"} {
		image := makeImage(t, files, "-comp", compression)
		r := rand.New(rand.NewPCG(3, 4))
		for range 500 {
			b := bytes.Clone(image)
			at := r.IntN(len(b))
			if r.IntN(2) == 0 {
				at = r.IntN(96)
			}
			b[at] ^= 1 << r.IntN(8)
			if out, err := read(b, "meta/snap.yaml"); err == nil && len(out) > maxFile {
				t.Fatalf("%s: bit at %d: %d bytes", compression, at, len(out))
			}
		}
		for _, n := range []int{0, 3, 50, 95, 96, 200} {
			if _, err := read(image[:n], "meta/snap.yaml"); !errors.Is(err, squashfs.ErrFormat) {
				t.Errorf("%s: %d bytes of it: got %v", compression, n, err)
			}
		}
	}
}

// TestReadGenuine reads snaps that snapcraft made.
func TestReadGenuine(t *testing.T) {
	t.Parallel()
	folder := os.Getenv("OFFLINESTORE_REALDATA")
	if folder == "" {
		folder = "../../shared/realdata"
	}
	list, err := filepath.Glob(filepath.Join(folder, "snaps", "*.snap"))
	if err != nil || len(list) == 0 {
		t.Skipf("no genuine snaps in %s", folder)
	}
	for _, name := range list {
		image, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if b, err := read(image, "meta/snap.yaml"); err != nil || !strings.Contains(string(b), "name: ") {
			t.Errorf("%s: got %.60q, %v", filepath.Base(name), b, err)
		}
	}
}
