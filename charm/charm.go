// Package charm holds Charmhub's vocabulary: the messages of its HTTP API, for clients and for servers, the metadata files of
// charms and charm bundles, and the description of both in an export.
//
// Times are kept as the text that the store sent, since the answers that Juju gets must not depend on our formatting.
package charm
