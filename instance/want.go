package instance

import (
	"context"

	"offlinestore/receipt"
)

// WantCode signs a want code with the store's own key.
func (in *Instance) WantCode(ctx context.Context, w *receipt.Want) (string, error) {
	if _, err := in.MakeAuditKey(ctx, false); err != nil {
		return "", err
	}
	key, err := in.Dir.auditKey()
	if err != nil {
		return "", err
	}
	return w.Code(key)
}
