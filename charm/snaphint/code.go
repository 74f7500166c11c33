package snaphint

import (
	"maps"
	"regexp"
	"slices"
	"strings"
)

const (
	// maxCall limits the text in which a pattern looks for the arguments of a call or the end of a list.
	maxCall = 4 << 10
	// maxArguments limits the text of a call.
	maxArguments = 1 << 10
	// maxLists bounds the lists of packages in one file.
	maxLists = 64
)

var (
	// A constant or attribute that is set to a literal: SNAP_NAME = "charmed-postgresql".
	assignment = lazily(`(?m)^[ \t]*(?:self\.|cls\.)?([A-Za-z_][A-Za-z0-9_]*)[ \t]*(?::[^=\n]{1,60})?=[ \t]*(?:["']([^"'\n]{1,80})["']|([0-9]{1,9}))[ \t]*(?:#.*)?$`)
	// POSTGRESQL_SNAP_NAME, snap_name, METRICS_SNAP
	snapName = lazily(`^(?:(.*?)_?(?:SNAP_NAME|snap_name)|(.*?)_?SNAP)$`)
	// A call that installs: snap.ensure("name", channel="14/stable"), snap.add(NAME, …).
	snapCall      = lazily(`\bsnap\.(?:add|ensure|install)\(`)
	snapArguments = lazily(`^\s*(\[[^\]]{1,400}\]|["'][a-z0-9-]+["']|[A-Za-z_][A-Za-z0-9_.]*)([^()]{0,400})`)
	// snap.SnapCache()["name"], and a cache in a variable.
	snapCache = lazily(`(?:SnapCache\(\)|\b(?:snap_)?cache)\[\s*(["'][a-z0-9-]+["']|[A-Za-z_][A-Za-z0-9_.]*)\s*\]`)
	// The list of tuples of Canonical's database charms.
	snapPackages  = lazily(`\bSNAP_PACKAGES\s*(?::[^=\n]{1,80})?=\s*\[`)
	snapTuple     = lazily(`\(\s*(["'][a-z0-9-]+["']|[A-Za-z_][A-Za-z0-9_.]*)\s*,`)
	tupleThree    = lazily(`^\s*["']([^"']{1,80})["']\s*,\s*["']?([0-9]{1,9})["']?\s*,?\s*\)`)
	channelPair   = lazily(`["']?\bchannel["']?\s*[:=]\s*["']([^"']{1,80})["']`)
	revisionPair  = lazily(`["']?\brevision["']?\s*[:=]\s*["']?([0-9]{1,9})\b`)
	revisionTable = lazily(`["']?\brevision["']?\s*[:=]\s*\{([^}]{1,400})\}`)
	literal       = lazily(`["']([a-z0-9-]+)["']`)
	// ["snap", "install", "name", "--channel=…"]
	snapArgv = lazily(`["']snap["']\s*,\s*["']install["']\s*,([^\]\)]{1,400})`)
	argument = lazily(`["']([^"']{1,80})["']`)
	// In Python, words after "snap install" are a command only if an option follows; else they may be prose.
	quotedInstall = lazily(`["'](?:sudo )?snap install ([^"'\n]{1,200})["']`)
	shellInstall  = lazily(`(?m)(?:^|&&|\|\||;|\bthen\b|\bdo\b)[ \t]*(?:sudo[ \t]+)?snap[ \t]+install[ \t]+([^\n;&|]{1,400})`)
)

// readPython finds snaps in a file of Python.
func (f *finder) readPython(text string) {
	// Code in comments installs nothing.
	text = comment().ReplaceAllString(text, "")
	consts := constants(text)
	f.addNamed(consts)
	for _, at := range snapCall().FindAllStringIndex(text, f.calls) {
		f.calls--
		m := snapArguments().FindStringSubmatch(text[at[1]:min(len(text), at[1]+maxArguments)])
		if m == nil {
			continue
		}
		for _, name := range names(m[1], consts) {
			f.addHint(name, first(channelPair(), m[2]), revisions(m[2]))
		}
	}
	if strings.Contains(text, "SnapCache(") {
		for _, m := range f.find(snapCache(), text) {
			for _, name := range names(m[1], consts) {
				f.addHint(name, "", nil)
			}
		}
	}
	end := 0
	for _, at := range snapPackages().FindAllStringIndex(text, maxLists) {
		if at[0] < end {
			continue // within the list before
		}
		packages := list(text[at[1]:])
		end = at[1] + len(packages)
		f.addPackages(packages, consts)
	}
	for _, m := range f.find(snapArgv(), text) {
		var words []string
		for _, w := range argument().FindAllStringSubmatch(m[1], -1) {
			words = append(words, w[1])
		}
		f.addCommand(words)
	}
	for _, m := range f.find(quotedInstall(), text) {
		if strings.Contains(m[1], "--") {
			f.addCommand(strings.Fields(m[1]))
		}
	}
}

var comment = lazily(`(?m)^[ \t]*#.*$`)

// find returns the matches of a pattern, as long as calls are left.
func (f *finder) find(re *regexp.Regexp, text string) [][]string {
	found := re.FindAllStringSubmatch(text, f.calls)
	f.calls -= len(found)
	return found
}

