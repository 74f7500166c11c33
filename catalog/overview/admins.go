package overview

import (
	"time"

	"offlinestore/catalog"
)

// Admin is an admin in a list.
type Admin struct {
	Email   string    `json:"email"`
	AddedAt time.Time `json:"added-at"`
	// Login is "password", or the state of a token for one login.
	Login string `json:"login"`
}

// Admins returns the admins without their secrets.
func Admins(list []catalog.Admin) []Admin {
	out := []Admin{}
	for _, a := range list {
		login := "password"
		switch {
		case a.Secret == "":
			login = "token, used"
		case a.Once && a.ExpiresAt != nil:
			login = "token, until " + a.ExpiresAt.UTC().Format(time.RFC3339)
		}
		out = append(out, Admin{a.Email, a.AddedAt.UTC(), login})
	}
	return out
}
