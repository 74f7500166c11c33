package instance

import (
	"os"
	"os/user"
	"strconv"
)

// Operator returns the user who runs the program, also through sudo. Ask before root's rights are given up.
func Operator() string {
	if name := os.Getenv("SUDO_USER"); name != "" {
		return name
	}
	if u, err := user.Current(); err == nil {
		return u.Username
	}
	return strconv.Itoa(os.Getuid())
}
