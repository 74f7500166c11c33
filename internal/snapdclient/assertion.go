package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"strings"

	"github.com/snapcore/snapd/asserts"
	"github.com/snapcore/snapd/store"
)

// assertionReport is the printed form of an assertion.
type assertionReport struct {
	Ref         string         `json:"ref"`
	Type        string         `json:"type"`
	Format      int            `json:"format"`
	Revision    int            `json:"revision"`
	AuthorityID string         `json:"authority-id,omitempty"`
	Headers     map[string]any `json:"headers,omitempty"`
	Encoded     string         `json:"encoded,omitempty"`
}

// assertionsResult is the output of every subcommand that asks for assertions.
type assertionsResult struct {
	Assertions []assertionReport `json:"assertions"`
}

func newAssertionReport(a asserts.Assertion) assertionReport {
	return assertionReport{
		Ref: refPath(a.Ref()), Type: a.Type().Name, Format: a.Format(), Revision: a.Revision(), AuthorityID: a.AuthorityID(),
	}
}

func setupAssertion(fs *flag.FlagSet) runner {
	var t target
	t.addFlags(fs)
	out := fs.String("out", "", "`FILE` to write the assertion to")
	return func(_ context.Context, args []string) (any, error) {
		ref, err := parseRef(args)
		if err != nil {
			return nil, err
		}
		sto, err := t.open()
		if err != nil {
			return nil, err
		}
		a, err := sto.Assertion(ref.Type, ref.PrimaryKey, nil)
		if err != nil {
			return nil, err
		}
		r := newAssertionReport(a)
		r.Headers, r.Encoded = a.Headers(), string(asserts.Encode(a))
		if *out != "" {
			err = os.WriteFile(*out, []byte(r.Encoded), 0o644)
		}
		return assertionsResult{[]assertionReport{r}}, err
	}
}

func parseRef(parts []string) (*asserts.Ref, error) {
	if len(parts) == 0 {
		return nil, usageError("name the assertion's type and key")
	}
	typ := asserts.Type(parts[0])
	if typ == nil {
		return nil, usageError(fmt.Sprintf("snapd %s knows no assertion type %q", snapdVersion, parts[0]))
	}
	if len(parts)-1 != len(typ.PrimaryKey) {
		return nil, usageError(fmt.Sprintf("%s has the key %s", typ.Name, strings.Join(typ.PrimaryKey, " ")))
	}
	return &asserts.Ref{Type: typ, PrimaryKey: parts[1:]}, nil
}

// fetchOptions are the flags of the fetch-assertions subcommand.
type fetchOptions struct {
	target target
	trust  trust
	have   string
}

func setupFetchAssertions(fs *flag.FlagSet) runner {
	var o fetchOptions
	o.target.addFlags(fs)
	o.trust.addFlags(fs)
	fs.StringVar(&o.have, "have", "", "`STREAM` of what the device has: of these only newer revisions are asked for")
	return func(ctx context.Context, args []string) (any, error) {
		if len(args) == 0 {
			return nil, usageError("name the assertions, as TYPE/KEY...")
		}
		return runFetchAssertions(ctx, &o, args)
	}
}

// runFetchAssertions fetches assertions in bulk through the refresh endpoint. snapd refreshes declarations like this since
// 2.46.
func runFetchAssertions(ctx context.Context, o *fetchOptions, args []string) (any, error) {
	sto, err := o.target.open()
	if err != nil {
		return nil, err
	}
	db, err := o.trust.openDB()
	if err != nil {
		return nil, err
	}
	if o.have != "" {
		if _, err := addStream(db, o.have); err != nil {
			return nil, fmt.Errorf("read --have: %w", err)
		}
	}
	pool, err := newPool(db, args)
	if err != nil {
		return nil, err
	}
	if err := resolve(ctx, sto, pool); err != nil {
		return nil, err
	}
	if err := pool.CommitTo(db); err != nil {
		return nil, fmt.Errorf("commit: %w", err)
	}
	for _, arg := range args {
		if err := pool.Err(arg); err != nil {
			return nil, fmt.Errorf("%s: %w", arg, poolError(err))
		}
	}
	return closure(db, args)
}

// poolError distinguishes an assertion that the store didn't have from one that snapd rejected.
func poolError(err error) error {
	if asserts.IsNotFound(err) || errors.Is(err, asserts.ErrUnresolved) {
		return err
	}
	return &refusedError{err}
}

// closure returns the assertions in the database that are in args or are needed by them, prerequisites first.
func closure(db *asserts.Database, args []string) (any, error) {
	list := []assertionReport{}
	find := func(ref *asserts.Ref) (asserts.Assertion, error) { return ref.Resolve(db.Find) }
	f := asserts.NewFetcher(db, find, func(a asserts.Assertion) error {
		list = append(list, newAssertionReport(a))
		return nil
	})
	for _, arg := range args {
		ref, err := parseRef(strings.Split(arg, "/"))
		if err != nil {
			return nil, err
		}
		if err := f.Fetch(ref); err != nil {
			return nil, err
		}
	}
	return assertionsResult{list}, nil
}

// newPool puts each reference into a group of its own, as snapd does for each snap.
func newPool(db *asserts.Database, args []string) (*asserts.Pool, error) {
	const step = 16 // NewPool requires a multiple of it
	pool := asserts.NewPool(db, (len(args)+step-1)/step*step)
	for _, arg := range args {
		ref, err := parseRef(strings.Split(arg, "/"))
		if err != nil {
			return nil, err
		}
		_, err = ref.Resolve(db.Find)
		switch {
		case err == nil:
			err = pool.AddToUpdate(ref, arg)
		case asserts.IsNotFound(err):
			err = pool.AddUnresolved(&asserts.AtRevision{Ref: *ref, Revision: asserts.RevisionNotKnown}, arg)
		}
		if err != nil {
			return nil, err
		}
	}
	return pool, nil
}

// resolve sends requests until the pool needs nothing more.
func resolve(ctx context.Context, sto *store.Store, pool *asserts.Pool) error {
	for {
		_, answers, err := sto.SnapAction(ctx, nil, nil, pool, nil, nil)
		var action *store.SnapActionError
		if errors.As(err, &action) && action.NoResults && len(action.Other) == 0 {
			// SnapAction also returns this error if the pool has nothing left to ask for.
			return nil
		}
		if err != nil {
			return err
		}
		for _, answer := range answers {
			batch := asserts.NewBatch(nil)
			if err := sto.DownloadAssertions(answer.StreamURLs, batch, nil); err != nil {
				return fmt.Errorf("download assertions: %w", err)
			}
			// The pool keeps the error of an invalid assertion as the error of its group.
			if _, err := pool.AddBatch(batch, answer.Grouping); err != nil {
				return fmt.Errorf("take assertions: %w", err)
			}
		}
	}
}
