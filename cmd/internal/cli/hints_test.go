package cli_test

import (
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"testing"

	"offlinestore/cmd/internal/cli"
	"offlinestore/server/admin/api"
)

// TestTable checks that the first row that matches applies, and that a hint alone leaves the exit code to the rows below it.
func TestTable(t *testing.T) {
	t.Parallel()
	table := cli.Table{
		cli.On(cli.All(cli.As[*fs.PathError], cli.Is(fs.ErrExist)), cli.Usage, "both"),
		cli.On(cli.Any(cli.Is(fs.ErrExist), cli.Is(fs.ErrClosed)), cli.Gaps, "one of them"),
		cli.Advice(cli.Arose("reading"), "give another file"),
		cli.OnType(cli.Damaged, func(e *fs.PathError) string { return "see " + e.Path }),
	}
	for _, c := range []struct {
		err  error
		code int
		hint string
	}{
		{fmt.Errorf("open: %w", &fs.PathError{Path: "a", Err: fs.ErrExist}), cli.Usage, "both"},
		{fmt.Errorf("open: %w", fs.ErrExist), cli.Gaps, "one of them"},
		{fs.ErrClosed, cli.Gaps, "one of them"},
		{fmt.Errorf("open: %w", &fs.PathError{Path: "a", Err: fs.ErrInvalid}), cli.Damaged, "see a"},
		{fs.ErrInvalid, cli.Failed, ""},
		{fmt.Errorf("open: %w", cli.At("reading", fs.ErrInvalid)), cli.Failed, "give another file"},
		{cli.At("reading", &fs.PathError{Path: "a", Err: fs.ErrInvalid}), cli.Damaged, "give another file"},
		{cli.At("writing", &fs.PathError{Path: "a", Err: fs.ErrInvalid}), cli.Damaged, "see a"},
	} {
		if code, hint := table.Find(c.err); code != c.code || hint != c.hint {
			t.Errorf("Find(%v) = %d, %q, want %d, %q", c.err, code, hint, c.code, c.hint)
		}
	}
}

// TestRemoteHints checks the exit code and the hint of each error of the remote administration.
func TestRemoteHints(t *testing.T) {
	t.Parallel()
	const url, email = "https://store.example:8013", "jo@example.internal"
	refused := errors.New("the store says: no (401)")
	for _, c := range []struct {
		err  error
		code int
		hint string
	}{
		{&api.URLError{Text: "store.example"}, cli.Usage, ""},
		{&api.URLError{Text: "ftp://store.example", Local: true}, cli.Usage, ""},
		{&api.InsecureURLError{URL: "http://store.example:8013", Host: "store.example"}, cli.Usage, "ssh -L 8013:127.0.0.1:8013 store.example,"},
		{api.ErrNoCA, cli.Usage, ""},
		{&api.NotLoggedInError{URL: url}, cli.Failed, "log in first: store-admin login --offline " + url + " EMAIL"},
		{&api.DamagedLoginError{URL: url, Path: "file"}, cli.Failed, "log in again: store-admin login --offline " + url + " EMAIL"},
		{&api.LoginExpiredError{URL: url, Email: email, Err: refused}, cli.Failed, "log in again: store-admin login --offline " + url + " " + email},
		{&api.RefusedLoginError{Email: email, Err: refused}, cli.Failed, "snap-store-proxy add-admin " + email},
		{&api.ConnectError{Err: x509.UnknownAuthorityError{}}, cli.Failed, "--ca FILE"},
		{&api.ConnectError{Err: refused}, cli.Failed, ""},
		{&api.NotFoundError{Err: refused}, cli.Gaps, ""},
	} {
		code, hint := cli.RemoteHints().Find(fmt.Errorf("override: %w", c.err))
		if code != c.code || !strings.Contains(hint, c.hint) || (hint == "") != (c.hint == "") {
			t.Errorf("Find(%v) = %d, %q, want %d, %q", c.err, code, hint, c.code, c.hint)
		}
	}
}
