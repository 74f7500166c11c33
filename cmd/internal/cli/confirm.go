package cli

import (
	"bufio"
	"fmt"
	"os"
	"strings"
)

// Confirm asks a question on the terminal, and reports whether the answer is yes. Without a terminal it returns an error that names
// --yes.
func Confirm(question string) (bool, error) {
	if !IsTerminal(os.Stdin) {
		return false, Usagef("there is no terminal to answer %q: give --yes", question)
	}
	fmt.Fprintf(os.Stderr, "%s [y/N] ", question)
	answer, err := bufio.NewReader(os.Stdin).ReadString('\n')
	if err != nil {
		return false, fmt.Errorf("read the answer: %w", err)
	}
	answer = strings.ToLower(strings.TrimSpace(answer))
	return answer == "y" || answer == "yes", nil
}
