package async

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// The names that nobody chose.
const (
	OtherName   = "(other)"   // names beyond Config.Names
	UnnamedName = "(unnamed)" // the empty name
)

// nameBytes bounds a name, which may come from a stranger.
const nameBytes = 100

// clean makes any text fit for a page, a log line and a label: valid UTF-8 of at most 100 bytes without
// control characters, line separators or marks that turn the direction of text.
func clean(name string) string {
	name = strings.Map(harmless, strings.ToValidUTF8(cut(name), "\uFFFD"))
	if name = strings.TrimSpace(cut(name)); name == "" {
		return UnnamedName
	}
	return name
}

// cut shortens at the beginning of a character.
func cut(name string) string {
	if len(name) <= nameBytes {
		return name
	}
	end := nameBytes
	for end > nameBytes-utf8.UTFMax && !utf8.RuneStart(name[end]) {
		end--
	}
	return name[:end]
}

func harmless(r rune) rune {
	if unicode.IsControl(r) || unicode.In(r, unicode.Cf, unicode.Zl, unicode.Zp) {
		return ' '
	}
	return r
}
