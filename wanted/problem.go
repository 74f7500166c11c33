package wanted

import (
	"fmt"
	"strings"
)

// maxProblems bounds the problems of one text that are reported.
const maxProblems = 8

// Problem is a mistake in a wanted.yaml.
type Problem struct {
	Line, Column int
	Text         string
}

// FileError lists the mistakes in a file, in the order of its lines.
type FileError struct {
	Path     string
	Problems []Problem
	// More counts the mistakes that are not listed.
	More int
}

// Error returns each mistake as PATH:LINE:COLUMN: TEXT, the form that editors understand.
func (e *FileError) Error() string {
	var all []string
	for _, p := range e.Problems {
		all = append(all, p.at(e.Path)+p.Text)
	}
	if e.More > 0 {
		all = append(all, fmt.Sprintf("%d more", e.More))
	}
	return strings.Join(all, "; ")
}

// at returns the place of a problem. A text that is no YAML has no column, and one that is too long no line.
func (p *Problem) at(path string) string {
	switch {
	case p.Line == 0:
		return path + ": "
	case p.Column == 0:
		return fmt.Sprintf("%s:%d: ", path, p.Line)
	}
	return fmt.Sprintf("%s:%d:%d: ", path, p.Line, p.Column)
}

// ErrorAt returns an error about an entry as a FileError.
func (f *File) ErrorAt(p Position, err error) error {
	return &FileError{Path: f.Path, Problems: []Problem{{p.Line, p.Column, err.Error()}}}
}
