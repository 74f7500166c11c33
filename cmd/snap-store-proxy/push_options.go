package main

import "offlinestore/cmd/internal/push"

// newPushOptions returns options that lead to the store and to the hints of this program.
func newPushOptions() push.Options { return push.Options{Open: withInstance, Hints: hints} }
