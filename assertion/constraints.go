package assertion

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
)

// missing is the constraint that forbids a header.
const missing = "$MISSING"

// verifyConstraints returns an error unless one of the constraints of the signing key allows all headers of an assertion.
func verifyConstraints(of map[string]any, key *Assertion) error {
	v, ok := key.headers["constraints"]
	if !ok {
		return nil
	}
	list, ok := v.([]any)
	if !ok {
		return fmt.Errorf("constraints of %s: not a list", key.ref)
	}
	for i, item := range list {
		m, _ := item.(map[string]any)
		headers, _ := m["headers"].(map[string]any)
		typ, _ := headers["type"].(string)
		if typ == "" || typ != regexp.QuoteMeta(typ) {
			return fmt.Errorf("constraints of %s: item %d does not name a type", key.ref, i+1)
		}
		match, err := matches(headers, of)
		if err != nil {
			return fmt.Errorf("constraints of %s: item %d: %w", key.ref, i+1, err)
		}
		if match {
			return nil
		}
	}
	return fmt.Errorf("%w: %s", ErrConstraints, key.ref)
}

// matches reports whether a value satisfies a constraint. A constraint is a regular expression for the whole of a string, a map
// of constraints for the entries of a map, or a list of alternatives. Every item of a list has to match.
func matches(constraint, value any) (bool, error) {
	if items, ok := value.([]any); ok {
		for _, item := range items {
			if match, err := matches(constraint, item); !match || err != nil {
				return false, err
			}
		}
		return true, nil
	}
	switch c := constraint.(type) {
	case []any:
		for _, alternative := range c {
			if match, err := matches(alternative, value); match || err != nil {
				return match, err
			}
		}
		return false, nil
	case map[string]any:
		return matchesMap(c, value)
	case string:
		return matchesString(c, value)
	}
	return false, errors.New("not a string, map or list")
}

func matchesMap(constraint map[string]any, value any) (bool, error) {
	m, ok := value.(map[string]any)
	if !ok {
		return false, nil
	}
	for name, c := range constraint {
		v, ok := m[name]
		if c == missing {
			if ok {
				return false, nil
			}
			continue
		}
		if match, err := matches(c, v); !match || err != nil {
			return false, err
		}
	}
	return true, nil
}

func matchesString(constraint string, value any) (bool, error) {
	if strings.HasPrefix(constraint, "$") {
		return false, fmt.Errorf("%.60q: %w", constraint, ErrUnsupported)
	}
	// Compile the constraint alone first: "a)|(b" would escape from the anchors.
	if _, err := regexp.Compile(constraint); err != nil {
		return false, err
	}
	re, err := regexp.Compile("^(?:" + constraint + ")$")
	if err != nil {
		return false, err
	}
	s, ok := value.(string)
	return ok && re.MatchString(s), nil
}
