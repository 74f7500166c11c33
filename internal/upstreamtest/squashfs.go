package upstreamtest

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// MakeSnap makes a squashfs at path with mksquashfs: meta/snap.yaml, and files by their paths. It adds payload incompressible bytes to give
// the snap a realistic size. The same arguments give the same file.
func MakeSnap(path, snapYAML string, files map[string]string, payload int64) error {
	return makeSquashfs(path, "meta/snap.yaml", snapYAML, files, payload)
}

// MakeSquashfs makes a squashfs at path that has one file. The same arguments give the same squashfs.
func MakeSquashfs(path, name, text string) error { return makeSquashfs(path, name, text, nil, 0) }

func makeSquashfs(path, metaPath, meta string, files map[string]string, payload int64) (err error) {
	dir, err := os.MkdirTemp(filepath.Dir(path), ".squashfs-")
	if err != nil {
		return fmt.Errorf("make squashfs: %w", err)
	}
	defer os.RemoveAll(dir)
	if err := os.Chmod(dir, 0o755); err != nil {
		return fmt.Errorf("make squashfs: %w", err)
	}
	for name, text := range files {
		if err := writeFile(dir, name, strings.NewReader(text)); err != nil {
			return fmt.Errorf("make squashfs: %w", err)
		}
	}
	if err := writeFile(dir, metaPath, strings.NewReader(meta)); err != nil {
		return fmt.Errorf("make squashfs: %w", err)
	}
	if payload > 0 {
		r, err := Random(filepath.Base(path), payload)()
		if err != nil {
			return err
		}
		if err := writeFile(dir, "payload", r); err != nil {
			return fmt.Errorf("make squashfs: %w", err)
		}
	}
	out, err := exec.Command("mksquashfs", dir, path, "-noappend", "-quiet", "-no-progress", "-comp", "gzip", "-all-root", "-no-xattrs",
		"-mkfs-time", "0", "-all-time", "0", "-processors", "1").CombinedOutput()
	if err != nil {
		return fmt.Errorf("mksquashfs: %w: %s", err, out)
	}
	return nil
}

func writeFile(dir, name string, r io.Reader) error {
	path := filepath.Join(dir, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o755)
	if err != nil {
		return err
	}
	if _, err := io.Copy(f, r); err != nil {
		f.Close()
		return err
	}
	return f.Close()
}

// YAML returns the snap.yaml of a revision.
func YAML(s Snap, r Rev) string {
	var b strings.Builder
	fmt.Fprintf(&b, "name: %s\nversion: '%s'\nsummary: %s\ndescription: |\n  %s\n", s.Name, r.Version, s.Summary, cmpOr(s.Description, s.Summary+"."))
	if s.Type != "app" && s.Type != "" {
		fmt.Fprintf(&b, "type: %s\n", s.Type)
	}
	if s.Base != "" {
		fmt.Fprintf(&b, "base: %s\n", s.Base)
	}
	archs := r.Architectures
	if archs == nil {
		archs = []string{"all"}
	}
	fmt.Fprintf(&b, "architectures:\n- %s\nconfinement: %s\ngrade: stable\n", strings.Join(archs, "\n- "), cmpOr(r.Confinement, "strict"))
	if len(r.Components) > 0 {
		b.WriteString("components:\n")
		for _, c := range r.Components {
			fmt.Fprintf(&b, "  %s:\n    type: %s\n", c.Name, cmpOr(c.Kind, "standard"))
		}
	}
	if len(s.Apps) > 0 {
		b.WriteString("apps:\n")
		for _, a := range s.Apps {
			fmt.Fprintf(&b, "  %s:\n    command: bin/%s\n", a, a)
		}
	}
	if len(s.Providers) > 0 {
		b.WriteString("plugs:\n")
		for _, p := range s.Providers {
			fmt.Fprintf(&b, "  use-%s:\n    interface: content\n    target: $SNAP/%s\n    default-provider: %s\n", p, p, p)
		}
	}
	return b.String()
}
