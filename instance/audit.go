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
// A store without acts gets none.
func (d Dir) Seal(ctx context.Context, t catalog.Trail) error {
	if err := d.TakeWaiting(ctx, t); err != nil {
		return err
	}
	if err := d.compareTip(ctx, t); err != nil {
		return err
	}
	tip, err := t.Tip(ctx)
	if err != nil || tip.Number == 0 {
		return err
	}
	key, err := d.auditKey()
	if errors.Is(err, fs.ErrNotExist) {
		key, err = d.makeAuditKey(ctx, t)
	}
	if err != nil {
		return err
	}
	head, err := t.Sign(ctx, key)
	if err != nil {
		return err
	}
	return d.keepTip(head.Tip)
}

// makeAuditKey makes the key of the audit trail, which is an act.
func (d Dir) makeAuditKey(ctx context.Context, t catalog.Trail) (audit.Key, error) {
	key, err := audit.GenerateKey()
	if err != nil {
		return key, err
	}
	text, err := key.PEM()
	if err != nil {
		return key, err
	}
	err = blob.WriteFile(d.path(auditKeyFile), text, blob.WriteOptions{Mode: 0o600, NoReplace: true})
	if errors.Is(err, fs.ErrExist) { // another process was faster
		return d.auditKey()
	}
	if err != nil {
		return key, err
	}
	act := audit.Act{What: "make-audit-key", Subject: key.Public().ID()}
	if head, err := t.NewestHead(ctx); err != nil {
		return key, err
	} else if head != nil {
		act.Before = map[string]string{"key": head.Key}
	}
	return key, t.Add(ctx, audit.Events(audit.ActorOf(ctx), act))
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
	return []audit.PublicKey{k.Public()}, err
}

// MakeAuditKey returns the public key that verifies the audit trail. It makes the key if there is none.
func (in *Instance) MakeAuditKey(ctx context.Context) (audit.PublicKey, error) {
	k, err := in.Dir.auditKey()
	if errors.Is(err, fs.ErrNotExist) {
		k, err = in.Dir.makeAuditKey(ctx, in.Catalog.Trail())
	}
	if err != nil {
		return audit.PublicKey{}, err
	}
	return k.Public(), nil
}

// ExportAudit writes the rows that are not older than since, with the signed heads among them.
func (in *Instance) ExportAudit(ctx context.Context, w io.Writer, since time.Time) error {
	trail := in.Catalog.Trail()
	if _, err := in.MakeAuditKey(ctx); err != nil {
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
