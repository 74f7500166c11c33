package cli

import "errors"

// Match reports whether a row of a Table applies to an error.
type Match func(error) bool

// Is matches the errors that wrap target.
func Is(target error) Match {
	return func(err error) bool { return errors.Is(err, target) }
}

// As reports whether err wraps an error of type E.
func As[E error](err error) bool {
	_, ok := errors.AsType[E](err)
	return ok
}

// All matches an error if every matcher of the list matches it.
func All(list ...Match) Match {
	return func(err error) bool {
		for _, m := range list {
			if !m(err) {
				return false
			}
		}
		return true
	}
}

// Any matches an error if at least one matcher of the list matches it.
func Any(list ...Match) Match {
	return func(err error) bool {
		for _, m := range list {
			if m(err) {
				return true
			}
		}
		return false
	}
}

// Row gives an error its exit code and, if the hint is not empty, a hint about the next step.
type Row struct {
	match Match
	code  int
	hint  func(error) string
}

// On returns a row for the errors that m matches.
func On(m Match, code int, hint string) Row {
	return Row{m, code, func(error) string { return hint }}
}

// Advice returns a row with a hint alone: the rows below it give the exit code.
func Advice(m Match, hint string) Row {
	return Row{m, codeBelow, func(error) string { return hint }}
}

// codeBelow stands for the code of the next row that matches.
const codeBelow = -1

// OnType returns a row for the errors that wrap one of type E. The function makes the hint from that error.
func OnType[E error](code int, hint func(E) string) Row {
	return Row{As[E], code, func(err error) string {
		e, _ := errors.AsType[E](err)
		return hint(e)
	}}
}

// Table holds the hints that a program prints for errors of the packages below it. The first row that matches applies.
// Packages below cmd name no commands and no flags, because either program may use them; this table contains those words.
type Table []Row

// Find returns the exit code and the hint of err; the code is Failed if no row matches.
func (t Table) Find(err error) (code int, hint string) {
	for _, r := range t {
		if !r.match(err) {
			continue
		}
		if hint == "" {
			hint = r.hint(err)
		}
		if r.code != codeBelow {
			return r.code, hint
		}
	}
	return Failed, hint
}
