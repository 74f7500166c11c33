//go:build unix

package blob_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"
	"golang.org/x/sys/unix"

	"offlinestore/blob"
)

// childEnv makes the test binary run one of the programs below, in childDir.
const childEnv, childDir = "OFFLINESTORE_BLOB_CHILD", "OFFLINESTORE_BLOB_DIR"

func TestMain(m *testing.M) {
	switch os.Getenv(childEnv) {
	case "stage":
		stageForever(os.Getenv(childDir))
	case "umask 000":
		createAll(os.Getenv(childDir), 0)
	case "umask 077":
		createAll(os.Getenv(childDir), 0o077)
	case "partial":
		holdPartial(os.Getenv(childDir))
	default:
		os.Exit(m.Run())
	}
}

func must(err error) {
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
}

func child(t *testing.T, program, dir string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childEnv+"="+program, childDir+"="+dir)
	return cmd
}

// start starts a child and waits until the child prints that it is ready.
func start(t *testing.T, program, dir string) *exec.Cmd {
	t.Helper()
	cmd := child(t, program, dir)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	if line, err := bufio.NewReader(out).ReadString('\n'); line != "ready\n" {
		t.Fatalf("%s says %q, %v, want ready", program, line, err)
	}
	return cmd
}

// stageForever commits one blob after the other, and prints a line after the first.
func stageForever(dir string) {
	d, err := blob.Open(dir)
	must(err)
	unfinished, err := d.Stage(1 << 20)
	must(err)
	_, err = unfinished.Write([]byte("never to be seen"))
	must(err)
	for i := uint64(0); ; i++ {
		content := random(i%200, 100_000)
		batch := d.NewBatch()
		s, err := d.Stage(int64(len(content)))
		must(err)
		_, err = s.Write(content)
		must(err)
		batch.AddBlob(s, digest.FromBytes(content))
		must(batch.Sync(context.Background()))
		if i == 0 {
			fmt.Println("ready")
		}
	}
}

func TestKill(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	d := open(t, dir)
	for range 10 {
		cmd := start(t, "stage", dir)
		if err := d.CleanStaging(); err != nil {
			t.Fatal(err)
		}
		if entries, err := os.ReadDir(filepath.Join(dir, ".staging")); err != nil || len(entries) != 2 {
			t.Fatalf("%d entries in .staging, %v, want 2: those of the process that lives", len(entries), err)
		}
		time.Sleep(time.Duration(rand.IntN(10_000)) * time.Microsecond)
		if err := cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		if err := cmd.Wait(); err == nil {
			t.Fatal("the child ended by itself")
		}
		if err := d.CleanStaging(); err != nil {
			t.Fatal(err)
		}
		if _, err := os.Stat(filepath.Join(dir, ".staging")); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("garbage is left: %v", files(t, filepath.Join(dir, ".staging")))
		}
		if !d.Has(digest.FromBytes(random(0, 100_000))) {
			t.Error("what was committed is lost")
		}
		for _, name := range files(t, filepath.Join(dir, "sha256")) {
			if err := d.VerifyBlob(context.Background(), blob.Digest("sha256:"+name)); err != nil {
				t.Error(err)
			}
		}
	}
}

func TestCleanStagingTakesOrphans(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	d := open(t, dir)
	for _, orphan := range []string{".staging/FOLDERWITHOUTLOCK/0", ".staging/LOCKED/0"} {
		check(t, os.MkdirAll(filepath.Join(dir, filepath.Dir(orphan)), 0o700))
		check(t, os.WriteFile(filepath.Join(dir, orphan), []byte("x"), 0o600))
	}
	for _, lock := range []string{"LOCKED.lock", "LOCKWITHOUTFOLDER.lock"} {
		check(t, os.WriteFile(filepath.Join(dir, ".staging", lock), nil, 0o600))
	}
	if err := d.CleanStaging(); err != nil {
		t.Error(err)
	}
	checkFiles(t, dir, "sha256/")
}

// holdPartial keeps a partial download open.
func holdPartial(dir string) {
	d, err := blob.Open(dir)
	must(err)
	p, err := d.Partial("shared")
	must(err)
	_, err = p.Write([]byte("hello"))
	must(err)
	fmt.Println("ready")
	time.Sleep(time.Hour)
	runtime.KeepAlive(p) // keeps the lock
}

