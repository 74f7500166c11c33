// Command snapdclient drives snapd's own store and asserts packages against a store under test.
//
// It is a module of its own because snapd is GPL-3: the product must neither import it nor be built with it. Tests and the
// demo build it with package snapddriver and run it as a program. Its snapd is of October 2020 (about 2.47): it asks for
// assertions under api/v1 and knows no provenance, no components and no categories.
//
// Every subcommand prints one JSON object on stdout: {"snaps":[...]}, {"assertions":[...]}, {"sections":[...]},
// {"names":[...],"catalog":[...]} or {"files":{...}}. A failure also prints its text on stderr, and
// {"error":{"kind","message",...},"errors":[...]} in the object, one error for each snap. Exit codes:
//
//	0  done
//	1  no answer, or one that snapd does not understand
//	2  wrong usage
//	3  the store answered with an error that snapd knows (unknown snap, closed channel, no such assertion, ...)
//	4  snapd refused the store's data: digest, signature, chain, or an assertion that contradicts the blob
package main
