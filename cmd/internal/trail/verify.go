// Package trail holds the words of both programs for the verification of an audit trail.
package trail

import (
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"offlinestore/audit"
	"offlinestore/blob"
	"offlinestore/cmd/internal/cli"
)

// maxKey bounds a file with a public key.
const maxKey = 64 << 10

// Check is the verification of an audit trail, by the flags of a command.
type Check struct {
	keys, rows []string
	json       bool
}

// AddFlags adds the flags to a command.
func (o *Check) AddFlags(c *cobra.Command) {
	c.Flags().StringArrayVar(&o.keys, "key", nil, "public key of the store (`FILE` from 'snap-store-proxy audit key'); repeatable")
	c.Flags().StringArrayVar(&o.rows, "row", nil, "`NUMBER:HASH` of a row that was noted earlier; repeatable")
	c.Flags().BoolVar(&o.json, "json", false, "print JSON")
}

var hashForm = regexp.MustCompile(`^[0-9a-f]{64}$`)

// Verifier returns the verifier that the flags describe. It also knows the given keys.
func (o *Check) Verifier(known ...audit.PublicKey) (*audit.Verifier, error) {
	for _, path := range o.keys {
		text, err := blob.ReadFile(path, maxKey)
		if err != nil {
			return nil, err
		}
		k, err := audit.ParsePublicKey(text)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		known = append(known, k)
	}
	v := audit.NewVerifier(known...)
	for _, row := range o.rows {
		number, hash, _ := strings.Cut(row, ":")
		n, err := strconv.ParseInt(number, 10, 64)
		if err != nil || n < 1 || !hashForm.MatchString(hash) {
			return nil, cli.Usagef("--row %.100q: want NUMBER:HASH", row)
		}
		v.Expect(audit.Tip{Number: n, Hash: hash})
	}
	return v, nil
}

// RunFile verifies an exported file, or standard input if path is -.
func (o *Check) RunFile(c *cobra.Command, path string) error {
	if len(o.keys) == 0 {
		return &cli.Error{Code: cli.Usage, Err: errors.New("--key: no public key to verify the file with"),
			Hint: "give the key that 'snap-store-proxy audit key' printed, from a source that you trust; the file alone proves nothing"}
	}
	v, err := o.Verifier()
	if err != nil {
		return err
	}
	in := c.InOrStdin()
	if path != "-" {
		f, err := blob.OpenNamed(path)
		if err != nil {
			return err
		}
		defer f.Close()
		in = f
	}
	r, err := v.VerifyFile(in)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return o.Print(c.OutOrStdout(), r)
}

// Print prints the result. The error tells whether the trail is whole.
func (o *Check) Print(w io.Writer, r *audit.Result) error {
	if o.json {
		return errors.Join(cli.PrintJSON(w, r), r.Err())
	}
	for _, p := range r.Problems {
		fmt.Fprintln(w, cli.Clean(p.String()))
	}
	if r.More > 0 {
		fmt.Fprintf(w, "… and %d more\n", r.More)
	}
	for _, p := range r.Warnings {
		fmt.Fprintln(w, "Warning: "+cli.Clean(p.String()))
	}
	if r.MoreWarnings > 0 {
		fmt.Fprintf(w, "… and %d more warnings\n", r.MoreWarnings)
	}
	if !r.IsWhole() {
		return r.Err()
	}
	if r.Last < r.First {
		fmt.Fprintln(w, "There are no rows.")
		return nil
	}
	fmt.Fprintf(w, "Rows %d to %d are whole.\n", r.First, r.Last)
	if r.First > 1 {
		fmt.Fprintf(w, "The rows before %d are in another file.\n", r.First)
	}
	if r.SignedAt != nil {
		fmt.Fprintf(w, "Signed up to row %d, at %s.\n", r.SignedRows, r.SignedAt.Format(time.RFC3339))
	}
	fmt.Fprintf(w, "To compare later: --row %d:%s\n", r.Last, r.Hash)
	return nil
}

// Hints returns the rows about audit trails.
func Hints() cli.Table {
	return cli.Table{
		cli.On(cli.Is(audit.ErrBroken), cli.Damaged, "compare with an older export, which tells what the rows were; docs/audit.md has the next steps"),
		cli.On(cli.Is(audit.ErrNotCompared), cli.Untrusted, "verify a file that has the row: an 'audit export' without --since has all"),
		cli.On(cli.Is(audit.ErrUnsigned), cli.Untrusted, "give the key of the store with --key, and older keys, too, if the store has lost its key"),
	}
}
