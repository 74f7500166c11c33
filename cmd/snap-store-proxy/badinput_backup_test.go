//go:build linux

package main_test

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"filippo.io/age"
	"github.com/google/go-cmp/cmp"

	"offlinestore/bundle"
	"offlinestore/cmd/internal/cli"
	"offlinestore/instance/backup"
	"offlinestore/internal/doctest"
)

// These tests encrypt with a key, because deriving a key from a passphrase takes a second.
const (
	backupKey       = "AGE-SECRET-KEY-10G07PVJD6K383FJC9KVXA49PC3SV6Y0457G7PLESAQ6YVQ6TDJQSFLV3LN"
	backupRecipient = "age10827p6nn37t0mauguqsvh6hf0f2ftdhhrnx3mtrc50th737xw9xq4x4ha8"
)

// badBackup is a row of the table of bad backups.
type badBackup struct {
	row   string
	codes []int
	// says is a part of the error message.
	says string
	// run does the command and returns its result. It must leave nothing behind.
	run func(b *backups) result
}

// backups is a store with a good backup.
type backups struct {
	*site
	good string // the file of the good backup
	key  string // the file of backupKey
	out  string // the folder for bad backups
	into string // the folder to restore to
}

func (b *backups) restore(path string, args ...string) result {
	return b.run(append([]string{"--data-dir", b.into, "restore", "--identity", b.key, path}, args...)...)
}

func (b *backups) save(args ...string) result {
	return b.run(append([]string{"backup", "--recipient", backupRecipient, b.out}, args...)...)
}

