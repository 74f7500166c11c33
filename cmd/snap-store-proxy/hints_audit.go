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
		cli.On(cli.As[*instance.AuditKeyError], cli.Damaged, "bring the file back from a backup; without it, move it away: the next command makes another key, and the trail tells"),
	)
}
