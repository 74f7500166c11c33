package registrar

import (
	"errors"

	"offlinestore/catalog"
	"offlinestore/session"
)

// The reasons why a request for a serial is refused. Others are errors of the packages session, for its request-id, and assertion.
var (
	// ErrForm reports a body that is not a request for a serial.
	ErrForm = errors.New("not a request for a serial")
	// ErrContradiction reports assertions in a request that do not belong together.
	ErrContradiction = errors.New("the assertions do not belong together")
	// ErrModel reports a model whose devices this store does not register.
	ErrModel = errors.New("this store does not register devices of this model")
	// ErrPolicy reports a model that has no serial policy.
	ErrPolicy = errors.New("the model has no serial policy")
	// ErrAPIKey reports a wrong API key, or none.
	ErrAPIKey = errors.New("the API key is wrong or missing")
	// ErrRemodel reports a device that may not become another model.
	ErrRemodel = errors.New("the device may not become this model")
	// ErrSigningKey reports a key that must not sign a serial. The error that wraps it has the reason, which is for the administrator and not
	// for devices.
	ErrSigningKey = errors.New("the signing key of the model can't be used")
	// ErrTokenAway reports that the token does not answer, although it did before.
	ErrTokenAway = errors.New("the token has gone away")
	// ErrPending reports a request that is recorded, and whose serial is not signed yet. The device sends the same request again later.
	ErrPending = errors.New("the serial is not signed yet")
	// ErrCrowd reports that too many requests wait. The one that failed is not recorded.
	ErrCrowd = errors.New("too many requests for serials wait")
)

// IsRefusal reports whether an error of Register is about the request, or about a fault that only an administrator can mend. Other faults may be
// over soon: a device that sends the same request again is answered then.
func IsRefusal(err error) bool {
	for _, refusal := range []error{catalog.ErrRequestUsed, session.ErrExpired, ErrModel, ErrAPIKey, ErrPolicy, ErrRemodel, ErrSigningKey, ErrNoKey, ErrNoToken} {
		if errors.Is(err, refusal) {
			return true
		}
	}
	return false
}
