// Package archtest holds the architecture of the module in tests: which package
// may import which, and the rules of style that a machine can check.
package archtest
