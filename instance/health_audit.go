package instance

import (
	"context"
	"time"

	"offlinestore/audit"
	"offlinestore/catalog"
)

// AuditState is the state of the audit trail.
type AuditState struct {
	Rows  int64 `json:"rows"`
	Bytes int64 `json:"bytes"`
	// SignedRows is the number of rows that the newest signature vouches for.
	SignedRows int64      `json:"signed-rows"`
	SignedAt   *time.Time `json:"signed-at,omitempty"`
	// UnsignedSince is the time of the first row after them. It is nil if all rows are signed.
	UnsignedSince *time.Time `json:"unsigned-since,omitempty"`
}

// addAudit examines the audit trail.
func (h *Health) addAudit(ctx context.Context, t catalog.Trail) error {
	rows, size, err := t.Size(ctx)
	if err != nil {
		return err
	}
	h.Audit = &AuditState{Rows: rows, Bytes: size}
	head, err := t.NewestHead(ctx)
	if err != nil {
		return err
	}
	if head != nil {
		h.Audit.SignedRows, h.Audit.SignedAt = head.Number, &head.At
	}
	return t.Read(ctx, h.Audit.SignedRows, h.Audit.SignedRows+1, catalog.Visitor{Row: func(e audit.Entry) error {
		h.Audit.UnsignedSince = &e.At
		return nil
	}})
}
