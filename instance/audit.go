package instance

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"time"

	"offlinestore/audit"
	"offlinestore/blob"
	"offlinestore/catalog"
)

// auditKeyFile holds the private key that signs the audit trail.
const auditKeyFile = "audit.key"

// maxAuditKey bounds that file.
const maxAuditKey = 64 << 10

// sealTimeout bounds how long the end of a command waits for the signature of the audit trail.
const sealTimeout = 5 * time.Second

// AuditKeyError means that the key of the audit trail cannot be used.
type AuditKeyError struct{ Err error }

func (e *AuditKeyError) Error() string { return fmt.Sprintf("%s: %v", auditKeyFile, e.Err) }

func (e *AuditKeyError) Unwrap() error { return e.Err }

// auditKey reads the key. The error is an fs.ErrNotExist if nothing was signed yet.
func (d Dir) auditKey() (audit.Key, error) {
	text, err := blob.ReadFile(d.path(auditKeyFile), maxAuditKey)
	if err != nil {
		return audit.Key{}, err
	}
	k, err := audit.ParseKey(text)
	if err != nil {
		return k, &AuditKeyError{err}
	}
	return k, nil
}

// Seal takes waiting acts into the audit trail t, and signs it, unless nothing was added since the last time. The first time, it makes the key.
// A store without acts gets none. The error is a [NoAuditKeyError] if another key has signed the trail, and this folder has none.
func (d Dir) Seal(ctx context.Context, t catalog.Trail) error {
	if err := d.TakeWaiting(ctx, t); err != nil {
		return err
	}
	last, err := d.compareTip(ctx, t)
	if err != nil {
		return err
	}
	tip, err := t.Tip(ctx)
	if err != nil || tip.Number == 0 {
		return err
	}
	key, err := d.auditKey()
	if errors.Is(err, fs.ErrNotExist) {
		key, err = d.firstAuditKey(ctx, t)
	}
	if err != nil {
		return err
	}
	head, err := t.Sign(ctx, key)
	if err != nil {
		return err
	}
	return d.keepTip(ctx, last, tipState{LostTip: audit.LostTip{Rows: head.Number, Hash: head.Hash}})
}

// SealFirst signs the trail of a store that has never signed anything.
func (in *Instance) SealFirst(ctx context.Context) error {
	head, err := in.Catalog.Trail().NewestHead(ctx)
	if err != nil || head != nil || in.Dir.LastSigned().Number > 0 || exists(in.Dir.path(auditKeyFile)) {
		return err
	}
	return in.Dir.Seal(ctx, in.Catalog.Trail())
}

// NoAuditKeyError means that the data folder lacks the key that has signed the audit trail.
type NoAuditKeyError struct {
	// Key is the fingerprint of the key.
	Key string
}

func (e *NoAuditKeyError) Error() string {
	return "the data folder lacks " + auditKeyFile + ", which has signed the audit trail: " + e.Key
}

// firstAuditKey makes the key of a trail that nobody has signed. Another key would make the trail of a store with several servers look as if
// somebody else had signed it.
func (d Dir) firstAuditKey(ctx context.Context, t catalog.Trail) (audit.Key, error) {
	head, err := t.NewestHead(ctx)
	if err != nil {
		return audit.Key{}, err
	}
	if head != nil {
		return audit.Key{}, &NoAuditKeyError{head.Key}
	}
	return d.makeAuditKey(ctx, t, nil)
}

// makeAuditKey makes the key of the audit trail, which is an act. The newest head is nil if there is none.
func (d Dir) makeAuditKey(ctx context.Context, t catalog.Trail, head *audit.Head) (audit.Key, error) {
	key, err := audit.GenerateKey()
	if err != nil {
		return key, err
	}
	text, err := key.PEM()
	if err != nil {
		return key, err
	}
	act := audit.Act{What: "make-audit-key", Subject: key.Public().ID()}
	if head != nil {
		act.Before = map[string]string{"key": head.Key}
	}
	err = d.record(&act, func() error {
		return blob.WriteFile(d.path(auditKeyFile), text, blob.WriteOptions{Mode: 0o600, NoReplace: true})
	})
	if errors.Is(err, fs.ErrExist) { // another process was faster
		return d.auditKey()
	}
	if err != nil {
		return key, err
	}
	return key, d.TakeWaiting(ctx, t)
}

// takeFirst takes acts that wait into the trail, before the acts of this command. A failure leaves them for the next one.
func (in *Instance) takeFirst(ctx context.Context) {
	if err := in.Dir.TakeWaiting(ctx, in.Catalog.Trail()); err != nil {
		in.logf("Acts wait for the audit trail: %v", err)
	}
}

// sealAtEnd signs the trail at the end of a command. A failure leaves the rows, which the next command signs.
func (in *Instance) sealAtEnd() {
	ctx, cancel := context.WithTimeout(audit.WithActor(context.Background(), HostActor()), sealTimeout)
	defer cancel()
	if err := in.Dir.Seal(ctx, in.Catalog.Trail()); err != nil {
		in.logf("The audit trail was not signed: %v", err)
	}
}

// AuditKeys returns the public key of the store, if it has one yet.
func (in *Instance) AuditKeys() ([]audit.PublicKey, error) {
	k, err := in.Dir.auditKey()
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return []audit.PublicKey{k.Public()}, nil
}

// MakeAuditKey returns the public key that verifies the audit trail. It makes the key if there is none. If the trail is signed by another one,
// the error is a [NoAuditKeyError], unless that key is lost.
func (in *Instance) MakeAuditKey(ctx context.Context, lost bool) (audit.PublicKey, error) {
	trail := in.Catalog.Trail()
	k, err := in.Dir.auditKey()
	if errors.Is(err, fs.ErrNotExist) && lost {
		var head *audit.Head
		if head, err = trail.NewestHead(ctx); err == nil {
			k, err = in.Dir.makeAuditKey(ctx, trail, head)
		}
	} else if errors.Is(err, fs.ErrNotExist) {
		k, err = in.Dir.firstAuditKey(ctx, trail)
	}
	if err != nil {
		return audit.PublicKey{}, err
	}
	return k.Public(), nil
}

// ExportAudit writes the rows that are not older than since, with the signed heads among them.
func (in *Instance) ExportAudit(ctx context.Context, w io.Writer, since time.Time) error {
	trail := in.Catalog.Trail()
	if _, err := in.MakeAuditKey(ctx, false); err != nil {
		return err
	}
	if err := in.Dir.Seal(ctx, trail); err != nil {
		return err
	}
	key, err := in.Dir.auditKey()
	if err != nil {
		return err
	}
	previous, err := trail.Before(ctx, since)
	if err != nil {
		return err
	}
	last, err := trail.Tip(ctx)
	if err != nil {
		return err
	}
	out := bufio.NewWriterSize(w, 1<<20)
	file, err := key.NewWriter(out, previous, last, time.Now())
	if err != nil {
		return err
	}
	if err := trail.Read(ctx, previous.Number, last.Number, catalog.Visitor{Row: file.Row, Head: file.Head}); err != nil {
		return err
	}
	return out.Flush()
}
