package main

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/snapcore/snapd/asserts"
	"github.com/snapcore/snapd/asserts/snapasserts"
	"github.com/snapcore/snapd/asserts/sysdb"
	"github.com/snapcore/snapd/snap"
	"github.com/snapcore/snapd/store"
)

// trust holds the roots that the driver trusts.
type trust struct{ root string }

func (t *trust) addFlags(fs *flag.FlagSet) {
	fs.StringVar(&t.root, "root", "", "`FILE` with the trusted account and account-key assertions; Canonical's without it")
}

// openDB returns an empty assertion database founded on the root.
func (t *trust) openDB() (*asserts.Database, error) {
	cfg := &asserts.DatabaseConfig{Backstore: asserts.NewMemoryBackstore()}
	if t.root == "" {
		cfg.Trusted, cfg.OtherPredefined = sysdb.Trusted(), sysdb.Generic()
	} else {
		roots, err := readStream(t.root)
		if err != nil {
			return nil, err
		}
		cfg.Trusted = roots
	}
	db, err := asserts.OpenDatabase(cfg)
	if err != nil {
		return nil, fmt.Errorf("open assertion database: %w", err)
	}
	return db, nil
}

// readStream decodes all assertions of a file ("-" for stdin). If snapd cannot decode one, the error is a refusal.
func readStream(path string) ([]asserts.Assertion, error) {
	var b []byte
	var err error
	if path == "-" {
		b, err = io.ReadAll(os.Stdin)
	} else {
		b, err = os.ReadFile(path)
	}
	if err != nil {
		return nil, err
	}
	var list []asserts.Assertion
	for dec := asserts.NewDecoder(bytes.NewReader(b)); ; {
		a, err := dec.Decode()
		if errors.Is(err, io.EOF) {
			return list, nil
		}
		if err != nil {
			return nil, &refusedError{fmt.Errorf("decode assertion %d of %s: %w", len(list)+1, path, err)}
		}
		list = append(list, a)
	}
}

// chain holds the assertions that were fetched and accepted, prerequisites first.
type chain []asserts.Assertion

func (c chain) refs() []string {
	refs := []string{}
	for _, a := range c {
		refs = append(refs, refPath(a.Ref()))
	}
	return refs
}

func (c chain) write(path string) error {
	var b bytes.Buffer
	enc := asserts.NewEncoder(&b)
	for _, a := range c {
		if err := enc.Encode(a); err != nil {
			return fmt.Errorf("encode %s: %w", refPath(a.Ref()), err)
		}
	}
	return os.WriteFile(path, b.Bytes(), 0o644)
}

func refPath(ref *asserts.Ref) string {
	return strings.Join(append([]string{ref.Type.Name}, ref.PrimaryKey...), "/")
}

// fetchChain fetches the assertions that prove the blob at path, up to the roots, adds them to a fresh database and
// cross-checks the blob.
func fetchChain(sto *store.Store, t *trust, path string, info *snap.Info) (chain, error) {
	db, err := t.openDB()
	if err != nil {
		return nil, err
	}
	digest, size, err := asserts.SnapFileSHA3_384(path)
	if err != nil {
		return nil, fmt.Errorf("hash %s: %w", path, err)
	}
	var got chain
	var noAnswer error
	retrieve := func(ref *asserts.Ref) (asserts.Assertion, error) {
		a, err := sto.Assertion(ref.Type, ref.PrimaryKey, nil)
		if err != nil {
			noAnswer = fmt.Errorf("fetch %s: %w", refPath(ref), err)
			return nil, noAnswer
		}
		return a, nil
	}
	save := func(a asserts.Assertion) error {
		if err := db.Add(a); err != nil {
			return fmt.Errorf("add %s: %w", refPath(a.Ref()), err)
		}
		got = append(got, a)
		return nil
	}
	f := asserts.NewFetcher(db, retrieve, save)
	err = snapasserts.FetchSnapAssertions(f, digest)
	if noAnswer != nil {
		return nil, noAnswer
	}
	if err != nil {
		// The answers arrived, but contradict each other: a bad signature, or an unknown root ("circular assertions").
		return nil, &refusedError{fmt.Errorf("fetch assertions: %w", err)}
	}
	if err := snapasserts.CrossCheck(info.InstanceName(), digest, size, &info.SideInfo, db); err != nil {
		return nil, &refusedError{fmt.Errorf("cross-check: %w", err)}
	}
	return got, nil
}
