package overview

import (
	"time"

	"offlinestore/catalog"
)

// Admin is an admin in a list.
type Admin struct {
	Email   string    `json:"email"`
	AddedAt time.Time `json:"added-at"`
	// Login is "password", the state of a token, or "macaroon" for an account of the Snap Store.
	Login string `json:"login"`
	// Roles are sorted.
	Roles []string `json:"roles"`
}

// Admins returns the admins without their secrets.
func Admins(list []catalog.Admin) []Admin {
	out := []Admin{}
	for _, a := range list {
		login := "password"
		switch {
		case a.Secret == "" && !a.Once:
			login = "macaroon"
		case a.Secret == "":
			login = "token, used"
		case a.ExpiresAt != nil:
			login = "token, until " + a.ExpiresAt.UTC().Format(time.RFC3339)
		}
		out = append(out, Admin{a.Email, a.AddedAt.UTC(), login, a.Roles})
	}
	return out
}
