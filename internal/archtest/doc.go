// Package archtest holds the architecture of the module in tests. The tests know which package may import which other, and
// the rules of style that a machine can check.
package archtest
