package upstreamtest

import (
	"net/http"

	"offlinestore/assertion"
)

// serveRegisterKey registers the key of an account-key-request for the account of the login. It takes the requests of snapcraft's
// register-key, and answers in the form that snapcraft reads.
func (s *Store) serveRegisterKey(w http.ResponseWriter, r *http.Request) {
	account := s.permitted(w, r, "modify_account_key")
	if account == nil {
		return
	}
	var q struct {
		Request string `json:"account_key_request"`
	}
	if readJSON(w, r, &q) != nil {
		refuseKey(w, "The account-key-request assertion is not valid.")
		return
	}
	a, err := assertion.Decode([]byte(q.Request))
	if err != nil {
		refuseKey(w, "The account-key-request assertion is not valid.")
		return
	}
	k, err := assertion.ReadKeyRequest(a)
	if err != nil || k.AccountID != account.ID {
		refuseKey(w, "The account-key-request assertion is not valid.")
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, formats := range s.assertions {
		if other := formats[0]; other != nil && other.Type() == "account-key" && other.HeaderString("account-id") == k.AccountID && other.HeaderString("name") == k.Name {
			refuseKey(w, "The account already has a key with this name.")
			return
		}
	}
	s.put(s.Stack.Register(a))
	writeJSON(w, http.StatusCreated, object{"public_key": k.KeyID})
}

func refuseKey(w http.ResponseWriter, message string) {
	writeJSON(w, http.StatusBadRequest, object{"error_list": []object{{"code": "invalid-field", "message": message, "extra": object{"field": "account_key_request"}}}})
}
