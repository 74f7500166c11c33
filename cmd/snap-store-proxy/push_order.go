package main

import (
	"sync"

	"offlinestore/importer"
)

// reports holds back the reports of files until the ones before them are printed: files are imported side by side, and reported in the
// order of the arguments.
type reports struct {
	print func(string)

	mu    sync.Mutex
	files []*importer.File // not yet printed
	texts map[*importer.File]string
}

func newReports(files []*importer.File, print func(string)) *reports {
	return &reports{print: print, files: append([]*importer.File{}, files...), texts: make(map[*importer.File]string)}
}

// add adds the report of a file, which may be empty, and prints the ones that are next.
func (r *reports) add(f *importer.File, text string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.texts[f] = text
	for len(r.files) > 0 {
		next, ok := r.texts[r.files[0]]
		if !ok {
			return
		}
		r.print(next)
		r.files = r.files[1:]
	}
}

// flush prints the reports that still wait, because a file before them was interrupted.
func (r *reports) flush() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, f := range r.files {
		r.print(r.texts[f])
	}
	r.files = nil
}
