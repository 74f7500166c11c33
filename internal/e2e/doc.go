// Package e2e tests the whole path with real clients: a simulated store, both programs as an operator runs them, and snapd's
// own code at the end. It holds nothing but tests.
package e2e
