package catalog_test

import (
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// leavesNoRow lists the functions that write without a row in the audit trail, and the reasons.
func leavesNoRow() map[string]string {
	return map[string]string{
		"DB.PlanAll":             "it is rolled back",
		"DB.EndPartSet":          "the bundle has a row",
		"DB.ForgetWanted":        "no device gets anything else",
		"Reader.AddWanted":       "no device gets anything else",
		"Reader.AddEdgeDevices":  "no device gets anything else",
		"Reader.AddEdgeReleases": "no device gets anything else",
		"Reader.AddEdgeCharms":   "no device gets anything else",
		"Reader.UseNonce":        "it expires",
		"Reader.ForgetNonces":    "they have expired",
		"DB.CountAttempt":        "it expires",

		"Reader.AnnounceServer": "it expires",
		"Reader.RemoveServer":   "no device gets anything else",
		"Trail.Sign":            "it is the trail",

		"DB.BeginSigningKey":          "the key has a row once it is made",
		"DB.EndSigningKey":            "the key has a row",
		"Reader.TakeSerialRequest":    "it expires",
		"Reader.KeepSerialRequests":   "it expires",
		"Reader.DropSerialRequest":    "it has no answer",
		"Reader.ForgetSerialRequests": "they have expired",
		"Reader.PollSerialRequest":    "it expires",
		"Reader.RepeatSerial":         "it expires",
		"Open":                        "upgrades of tables keep their content",
		"OpenExisting":                "upgrades of tables keep their content",
	}
}

// TestEachWriteHasARow finds exported functions that write and never reach addRows.
func TestEachWriteHasARow(t *testing.T) {
	t.Parallel()
	g := readGraph(t)
	exempt := leavesNoRow()
	checked := 0
	for name, f := range g.funcs {
		if !ast.IsExported(name[strings.LastIndex(name, ".")+1:]) || !g.reaches(f, func(f *function) bool { return f.writes }) {
			continue
		}
		checked++
		if _, ok := exempt[name]; ok {
			delete(exempt, name)
			continue
		}
		if !g.reaches(f, func(f *function) bool { return f.name == "addRows" }) {
			t.Errorf("%s writes, and leaves no row in the audit trail", name)
		}
	}
	if checked < 12 {
		t.Errorf("found %d functions that write; the test is blind", checked)
	}
	for name := range exempt {
		t.Errorf("%s does not write any more", name)
	}
}

// function is a function of the package, with the functions and constants that it names.
type function struct {
	name   string
	writes bool
	uses   []types.Object
}

type graph struct {
	funcs map[string]*function
	byObj map[types.Object]*function
}

var writing = regexp.MustCompile(`(?i)\b(insert into|update [a-z_]+ (o )?set|delete from|truncate|copy) `)

// readGraph reads the package without its imports, whose types do not matter here.
func readGraph(t *testing.T) *graph {
	t.Helper()
	fset := token.NewFileSet()
	paths, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	var files []*ast.File
	for _, path := range paths {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(fset, path, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, f)
	}
	info := &types.Info{Uses: make(map[*ast.Ident]types.Object), Defs: make(map[*ast.Ident]types.Object)}
	conf := types.Config{Importer: noImports{}, Error: func(error) {}}
	conf.Check("catalog", fset, files, info) // the errors are about other packages
	g := &graph{funcs: make(map[string]*function), byObj: make(map[types.Object]*function)}
	for _, f := range files {
		for _, d := range f.Decls {
			g.add(info, d)
		}
	}
	return g
}

type noImports struct{}

func (noImports) Import(path string) (*types.Package, error) {
	if path == "context" || path == "time" || path == "errors" {
		return importer.Default().Import(path)
	}
	return nil, os.ErrNotExist
}

func (g *graph) add(info *types.Info, d ast.Decl) {
	switch d := d.(type) {
	case *ast.FuncDecl:
		name := d.Name.Name
		if d.Recv != nil {
			name = receiver(d.Recv.List[0].Type) + "." + name
		}
		g.funcs[name] = g.read(info, name, d.Body)
		g.byObj[info.Defs[d.Name]] = g.funcs[name]
	case *ast.GenDecl:
		for _, s := range d.Specs {
			if v, ok := s.(*ast.ValueSpec); ok {
				for _, id := range v.Names {
					g.byObj[info.Defs[id]] = g.read(info, id.Name, v)
				}
			}
		}
	}
}

func receiver(typ ast.Expr) string {
	switch typ := typ.(type) {
	case *ast.StarExpr:
		return receiver(typ.X)
	case *ast.IndexExpr:
		return receiver(typ.X)
	case *ast.IndexListExpr:
		return receiver(typ.X)
	case *ast.Ident:
		return typ.Name
	}
	return ""
}

func (g *graph) read(info *types.Info, name string, n ast.Node) *function {
	f := &function{name: name}
	ast.Inspect(n, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.BasicLit:
			f.writes = f.writes || n.Kind == token.STRING && writing.MatchString(n.Value)
		case *ast.Ident:
			if o := info.Uses[n]; o != nil {
				f.uses = append(f.uses, o)
			}
		case *ast.SelectorExpr:
			if n.Sel.Name == "CopyFrom" {
				f.writes = true
			}
		}
		return true
	})
	return f
}

func (g *graph) reaches(f *function, want func(*function) bool) bool {
	seen := make(map[*function]bool)
	var walk func(*function) bool
	walk = func(f *function) bool {
		if f == nil || seen[f] {
			return false
		}
		seen[f] = true
		if want(f) {
			return true
		}
		for _, o := range f.uses {
			if walk(g.byObj[o]) {
				return true
			}
		}
		return false
	}
	return walk(f)
}
