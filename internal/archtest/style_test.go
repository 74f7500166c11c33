package archtest_test

import (
	"go/ast"
	"go/token"
	"slices"
	"strings"
	"testing"
)

// A longer file or function contains a second idea.
const (
	maxFileLines     = 300
	maxFunctionLines = 50
)

func TestFilesAndFunctionsAreShort(t *testing.T) {
	t.Parallel()
	for _, s := range sources(t) {
		if n := s.fset.File(s.file.FileStart).LineCount(); n > maxFileLines {
			t.Errorf("%s has %d lines, want at most %d", s.path, n, maxFileLines)
		}
		for _, decl := range s.file.Decls {
			if f, ok := decl.(*ast.FuncDecl); ok && s.lines(f) > maxFunctionLines {
				t.Errorf("%s: %s has %d lines, want at most %d", s.at(f), f.Name.Name, s.lines(f), maxFunctionLines)
			}
		}
	}
}

func TestNothingRunsBeforeMain(t *testing.T) {
	t.Parallel()
	for _, s := range sources(t) {
		for _, decl := range s.file.Decls {
			if f, ok := decl.(*ast.FuncDecl); ok && f.Recv == nil && f.Name.Name == "init" {
				t.Errorf("%s: func init, want none", s.at(f))
			}
		}
	}
}

func TestPackagesSayWhatTheyAre(t *testing.T) {
	t.Parallel()
	comments := map[string]int{}
	for _, s := range sources(t) {
		comments[s.pkg()] += 0
		if s.file.Doc == nil {
			continue
		}
		comments[s.pkg()]++
		name, text := s.file.Name.Name, s.file.Doc.Text()
		if want := "Package " + name + " "; name != "main" && !strings.HasPrefix(text, want) {
			t.Errorf("%s: the package comment begins with %.30q, want %q", s.path, text, want)
		}
	}
	for pkg, n := range comments {
		if n != 1 {
			t.Errorf("%s has %d package comments, want 1", pkg, n)
		}
	}
}

func TestExportedNamesAreDocumented(t *testing.T) {
	t.Parallel()
	for _, s := range sources(t) {
		if s.file.Name.Name == "main" {
			continue // nobody imports it
		}
		for _, decl := range s.file.Decls {
			switch d := decl.(type) {
			case *ast.FuncDecl:
				if d.Recv == nil || exportedReceiver(d.Recv) && !speaksForItself(d.Name.Name) {
					s.checkDoc(t, d.Name, d.Doc)
				}
			case *ast.GenDecl:
				s.checkGroup(t, d)
			}
		}
	}
}

// checkGroup requires a comment for each exported type. One comment may introduce a group of constants or variables.
func (s source) checkGroup(t *testing.T, d *ast.GenDecl) {
	t.Helper()
	for _, spec := range d.Specs {
		switch spec := spec.(type) {
		case *ast.TypeSpec:
			doc := spec.Doc
			if doc == nil {
				doc = d.Doc
			}
			s.checkDoc(t, spec.Name, doc)
		case *ast.ValueSpec:
			grouped := d.Lparen.IsValid()
			if grouped && (d.Doc != nil || spec.Doc != nil || spec.Comment != nil) {
				continue
			}
			for _, name := range spec.Names {
				s.checkDoc(t, name, d.Doc)
			}
		}
	}
}

// checkDoc requires that doc begins with name, if the name is exported. "A" and "An" may stand before it, as in the
// standard library.
func (s source) checkDoc(t *testing.T, name *ast.Ident, doc *ast.CommentGroup) {
	t.Helper()
	if !token.IsExported(name.Name) {
		return
	}
	words := strings.Fields(doc.Text())
	if len(words) > 1 && (words[0] == "A" || words[0] == "An") {
		words = words[1:]
	}
	if len(words) == 0 || strings.TrimRight(words[0], ",:") != name.Name {
		t.Errorf("%s: the comment of %s does not begin with its name", s.at(name), name.Name)
	}
}

// speaksForItself reports whether a method only implements an interface of package errors or fmt.
func speaksForItself(method string) bool {
	return slices.Contains([]string{"Error", "Is", "As", "Unwrap", "String"}, method)
}

// exportedReceiver reports whether a method is visible outside of its package.
func exportedReceiver(recv *ast.FieldList) bool {
	typ := recv.List[0].Type
	for {
		switch t := typ.(type) {
		case *ast.StarExpr:
			typ = t.X
		case *ast.IndexExpr:
			typ = t.X
		case *ast.Ident:
			return t.IsExported()
		default:
			return false
		}
	}
}
