package docs

import "github.com/yuin/goldmark/ast"

// contentsClass is the class of a table of contents in HTML.
const contentsClass = "contents"

// insertContents puts a table of contents before the first section of doc. It lists the sections and, below each, its
// subsections. A document without sections gets none.
func insertContents(doc ast.Node) {
	contents := ast.NewList('-')
	contents.IsTight = true
	contents.SetAttributeString("class", []byte(contentsClass))
	var first ast.Node
	var sub *ast.List
	for n := doc.FirstChild(); n != nil; n = n.NextSibling() {
		h, ok := n.(*ast.Heading)
		if !ok {
			continue
		}
		switch {
		case h.Level == 2:
			if first == nil {
				first = h
			}
			contents.AppendChild(contents, contentsEntry(h))
			sub = nil
		case h.Level == 3 && first != nil:
			if sub == nil {
				sub = ast.NewList('-')
				sub.IsTight = true
				contents.LastChild().AppendChild(contents.LastChild(), sub)
			}
			sub.AppendChild(sub, contentsEntry(h))
		}
	}
	if first != nil {
		doc.InsertBefore(doc, first, contents)
	}
}

// contentsEntry returns a list item that links to a heading.
func contentsEntry(h *ast.Heading) *ast.ListItem {
	link := ast.NewLink()
	if id, ok := h.AttributeString("id"); ok {
		link.Destination = append([]byte("#"), id.([]byte)...)
	}
	copyText(link, h)
	text := ast.NewTextBlock()
	text.AppendChild(text, link)
	item := ast.NewListItem(2)
	item.AppendChild(item, text)
	return item
}

// copyText appends the text of from to the node to, and keeps code. It leaves out links, since a link can't hold another.
func copyText(to, from ast.Node) {
	for n := from.FirstChild(); n != nil; n = n.NextSibling() {
		switch n := n.(type) {
		case *ast.Text:
			to.AppendChild(to, ast.NewTextSegment(n.Segment))
		case *ast.CodeSpan:
			code := ast.NewCodeSpan()
			copyText(code, n)
			to.AppendChild(to, code)
		default:
			copyText(to, n)
		}
	}
}
