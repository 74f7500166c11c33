package push

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"offlinestore/cmd/internal/cli"
	"offlinestore/importer"
	"offlinestore/receipt"
)

// printWants prints a want code for each increment whose blobs are not here. Without the code, the error still names the bundles to bring.
func (p *push) printWants(ctx context.Context) {
	for _, f := range p.batch.Files {
		e, ok := errors.AsType[*importer.ExpectedError](f.Err)
		if !ok {
			continue
		}
		w := &receipt.Want{
			Exporter: e.Signer.ID(), Bundle: receipt.BundleID(e.Bundle, e.Predicate.Created, e.Predicate.Sequence), Created: time.Now(),
			Carried: e.Positions, Unknown: e.Unknown > 0,
		}
		code, err := p.in.WantCode(ctx, w)
		if err != nil {
			fmt.Fprintf(os.Stderr, "Warning: no want code: %v\n", err)
			continue
		}
		fmt.Fprintf(os.Stderr, "Want code of %s, for 'store-admin export --want CODE' outside:\n  %s\n", cli.Clean(f.Name), code)
	}
}
