package archtest_test

import (
	"go/ast"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// idioms are phrases that hide the subject or the verb of a sentence. Comments
// of other Go projects hardly have them.
var idioms = regexp.MustCompile(`\b(says? (whether|what|which|how|who|where|why)|(is|are) what|those that|those of|that of|(of|to|by|from|with|for|than|as) what|what (is|are|has|have|was|were|a|an|the|it|they|no|each|every)|whoever|whatever)\b`)

// allowedIdioms returns parts of the comments that may keep an idiom.
func allowedIdioms() []string {
	return []string{}
}

const maxAllowedIdioms = 10

// TestCommentsArePlain rejects the idioms in comments, and doc comments that
// begin with "what".
func TestCommentsArePlain(t *testing.T) {
	t.Parallel()
	allowed := allowedIdioms()
	if len(allowed) > maxAllowedIdioms {
		t.Errorf("%d comments may keep an idiom, want at most %d", len(allowed), maxAllowedIdioms)
	}
	for _, s := range englishSources(t) {
		for _, group := range s.file.Comments {
			text := strings.Join(strings.Fields(group.Text()), " ")
			if strings.HasPrefix(strings.ToLower(text), "what ") {
				t.Errorf("%s: the comment begins with %.40q", s.at(group), text)
			}
			if slices.ContainsFunc(allowed, func(part string) bool { return strings.Contains(text, part) }) {
				continue
			}
			if idiom := idioms.FindString(text); idiom != "" {
				t.Errorf("%s: %q in %.160q", s.at(group), idiom, text)
			}
		}
	}
}

// verb matches a verb in the present.
var verb = regexp.MustCompile(`^[a-z]+s,?$`)

// TestFunctionCommentsBeginWithAVerb checks that the doc comment of each function begins with its name and a verb in the
// present. "Is" names a state, not an action.
func TestFunctionCommentsBeginWithAVerb(t *testing.T) {
	t.Parallel()
	for _, s := range englishSources(t) {
		for _, decl := range s.file.Decls {
			f, ok := decl.(*ast.FuncDecl)
			if !ok || f.Doc == nil {
				continue
			}
			words := strings.Fields(f.Doc.Text())
			if len(words) < 2 || words[0] != f.Name.Name {
				t.Errorf("%s: the comment of %s does not begin with its name", s.at(f), f.Name.Name)
			} else if !verb.MatchString(words[1]) || slices.Contains([]string{"is", "was", "has", "this", "its"}, words[1]) {
				t.Errorf("%s: the comment of %s has %q in the place of a verb", s.at(f), f.Name.Name, words[1])
			}
		}
	}
}

// englishSources returns all files, or the files below the folder that the
// environment variable ENGLISH names: `ENGLISH=blob go test ./internal/archtest`.
func englishSources(t *testing.T) []source {
	t.Helper()
	below := os.Getenv("ENGLISH")
	return slices.DeleteFunc(allSources(t), func(s source) bool { return below != "" && !inside(s.pkg(), below) })
}
