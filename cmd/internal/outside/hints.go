package outside

import (
	"offlinestore/catalog"
	"offlinestore/cmd/internal/cli"
	"offlinestore/upstream"
)

// Hints returns the rows about the stores upstream.
func Hints() cli.Table {
	const tested = "'snap-store-proxy check-connections' tests the way to upstream; overrides that are set hold meanwhile"
	return cli.Table{
		cli.On(cli.Any(cli.Is(upstream.ErrNotStore), cli.Is(upstream.ErrUnavailable), cli.As[*upstream.StatusError]), cli.Upstream, tested),
		cli.OnType(cli.Gaps, func(e *catalog.NotFoundError) string {
			if e.Upstream {
				return "give a revision and a channel that upstream has; a private snap can't be overridden here"
			}
			return "'snap-store-proxy list-pushed-snaps --long' and 'list-pushed-charms --long' list the revisions of this store; export and push others first"
		}),
	}
}
