package main

import (
	"fmt"

	"offlinestore/bundle"
	"offlinestore/cmd/internal/cli"
)

// partsHints returns the rows about exports in parts.
func partsHints() cli.Table {
	return cli.Table{
		cli.OnType(cli.NoSpace, func(e *nextMediumError) string {
			return fmt.Sprintf("put the next medium in place of this one and run the same command again: it goes on with part %d of %d", e.number, e.count)
		}),
		cli.On(cli.As[*bundle.PartSizeError], cli.Usage, ""),
		cli.On(cli.As[*partsStateError], cli.Failed, "give --start-over to begin another export"),
	}
}
