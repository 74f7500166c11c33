package instance

import (
	"cmp"
	"os"
	"os/user"
	"strconv"
	"strings"
	"sync"

	"offlinestore/audit"
	"offlinestore/blob"
)

// Operator returns the user who runs the program, also through sudo and pkexec. It remembers the user from before root's rights are given up.
func Operator() string { return rememberOperator() }

var rememberOperator = sync.OnceValue(operator)

// HostActor returns the operator as the actor of commands.
func HostActor() audit.Actor { return audit.Actor{Who: Operator(), From: audit.ThisHost} }

func operator() string {
	name := func(uid string) string {
		if u, err := user.LookupId(uid); err == nil {
			return u.Username
		}
		return uid
	}
	if uid := loginUID(); uid != "" {
		return name(uid)
	}
	if uid := os.Getenv("PKEXEC_UID"); uid != "" {
		return name(uid)
	}
	return cmp.Or(os.Getenv("SUDO_USER"), name(strconv.Itoa(os.Getuid())))
}

// loginUID returns the ID of the user who logged in, which no program can change. It is empty where nobody logged in, and on other systems.
func loginUID() string {
	const nobody = "4294967295"
	text, err := blob.ReadFile("/proc/self/loginuid", 64)
	uid := strings.TrimSpace(string(text))
	if err != nil || uid == nobody {
		return ""
	}
	return uid
}
