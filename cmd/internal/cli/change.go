package cli

import (
	"cmp"
	"fmt"

	"offlinestore/difference"
)

// changeWords has the words for a kind of change. noun is for counts. subject names the part of the item that has changed, after the
// item's name.
type changeWords struct {
	what, noun string
	subject    func(difference.Change) string
}

// otherChange is the noun of changes that the table lacks.
const otherChange = "other change"

// changeTable returns a row for each value of difference.Change.What, in the order of the counts.
func changeTable() []changeWords {
	field := func(c difference.Change) string { return c.Field }
	ofRevision := func(c difference.Change) string { return fmt.Sprintf("revision %d: %s", c.Revision, c.Field) }
	return []changeWords{
		{difference.Component, "component", func(c difference.Change) string {
			switch c.Field {
			case difference.OlderFile:
				return fmt.Sprintf("revision %d: file of older component %s", c.Revision, c.Name)
			case difference.Further:
				return fmt.Sprintf("revision %d: further component %s", c.Revision, c.Name)
			}
			return fmt.Sprintf("revision %d: component %s", c.Revision, c.Name)
		}},
		{difference.Release, "release", releaseSubject},
		{difference.Resource, "resource detail", func(c difference.Change) string {
			return fmt.Sprintf("resource %s revision %d: %s", c.Name, c.Revision, c.Field)
		}},
		{difference.Metadata, "revision detail", ofRevision},
		{difference.Snap, "detail", field},
		{difference.Charm, "detail", field},
		{difference.Icon, "icon", func(difference.Change) string { return "icon" }},
		{difference.Manifest, "image detail", func(c difference.Change) string { return fmt.Sprintf("image %s: %s", c.Name, c.Field) }},
		{difference.Repository, "image detail", func(c difference.Change) string { return fmt.Sprintf("image %s: %s", c.Name, c.Field) }},
		{difference.Assertion, "newer assertion", assertionSubject},
		{difference.Withdrawal, "withdrawal detail", func(c difference.Change) string { return "withdrawal: " + c.Field }},
		{difference.Store, "store detail", storeSubject},
		{difference.StoreSnap, "private snap", storeSubject},
	}
}

func releaseSubject(c difference.Change) string {
	row := c.Channel
	if platform := cmp.Or(c.Architecture, c.Base); platform != "" {
		row += " for " + platform
	}
	if c.Name != "" {
		return row + ": resource " + c.Name
	}
	return row + ": " + c.Field
}

func assertionSubject(c difference.Change) string {
	if c.Field == "" {
		return "assertion " + c.Name
	}
	return fmt.Sprintf("assertion %s (%s)", c.Name, c.Field)
}

func storeSubject(c difference.Change) string {
	if c.Field == "" {
		return "store " + c.Name
	}
	return fmt.Sprintf("store %s: %s", c.Name, c.Field)
}

func wordsOf(c difference.Change) changeWords {
	for _, w := range changeTable() {
		if w.what == c.What {
			return w
		}
	}
	return changeWords{c.What, otherChange, func(c difference.Change) string { return c.What + " " + c.Field }} // of a newer program
}

// ChangeText returns a change in words, without the name of its snap or charm: "title: jq -> JQ".
func ChangeText(c difference.Change) string {
	subject := wordsOf(c).subject(c)
	switch {
	case c.What == difference.StoreSnap && c.Field == "" && c.Old == "":
		subject = "joined the " + subject
	case c.What == difference.StoreSnap && c.Field == "" && c.New == "":
		subject = "left the " + subject
	case c.What == difference.Icon && c.Old == "":
		subject += " added"
	case c.What == difference.Icon && c.New == "":
		subject += " removed"
	case c.What == difference.Icon || c.Old == c.New:
		subject += " changed"
	default:
		subject += fmt.Sprintf(": %s -> %s", cmp.Or(c.Old, "none"), cmp.Or(c.New, "none"))
	}
	return Clean(subject)
}

// ChangeLine returns a change in words, with the name of its snap or charm, if it has one.
func ChangeLine(c difference.Change) string {
	if name := cmp.Or(c.Charm, c.Snap); name != "" {
		return name + " " + ChangeText(c)
	}
	return ChangeText(c)
}

// CountChanges returns the number of changes of each kind: "2 components", "1 icon".
func CountChanges(list []difference.Change) []string {
	counts := make(map[string]int)
	for _, c := range list {
		counts[wordsOf(c).noun]++
	}
	var out []string
	for _, w := range changeTable() {
		if n := counts[w.noun]; n > 0 {
			out = append(out, Count(n, w.noun))
			delete(counts, w.noun)
		}
	}
	if n := counts[otherChange]; n > 0 {
		out = append(out, Count(n, otherChange))
	}
	return out
}
