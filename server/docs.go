package server

import (
	"bytes"
	"html/template"
	"io/fs"
	"net/http"
	"path"
	"strings"

	"offlinestore/docs"
	"offlinestore/snap"
	"offlinestore/transfer"
)

// docsPath is the path of the documentation. Hosts that this store serves have no other access to it.
const docsPath = "/docs/"

// docsPolicy lets pages load their style sheet and nothing else. Nothing in them runs.
const docsPolicy = "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

const docsStyle = `:root { color-scheme: light dark }
body { font: 16px/1.55 system-ui, sans-serif; max-width: 60rem; margin: 0 auto; padding: 1rem }
nav { border-bottom: 1px solid; padding-bottom: .5rem }
nav a { margin-right: 1.2rem }
pre, code { font-family: ui-monospace, monospace; font-size: .9em }
pre { overflow-x: auto; padding: .7rem; border: 1px solid #8886; border-radius: 4px }
table { border-collapse: collapse; display: block; overflow-x: auto }
ul.contents { columns: 18rem; padding: .7rem 1rem .7rem 2rem; border: 1px solid #8886; border-radius: 4px }
ul.contents > li { break-inside: avoid }
th, td { border: 1px solid #8886; padding: .3rem .6rem; text-align: left; vertical-align: top }
`

const docsLayout = `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{{.Title}}</title>
<link rel="stylesheet" href="style.css">
</head>
<body>
<nav><a href="./">Documentation</a>{{range .All}}<a href="{{.Name}}">{{.Title}}</a>{{end}}</nav>
<main>
{{.Body}}
</main>
</body>
</html>
`

const docsIndex = `<h1>Documentation of this store</h1>
<ul>{{range .Pages}}
<li><a href="{{.Name}}">{{.Title}}</a></li>{{end}}
</ul>
{{if .Files}}<p>Files:</p>
<ul>{{range .Files}}
<li><a href="{{.}}">{{.}}</a></li>{{end}}
</ul>{{end}}
<p><a href="/_status/check">How this store is</a>, and <a href="/metrics">its metrics</a>.</p>`

// renderedDocs are the documents below docsPath by name. The name of the index is empty.
type renderedDocs map[string]document

type document struct {
	mediaType string
	body      []byte
}

// renderDocs renders all documents. That takes some milliseconds, so the first request does it.
func renderDocs() (renderedDocs, error) {
	pages, err := docs.Pages()
	if err != nil {
		return nil, err
	}
	out := renderedDocs{"style.css": {"text/css; charset=utf-8", []byte(docsStyle)}}
	files, err := copyDocs(out)
	if err != nil {
		return nil, err
	}
	var index bytes.Buffer
	if err := template.Must(template.New("").Parse(docsIndex)).Execute(&index, struct {
		Pages []docs.Page
		Files []string
	}{pages, files}); err != nil {
		return nil, err
	}
	layout := template.Must(template.New("").Parse(docsLayout))
	for _, p := range append(pages, docs.Page{Title: "Documentation", HTML: index.Bytes()}) {
		var page bytes.Buffer
		// The HTML was made from compiled-in files. HTML inside those files was left out.
		if err := layout.Execute(&page, struct {
			Title string
			All   []docs.Page
			Body  template.HTML
		}{p.Title, pages, template.HTML(p.HTML)}); err != nil {
			return nil, err
		}
		out[p.Name] = document{"text/html; charset=utf-8", page.Bytes()}
	}
	return out, nil
}

// copyDocs adds the files other than pages.
func copyDocs(out renderedDocs) (names []string, err error) {
	entries, err := fs.ReadDir(docs.Files(), ".")
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		if path.Ext(e.Name()) == ".md" {
			continue
		}
		text, err := fs.ReadFile(docs.Files(), e.Name())
		if err != nil {
			return nil, err
		}
		mediaType := "text/plain; charset=utf-8"
		if path.Ext(e.Name()) == ".json" {
			mediaType = typeJSON
		}
		out[e.Name()] = document{mediaType, text}
		names = append(names, e.Name())
	}
	return names, nil
}

// serveDocs sends a page. Links between the files of the documentation have their endings, so a name with an ending is right as
// well.
func (s *Server) serveDocs(w http.ResponseWriter, r *http.Request) {
	all, err := s.docs()
	if err != nil {
		s.cfg.Logger.Error("render the documentation", "err", err)
		s.fail(w, r, http.StatusInternalServerError, codeInternal, "the documentation can't be shown")
		return
	}
	d, ok := all[strings.TrimSuffix(r.PathValue("page"), ".md")]
	if !ok {
		s.fail(w, r, http.StatusNotFound, snap.CodeNotFound, "the documentation has no such page: see "+docsPath)
		return
	}
	w.Header().Set("Content-Security-Policy", docsPolicy)
	w.Header().Set("Cache-Control", "no-cache") // an upgrade brings other pages
	transfer.WriteText(w, http.StatusOK, d.mediaType, d.body)
}