// constants returns the names of a file that are set to a literal, with their values. A name with two values is no constant.
func constants(text string) map[string]string {
	out := make(map[string]string)
	for _, m := range assignment().FindAllStringSubmatch(text, -1) {
		value := m[2] + m[3]
		if have, ok := out[m[1]]; ok && have != value {
			value = ""
		}
		out[m[1]] = value
	}
	return out
}

// addNamed adds the snaps of constants such as KAFKA_SNAP_NAME, with the channel and revision of their companions.
func (f *finder) addNamed(consts map[string]string) {
	stems := make(map[string]string)
	for key, value := range consts {
		if m := snapName().FindStringSubmatch(key); m != nil && isSnapName(value) {
			stems[strings.ToUpper(m[1]+m[2])] = value
		}
	}
	channels, revisions := newCompanions(consts, "SNAP_CHANNEL"), newCompanions(consts, "SNAP_REVISION")
	for _, stem := range slices.Sorted(maps.Keys(stems)) {
		alone := len(stems) == 1
		f.addHint(stems[stem], channels.value(stem, alone), revisionOf("", revisions.value(stem, alone)))
	}
}

// companions maps the stems of the constants with one suffix to their values.
type companions map[string][]string

func newCompanions(consts map[string]string, suffix string) companions {
	c := make(companions)
	for key, value := range consts {
		if before, ok := strings.CutSuffix(strings.ToUpper(key), suffix); ok {
			stem := strings.TrimSuffix(before, "_")
			c[stem] = append(c[stem], value)
		}
	}
	return c
}

// value returns the value of the constant with this stem. If the file names only one snap, any stem will do, but only one constant may
// have the suffix.
func (c companions) value(stem string, alone bool) string {
	found := c[stem]
	if alone {
		found = slices.Concat(slices.Collect(maps.Values(c))...)
	}
	if len(found) != 1 {
		return ""
	}
	return found[0]
}

// addPackages reads the tuples of a list: ("name", {"revision": …}) or ("name", "channel", "revision").
func (f *finder) addPackages(list string, consts map[string]string) {
	found := snapTuple().FindAllStringSubmatchIndex(list, -1)
	for i, at := range found {
		rest := list[at[1]:]
		if i+1 < len(found) {
			rest = list[at[1]:found[i+1][0]]
		}
		ch, revs := first(channelPair(), rest), revisions(rest)
		if m := tupleThree().FindStringSubmatch(rest); m != nil {
			ch, revs = m[1], revisionOf("", m[2])
		}
		for _, name := range names(list[at[2]:at[3]], consts) {
			f.addHint(name, ch, revs)
		}
	}
}

// list returns the text up to the bracket that closes a list. The opening bracket is before the text.
func list(text string) string {
	text = text[:min(len(text), maxCall)]
	depth := 1
	for i, c := range []byte(text) {
		switch c {
		case '[':
			depth++
		case ']':
			depth--
		}
		if depth == 0 {
			return text[:i]
		}
	}
	return ""
}

// names returns the names in an argument: a literal, a list of literals, or a constant of the same file.
func names(arg string, consts map[string]string) []string {
	if !strings.ContainsAny(arg, `"'`) {
		arg = arg[strings.LastIndex(arg, ".")+1:]
		return []string{consts[arg]}
	}
	var out []string
	for _, m := range literal().FindAllStringSubmatch(arg, -1) {
		out = append(out, m[1])
	}
	return out
}

func first(re *regexp.Regexp, text string) string {
	if m := re.FindStringSubmatch(text); m != nil {
		return m[1]
	}
	return ""
}

// revisions reads a keyword or key "revision": a number, or a map of them by architecture.
func revisions(text string) map[string]int {
	if m := revisionTable().FindStringSubmatch(text); m != nil {
		return byArchitecture(m[1])
	}
	return revisionOf("", first(revisionPair(), text))
}

// readShell finds snaps in a script.
func (f *finder) readShell(text string) {
	text = comment().ReplaceAllString(text, "")
	for _, m := range f.find(shellInstall(), text) {
		f.addCommand(strings.Fields(m[1]))
	}
}

// addCommand adds the snaps in the arguments of "snap install".
func (f *finder) addCommand(words []string) {
	var snaps []string
	options := make(map[string]string)
	for i := 0; i < len(words); i++ {
		word := strings.Trim(words[i], `"'`)
		if option, ok := strings.CutPrefix(word, "--"); ok {
			key, value, given := strings.Cut(option, "=")
			if !given && slices.Contains([]string{"channel", "revision", "cohort", "name"}, key) && i+1 < len(words) {
				i++
				value = strings.Trim(words[i], `"'`)
			}
			options[key] = value
			continue
		}
		if !isSnapName(word) {
			break // the rest belongs to the shell
		}
		snaps = append(snaps, word)
	}
	for _, risk := range []string{"edge", "beta", "candidate", "stable"} {
		if _, ok := options[risk]; ok && options["channel"] == "" {
			options["channel"] = risk
		}
	}
	for _, name := range snaps {
		f.addHint(name, options["channel"], maps.Clone(revisionOf("", options["revision"])))
	}
}
