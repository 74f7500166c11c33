package main

import (
	"offlinestore/cmd/internal/cli"
	"offlinestore/cmd/internal/trail"
	"offlinestore/instance"
)

// auditHints returns the rows about the audit trail.
func auditHints() cli.Table {
	return append(trail.Hints(),
		cli.On(cli.Is(instance.ErrManyWaiting), cli.Failed, "they are taken over once the database answers: run 'snap-store-proxy audit verify'"),
		cli.On(cli.As[*instance.AuditKeyError], cli.Damaged, "bring the file back from a backup; without it, move it away: 'audit key --lost' makes another key, and the trail tells"),
		cli.On(cli.As[*instance.NoAuditKeyError], cli.Damaged, "copy audit.key from the data folder of the store's other server, or from a backup; if it is lost, 'snap-store-proxy audit key --lost' makes another one"),
	)
}
