package audit

import (
	"cmp"
	"context"
)

// Actor is who does something, and from where.
type Actor struct {
	// Who is a user of this host or the email of an administrator.
	Who string
	// From is ThisHost, or the address of a client.
	From string
}

// ThisHost is the From of commands.
const ThisHost = "this host"

// Unknown stands for an actor that nobody has named.
const Unknown = "unknown"

type actorKey struct{}

// WithActor returns a context whose acts are the actor's.
func WithActor(ctx context.Context, a Actor) context.Context {
	return context.WithValue(ctx, actorKey{}, a)
}

// ActorOf returns the actor of a context.
func ActorOf(ctx context.Context) Actor {
	a, _ := ctx.Value(actorKey{}).(Actor)
	return Actor{cmp.Or(a.Who, Unknown), cmp.Or(a.From, Unknown)}
}
