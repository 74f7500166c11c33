// Package docs holds the documentation: the files of this folder, and the HTML pages that a store without internet serves.
package docs

import (
	"bytes"
	"embed"
	"fmt"
	"io/fs"
	"regexp"
	"strings"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/parser"
	"github.com/yuin/goldmark/text"
	"github.com/yuin/goldmark/util"
)

//go:embed *.md grafana.json alerts.yaml wanted.schema.json
var files embed.FS

// Files returns the files of this folder as they are.
func Files() fs.FS { return files }

// Page is a file of this folder as HTML.
type Page struct {
	// Name is the name of the file without its ending.
	Name string
	// Title is the first heading, without markup.
	Title string
	// HTML is the text from the first heading on, with a table of contents before the first section. HTML in the file is left out.
	HTML []byte
}

// Pages renders all of the documentation, sorted by name.
func Pages() ([]Page, error) {
	names, err := fs.Glob(files, "*.md")
	if err != nil {
		return nil, fmt.Errorf("list the documentation: %w", err)
	}
	md := goldmark.New(goldmark.WithExtensions(extension.Table), goldmark.WithParserOptions(parser.WithAutoHeadingID(),
		parser.WithASTTransformers(util.Prioritized(linker{}, 1000))))
	var pages []Page
	for _, name := range names {
		source, err := files.ReadFile(name)
		if err != nil {
			return nil, fmt.Errorf("read the documentation: %w", err)
		}
		page := Page{Name: strings.TrimSuffix(name, ".md")}
		doc := md.Parser().Parse(text.NewReader(source))
		insertContents(doc)
		if h, ok := doc.FirstChild().(*ast.Heading); ok {
			page.Title = strings.ReplaceAll(string(h.Lines().Value(source)), "`", "")
		} else {
			page.Title = page.Name
		}
		var out bytes.Buffer
		if err := md.Renderer().Render(&out, source, doc); err != nil {
			return nil, fmt.Errorf("render %s: %w", name, err)
		}
		page.HTML = out.Bytes()
		pages = append(pages, page)
	}
	return pages, nil
}

// mention matches the path of a page in a checkout. No browser can follow it.
var mention = regexp.MustCompile(`\bdocs/([a-z]+(?:-[a-z]+)*)\.md\b`)

// linker turns mentions into links.
type linker struct{}

// Transform implements parser.ASTTransformer.
func (linker) Transform(doc *ast.Document, reader text.Reader, _ parser.Context) {
	var found []*ast.Text
	// The walker returns no error.
	_ = ast.Walk(doc, func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		switch n := n.(type) {
		case *ast.CodeSpan, *ast.Link:
			return ast.WalkSkipChildren, nil
		case *ast.Text:
			if entering && mention.Match(n.Segment.Value(reader.Source())) {
				found = append(found, n)
			}
		}
		return ast.WalkContinue, nil
	})
	for _, n := range found {
		link(n, reader.Source())
	}
}

// link splits a text at its mentions and links each of them.
func link(n *ast.Text, source []byte) {
	parent, rest := n.Parent(), n.Segment
	for _, m := range mention.FindAllSubmatchIndex(n.Segment.Value(source), -1) {
		at := n.Segment.Start
		name := string(source[at+m[2] : at+m[3]])
		if _, err := fs.Stat(files, name+".md"); err != nil {
			continue
		}
		if before := text.NewSegment(rest.Start, at+m[0]); !before.IsEmpty() {
			parent.InsertBefore(parent, n, ast.NewTextSegment(before))
		}
		l := ast.NewLink()
		l.Destination = []byte(name)
		l.AppendChild(l, ast.NewTextSegment(text.NewSegment(at+m[0], at+m[1])))
		parent.InsertBefore(parent, n, l)
		rest = text.NewSegment(at+m[1], rest.Stop)
	}
	n.Segment = rest
}