func badBackups() []badBackup {
	return []badBackup{
		{"wrong passphrase", []int{cli.Failed}, "it is encrypted with a passphrase, and not with this one", func(b *backups) result {
			b.mustRun("backup", "--passphrase-file", b.file("right", []byte("right\n")), filepath.Join(filepath.Dir(b.good), "passphrase.age"))
			return b.run("--data-dir", b.into, "restore", "--passphrase-file", b.file("wrong", []byte("wrong\n")), filepath.Join(filepath.Dir(b.good), "passphrase.age"))
		}},
		{"key that it isn't encrypted to", []int{cli.Failed}, "not to one of these identities", func(b *backups) result {
			other, err := age.GenerateX25519Identity()
			if err != nil {
				b.t.Fatal(err)
			}
			return b.run("--data-dir", b.into, "restore", "--identity", b.file("other", []byte(other.String())), b.good)
		}},
		{"neither passphrase nor key", []int{cli.Usage}, "no passphrase and no key", func(b *backups) result {
			return b.run("--data-dir", b.into, "restore", b.good)
		}},
		{"file that is no backup", []int{cli.Damaged}, "not a backup of a store", func(b *backups) result {
			return b.restore(b.file("bundle.tar", base(b.t).Tar(bundle.None)))
		}},
		{"backup that was cut off", []int{cli.Damaged}, "the backup is damaged", func(b *backups) result {
			return b.restore(b.altered(func(text []byte) []byte { return text[:len(text)-100] }))
		}},
		{"backup with a flipped bit", []int{cli.Damaged}, "the backup is damaged", func(b *backups) result {
			return b.restore(b.altered(func(text []byte) []byte { text[len(text)/2] ^= 1; return text }))
		}},
		{"backup whose passphrase would cost gigabytes of memory", []int{cli.Damaged}, "work factor too large", func(b *backups) result {
			header := "age-encryption.org/v1\n-> scrypt " + strings.Repeat("A", 22) + " 22\n" + strings.Repeat("A", 43) + "\n--- " + strings.Repeat("A", 43) + "\n"
			return b.run("--data-dir", b.into, "restore", "--passphrase-file", b.file("right", []byte("right\n")), b.file("costly.age", []byte(header)))
		}},
		{"folder with several backups, and no terminal", []int{cli.Usage}, "the newest backup in", func(b *backups) result {
			return b.restore(filepath.Dir(b.good))
		}},
		{"backup of a newer version", []int{cli.Damaged}, "made by a newer version", func(b *backups) result {
			return b.restore(b.newer())
		}},
		{"data folder with something in it", []int{cli.Failed}, "the data folder is not empty", func(b *backups) result {
			return b.run("restore", "--identity", b.key, b.good)
		}},
		{"database with something in it", []int{cli.Failed}, "the database is not empty", func(b *backups) result {
			// Even --force must not replace the store that is in use.
			if r := b.run("restore", "--force", "--identity", b.key, b.good); r.code == cli.OK {
				b.t.Error("a store was restored over its own database")
			}
			if _, err := os.Stat(filepath.Join(b.dir, "settings.yaml")); err != nil {
				b.t.Fatal(err)
			}
			return b.restore(b.good)
		}},
		{"database to restore into that can't be reached", []int{cli.Database}, "the database is not available", func(b *backups) result {
			return b.restore(b.good, "--db-connection-file", b.file("dsn", []byte("postgres://store:hunter2@127.0.0.1:1/store?connect_timeout=5")))
		}},
		{"disk that is too small for a restore", []int{cli.NoSpace}, "no space", func(b *backups) result {
			disk := smallDisk(b.t, "2")
			b.into = filepath.Join(disk, "data")
			fill(b.t, disk, 8<<10)
			return b.restore(b.good, "--private")
		}},
		{"disk full during a backup", []int{cli.NoSpace}, "no space", func(b *backups) result {
			disk := smallDisk(b.t, "2")
			b.out = filepath.Join(disk, "out")
			b.save() // this also makes the folder
			b.empty(b.out)
			fill(b.t, disk, 32<<10)
			return b.save("--blobs")
		}},
		{"damaged blob in a backup with blobs", []int{cli.Damaged}, "wrong content", func(b *backups) result {
			path := b.blob()
			text, err := os.ReadFile(path)
			if err != nil {
				b.t.Fatal(err)
			}
			text[0] ^= 1
			b.write(path, text)
			r := b.save("--blobs")
			text[0] ^= 1
			b.write(path, text)
			return r
		}},
		{"database that goes away before a backup", []int{cli.Database}, "the database is not available", func(b *backups) result {
			b.useDatabase("postgres://store:hunter2@127.0.0.1:1/store?connect_timeout=5")
			defer b.useDatabase(b.dsn)
			return b.save()
		}},
	}
}

// altered returns the good backup with a change.
func (b *backups) altered(change func([]byte) []byte) string {
	b.t.Helper()
	text, err := os.ReadFile(b.good)
	if err != nil {
		b.t.Fatal(err)
	}
	return b.file("altered.age", change(text))
}

// newer returns a backup by a program that knows more tables.
func (b *backups) newer() string {
	b.t.Helper()
	to, err := age.ParseX25519Recipient(backupRecipient)
	if err != nil {
		b.t.Fatal(err)
	}
	var text bytes.Buffer
	sealed, _, err := backup.Seal(&text, to)
	if err != nil {
		b.t.Fatal(err)
	}
	w, err := backup.NewWriter(sealed, backup.Header{Program: "9.0", Created: time.Now(), PostgreSQL: 15, Schema: 999})
	if err != nil {
		b.t.Fatal(err)
	}
	if _, err := io.WriteString(w.Database(), "dump"); err != nil {
		b.t.Fatal(err)
	}
	if err := w.Database().Close(); err != nil {
		b.t.Fatal(err)
	}
	if _, err := w.Close(); err != nil {
		b.t.Fatal(err)
	}
	if err := sealed.Close(); err != nil {
		b.t.Fatal(err)
	}
	return b.file("newer.age", text.Bytes())
}

// blob returns the file of one of the store's blobs.
func (b *backups) blob() string {
	b.t.Helper()
	all, err := filepath.Glob(filepath.Join(b.dir, "blobs", "sha256", "*"))
	if err != nil || len(all) == 0 {
		b.t.Fatalf("blobs: %v, %v", all, err)
	}
	return all[0]
}

