// Package e2e tests the whole path with real clients: a simulated store, both programs as an operator runs them, and at
// the end snapd's own code, skopeo, and the requests of Juju. It contains only tests.
package e2e
