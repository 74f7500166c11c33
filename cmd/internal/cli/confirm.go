package cli

import (
	"os"
	"strings"
)

// Confirm asks a question on the terminal, and reports whether the answer is yes. Without a terminal it returns an error that names
// --yes.
func Confirm(question string) (bool, error) {
	if !IsTerminal(os.Stdin) {
		return false, Usagef("there is no terminal to answer %q: give --yes", question)
	}
	answer, err := Ask(question + " [y/N] ")
	if err != nil {
		return false, err
	}
	answer = strings.ToLower(answer)
	return answer == "y" || answer == "yes", nil
}
