// Package charm holds Charmhub's vocabulary: the messages of its HTTP API, as both its clients and its servers need them, what a
// charm's or bundle's own files say, and what an export says of them.
//
// Times are kept as the text that the store sent, since the answers that Juju gets must not depend on how we print one.
package charm
