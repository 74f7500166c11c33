package main

import (
	"offlinestore/cmd/internal/cli"
	"offlinestore/receipt"
	"offlinestore/receiver"
)

// receiverHints returns the rows about receivers and their receipts.
func receiverHints() cli.Table {
	return cli.Table{
		cli.On(cli.Is(receiver.ErrUnknown), cli.Failed, "'store-admin receiver list' names the receivers; 'receiver add NAME' adds one"),
		cli.On(cli.Is(receiver.ErrExists), cli.Failed, "'store-admin receiver show NAME' tells about it"),
		cli.On(cli.Is(receiver.ErrNoKey), cli.Untrusted, "bring the file of 'snap-store-proxy audit key' from the site once, and run 'store-admin receiver update NAME --key FILE'"),
		cli.On(cli.Is(receipt.ErrTyping), cli.Usage, "the push prints it again; O, I and L are read as 0 and 1"),
		cli.On(cli.Is(receipt.ErrCode), cli.Usage, "a want code is printed by a push that lacks blobs, in groups of five characters"),
		cli.On(cli.Is(receiver.ErrUsed), cli.Failed, "push its bundle; if that was lost, a push of the increment prints another code"),
		cli.On(cli.Is(receiver.ErrUnknownBundle), cli.Failed, "export again with --for NAME --full, which leaves nothing out"),
		cli.On(cli.Is(errNotInCache), cli.Gaps, "export again with --for NAME --full, which downloads what is missing"),
		cli.On(cli.Is(receiver.ErrFuture), cli.Failed, "correct the clock of the site or of this host, and write another receipt"),
		cli.On(cli.Is(receiver.ErrOlder), cli.Failed, "take the newest one of the site; if its clock was wrong, correct it and write another receipt"),
		cli.On(cli.Is(receipt.ErrSignature), cli.Untrusted, "ask at the site for the fingerprint of 'snap-store-proxy audit key'; 'receiver update NAME --key FILE' sets another key"),
		cli.On(cli.Is(receipt.ErrForm), cli.Damaged, "copy the file again; 'snap-store-proxy receipt --output FILE' writes one"),
		cli.On(cli.As[*receiver.DamageError], cli.Damaged, "remove the receiver and add it again: then the next bundle leaves nothing out"),
	}
}
