package main

import (
	"errors"
	"fmt"
	"os"

	"offlinestore/instance/settings"
)

// obsolete returns the reason why a setting of the original has no meaning here. For other errors it returns nothing.
func obsolete(err error) string {
	if unknown, ok := errors.AsType[*settings.UnknownKeyError](err); ok {
		return unknown.Obsolete
	}
	return ""
}

// warnOfObsolete prints that a setting of the original is left out. Scripts for the original go on.
func warnOfObsolete(o settings.Omission) {
	fmt.Fprintf(os.Stderr, "Left out %s: %s\n", o.Name, o.Why)
}