// createAll makes one of everything that a directory can hold.
func createAll(dir string, umask int) {
	syscall.Umask(umask)
	d, err := blob.Options{DirMode: 0o750, FileMode: 0o640}.Open(filepath.Join(dir, "new", "store"))
	must(err)
	s, err := d.Stage(1)
	must(err)
	_, err = s.Write([]byte("x"))
	must(err)
	must(s.Commit(digest.FromString("x")))
	p, err := d.Partial("download")
	must(err)
	_, err = p.Write([]byte("y"))
	must(err)
	must(p.Commit(digest.FromString("y")))
}

func TestModesWhateverTheUmask(t *testing.T) {
	t.Parallel()
	for _, program := range []string{"umask 000", "umask 077"} {
		dir := t.TempDir()
		if out, err := child(t, program, dir).CombinedOutput(); err != nil {
			t.Fatalf("%s: %v: %s", program, err, out)
		}
		for _, name := range files(t, filepath.Join(dir, "new")) {
			want := fs.FileMode(0o640)
			if name[len(name)-1] == '/' {
				want = 0o750
			}
			if name == "store/.staging/" || filepath.Dir(filepath.Dir(name)) == "store/.staging" || filepath.Ext(name) == ".lock" {
				continue
			}
			fi, err := os.Stat(filepath.Join(dir, "new", name))
			if err != nil || fi.Mode().Perm() != want {
				t.Errorf("%s: %s has mode %v, %v, want %v", program, name, fi.Mode().Perm(), err, want)
			}
		}
	}
}

func TestNotARegularFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	d := open(t, dir)
	outside := filepath.Join(dir, "outside")
	check(t, os.WriteFile(outside, []byte("content"), 0o600))
	dg := digest.FromString("content")
	for name, place := range map[string]func(path string) error{
		"link":   func(p string) error { return os.Symlink(outside, p) },
		"pipe":   func(p string) error { return unix.Mkfifo(p, 0o600) },
		"folder": func(p string) error { return os.Mkdir(p, 0o700) },
	} {
		check(t, place(path(t, d, dg)))
		if f, err := d.OpenBlob(dg); err == nil {
			f.Close()
			t.Errorf("%s: OpenBlob opens it", name)
		}
		if _, err := d.Stat(dg); err == nil || d.Has(dg) {
			t.Errorf("%s: Stat() = %v, Has() = %t", name, err, d.Has(dg))
		}
		n := 0
		if err := d.List(func(blob.Info) error { n++; return nil }); n > 0 || err != nil {
			t.Errorf("%s: List finds %d, %v", name, n, err)
		}
		if err := stage(t, d, []byte("content")).Commit(dg); (err == nil) != (name != "folder") {
			t.Errorf("%s: Commit() = %v", name, err)
		}
		if fi, err := os.Lstat(outside); err != nil || fi.Size() != 7 {
			t.Errorf("%s: what it points to was changed: %v", name, err)
		}
		check(t, os.RemoveAll(path(t, d, dg)))
	}
}

func TestPartialIsLocked(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	d := open(t, dir)
	cmd := start(t, "partial", dir)
	if _, err := d.Partial("shared"); !errors.Is(err, blob.ErrBusy) {
		t.Errorf("Partial() = %v, want ErrBusy", err)
	}
	check(t, cmd.Process.Kill())
	cmd.Wait()
	p := partial(t, d, "shared")
	defer p.Close()
	if p.Size() != 5 {
		t.Errorf("Size() = %d, want the 5 bytes of the process that was killed", p.Size())
	}
	if _, err := open(t, dir).Partial("shared"); !errors.Is(err, blob.ErrBusy) {
		t.Errorf("Partial() = %v, want ErrBusy", err)
	}
	var got bytes.Buffer
	if _, err := p.WriteTo(&got); err != nil || got.String() != "hello" {
		t.Errorf("WriteTo() = %v, %q, want hello", err, got.String())
	}
}

func TestPartialDoesNotFollowLinks(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	d := open(t, dir)
	partial(t, d, "x").Close()
	outside := filepath.Join(dir, "outside")
	check(t, os.Symlink(outside, filepath.Join(dir, ".partial", "link")))
	if p, err := d.Partial("link"); err == nil {
		p.Close()
		t.Error("a link was opened")
	}
	if _, err := os.Lstat(outside); err == nil {
		t.Error("a file was made through a link")
	}
}
