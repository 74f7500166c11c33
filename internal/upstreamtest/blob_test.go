package upstreamtest_test

import (
	"bytes"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"

	"offlinestore/internal/upstreamtest"
	"offlinestore/snap"
)

func TestRandomIsSeekable(t *testing.T) {
	t.Parallel()
	r, err := upstreamtest.Random("x", 1000)()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	all, err := io.ReadAll(r)
	if err != nil || len(all) != 1000 || string(all[:4]) != "hsqs" {
		t.Fatalf("read %d bytes, %v", len(all), err)
	}
	for off := range all {
		got := make([]byte, min(40, 1000-off))
		if _, err := r.Seek(int64(off), io.SeekStart); err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadFull(r, got); err != nil || !bytes.Equal(got, all[off:off+len(got)]) {
			t.Fatalf("from %d: other bytes, %v", off, err)
		}
	}
}

func TestMakeSnap(t *testing.T) {
	t.Parallel()
	for _, tool := range []string{"mksquashfs", "unsquashfs"} {
		if _, err := exec.LookPath(tool); err != nil {
			if os.Getenv("CI") != "" {
				t.Fatal(err)
			}
			t.Skip(err)
		}
	}
	yaml := upstreamtest.YAML(upstreamtest.Snap{Name: "x", Summary: "an x", Providers: []string{"p"}}, upstreamtest.Rev{Version: "1"})
	var files [2][]byte
	for i := range files {
		path := filepath.Join(t.TempDir(), "x.snap")
		if err := upstreamtest.MakeSnap(path, yaml, map[string]string{"bin/x": "#!/bin/sh\n"}, 100_000); err != nil {
			t.Fatal(err)
		}
		out, err := exec.Command("unsquashfs", "-cat", path, "meta/snap.yaml").Output()
		if err != nil || string(out) != yaml {
			t.Errorf("snap.yaml is %q, %v, want %q", out, err, yaml)
		}
		if files[i], err = os.ReadFile(path); err != nil || len(files[i]) < 100_000 {
			t.Errorf("snap of %d bytes, %v", len(files[i]), err)
		}
	}
	if !bytes.Equal(files[0], files[1]) {
		t.Error("the same arguments made two different snaps")
	}
	if m, err := snap.ParseYAML(yaml); err != nil || !slices.Equal(m.Providers, []string{"p"}) {
		t.Errorf("ParseYAML = %+v, %v", m, err)
	}
}