func (b *backups) write(path string, text []byte) {
	b.t.Helper()
	if err := os.WriteFile(path, text, 0o644); err != nil {
		b.t.Fatal(err)
	}
}

func (b *backups) empty(dir string) {
	b.t.Helper()
	all, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil {
		b.t.Fatal(err)
	}
	for _, path := range all {
		if err := os.Remove(path); err != nil {
			b.t.Fatal(err)
		}
	}
}

// TestBadBackups tries the rows of the table. A backup that fails leaves no file, and a restore that fails leaves no
// store. Afterwards the good backup can still be restored.
func TestBadBackups(t *testing.T) {
	t.Parallel()
	b := &backups{site: newSite(t)}
	b.key = b.file("key", []byte(backupKey+"\n"))
	b.out = filepath.Join(b.tmp, "good")
	b.save("--blobs")
	found, err := filepath.Glob(filepath.Join(b.out, "*"+backup.Ext))
	if err != nil || len(found) != 1 {
		t.Fatalf("backups: %v, %v; want one", found, err)
	}
	b.good = found[0]
	before := b.served()
	for _, c := range badBackups() {
		t.Run(c.row, func(t *testing.T) {
			b := *b
			s := *b.site
			s.t, b.site = t, &s
			b.out, b.into = filepath.Join(b.tmp, "bad"), filepath.Join(tempDir(t), "data")
			r := c.run(&b)
			if !strings.Contains(codesInWords(c.codes), codesInWords([]int{r.code})) || !strings.Contains(r.stderr, c.says) {
				t.Errorf("exit code %d and stderr %q, want %s and %q", r.code, r.stderr, codesInWords(c.codes), c.says)
			}
			if strings.Contains(r.stdout+r.stderr, "hunter2") {
				t.Errorf("a password is shown: %s%s", r.stdout, r.stderr)
			}
			if _, err := os.Stat(filepath.Join(b.into, "settings.yaml")); err == nil {
				t.Error("a store was restored")
			}
			if left, _ := os.ReadDir(b.out); len(left) != 0 {
				t.Errorf("left over: %v, after %q", left, r.stderr)
			}
		})
	}
	b.serves(before)
	b.into = filepath.Join(tempDir(t), "data")
	if r := b.restore(b.good, "--private"); r.code != cli.OK {
		t.Errorf("the good backup: exit code %d: %s", r.code, r.stderr)
	}
}

// TestBackupWithoutABlob checks that a backup of a store that lacks a blob is made and names the blob.
func TestBackupWithoutABlob(t *testing.T) {
	t.Parallel()
	b := &backups{site: newSite(t)}
	b.out = filepath.Join(b.tmp, "out")
	if err := os.Remove(b.blob()); err != nil {
		t.Fatal(err)
	}
	if r := b.save("--blobs"); r.code != cli.Gaps || !strings.Contains(r.stdout, "read back and is whole") || !strings.Contains(r.stderr, "1 blob of the catalogue not here") {
		t.Errorf("exit code %d, stdout %q, stderr %q; want %d, a backup and what it lacks", r.code, r.stdout, r.stderr, cli.Gaps)
	}
}

// TestTableOfBadBackups compares the table of docs/errors.md with the tests.
func TestTableOfBadBackups(t *testing.T) {
	t.Parallel()
	want := map[string]string{
		"store that lacks a blob":           codesInWords([]int{cli.Gaps}), // TestBackupWithoutABlob
		"kill -9 while a store is restored": "killed",                      // TestKillRestore
	}
	for _, c := range badBackups() {
		want[c.row] = codesInWords(c.codes)
	}
	if diff := cmp.Diff(want, doctest.BadInput(t, "Bad backups")); diff != "" {
		t.Errorf("the table of bad backups (-tests +docs/errors.md):\n%s", diff)
	}
}
