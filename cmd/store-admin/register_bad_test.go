package main

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"offlinestore/cmd/internal/cli"
	"offlinestore/internal/assertiontest"
	"offlinestore/internal/doctest"
)

// badRegistration is a row of the table in docs/errors.md. Another test covers a row without arguments.
type badRegistration struct {
	row  string
	code int
	url  string // registeredURL if empty
	args []string
}

func badRegistrations() []badRegistration {
	return []badRegistration{
		{"URL that no store can have", cli.Usage, "https://user:hunter2@snaps.example.internal", []string{"--store-assertion", "proxy.assert"}},
		{"no store assertion given", cli.Usage, "", []string{}},
		{"assertion for another URL", cli.Untrusted, "", []string{"--store-assertion", "other.assert"}},
		{"altered assertion", cli.Untrusted, "", []string{"--store-assertion", "altered.assert"}},
		{"assertion without all that it needs", cli.Untrusted, "", []string{"--store-assertion", "alone.assert"}},
		{"several store assertions", cli.Damaged, "", []string{"--store-assertion", "twice.assert"}},
		{"stream without a store assertion", cli.Damaged, "", []string{"--store-assertion", "account.assert"}},
		{"registration bundle of something else", cli.Damaged, "", []string{"--registration-bundle", "proxy.assert"}},
		{"altered registration bundle", cli.Damaged, "", []string{"--registration-bundle", "altered.b64"}},
		{"installer without the assertion", cli.Damaged, "", []string{"--from-archive", "empty.tar.gz"}},
		{"installer with the assertion twice", cli.Damaged, "", []string{"--from-archive", "twice.tar.gz"}},
		{"installer with a path out of it", cli.Damaged, "", []string{"--from-archive", "trick.tar.gz"}},
		{"cut-off installer", cli.Damaged, "", []string{"--from-archive", "cut.tar.gz"}},
		{"programs of another architecture", cli.Usage, "", []string{"--store-assertion", "proxy.assert", "--programs", "arm", "--arch", "amd64"}},
		{"no programs for the host", cli.Usage, "", []string{"--store-assertion", "proxy.assert", "--arch", "s390x"}},
		{"untrusted root", cli.Untrusted, "", nil},                              // testdata/register/refused.txtar
		{"bundle of another signer", cli.Untrusted, "", nil},                    // testdata/register/register.txtar
		{"assertion for another name than the one set", cli.Untrusted, "", nil}, // TestRefusedRegistrations of snap-store-proxy
	}
}

// TestBadRegistrations runs register with input that it must refuse. It checks that nothing is written and that no secret
// is printed.
func TestBadRegistrations(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	files, err := registerFiles(assertiontest.NewStack(t))
	if err != nil {
		t.Fatal(err)
	}
	files["arm/store-admin"] = elfOf("arm64")
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, text, 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	output := filepath.Join(dir, "out.tar.gz")
	for _, c := range badRegistrations() {
		if c.args == nil {
			continue
		}
		url := c.url
		if url == "" {
			url = registeredURL
		}
		args := []string{"--offline", url, "--yes", "--output", output, "--trusted-root", filepath.Join(dir, "root.assert")}
		for _, a := range c.args {
			if _, ok := files[a]; ok || a == "arm" {
				a = filepath.Join(dir, a)
			}
			args = append(args, a)
		}
		err := register(t, args)
		if got := codeOf(err); got != c.code {
			t.Errorf("%s: exit code %d (%v), want %d", c.row, got, err, c.code)
		}
		if err != nil && (strings.Contains(err.Error(), "store-key-secret") || strings.Contains(err.Error(), "hunter2")) {
			t.Errorf("%s: the error says a secret: %v", c.row, err)
		}
		if _, err := os.Lstat(output); err == nil {
			t.Fatalf("%s: something was written", c.row)
		}
	}
}

func register(t *testing.T, args []string) error {
	c := newRegister()
	c.SetArgs(args)
	c.SilenceErrors, c.SilenceUsage = true, true
	c.SetOut(io.Discard)
	c.SetErr(io.Discard)
	return c.ExecuteContext(t.Context())
}

// codeOf returns the exit code of an error.
func codeOf(err error) int {
	var known *cli.Error
	if errors.As(err, &known) && known.Code != cli.Failed {
		return known.Code
	}
	code, _ := hints().Find(err)
	return code
}

// TestTableOfBadRegistrations compares the table of docs/errors.md with the rows.
func TestTableOfBadRegistrations(t *testing.T) {
	t.Parallel()
	want := map[string]string{}
	for _, c := range badRegistrations() {
		want[c.row] = strconv.Itoa(c.code)
	}
	if diff := cmp.Diff(want, doctest.BadInput(t, "Bad registrations")); diff != "" {
		t.Errorf("the table of bad registrations (-tests +docs/errors.md):\n%s", diff)
	}
}
