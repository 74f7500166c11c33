package session

import "offlinestore/assertion"

// VerifyChains verifies a serial and a model up to a root.
func (v *Verifier) VerifyChains(serial, model *assertion.Assertion) error {
	return v.verifyChains(serial, model)
}
