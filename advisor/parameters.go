package advisor

import (
	"fmt"
	"strings"

	"github.com/sqliteperf/sqliteperf/internal/sqltext"
)

// numbered gives each "?" of a text its number, so that a parameter can be used twice or in another place.
func numbered(text string) string {
	var b strings.Builder
	last, end := 0, 0
	names := map[string]bool{}
	for _, t := range splitTokens(text) {
		if t.Kind != sqltext.Param {
			continue
		}
		word := t.Text(text)
		n := 0
		switch {
		case word == "?":
			last++
			b.WriteString(text[end:t.Start] + fmt.Sprintf("?%d", last))
			end = t.End
		case word[0] == '?' || word[0] == '$':
			if _, err := fmt.Sscan(word[1:], &n); err == nil {
				last = max(last, n)
				continue
			}
			fallthrough
		default:
			if !names[word] {
				names[word] = true
				last++
			}
		}
	}
	return b.String() + text[end:]
}

// plainly numbers the parameters of a text that is shown anew, in order of use, and takes the numbers off where each
// is used once.
func plainly(text string) string {
	numbers, twice := map[string]int{}, false
	write := func(mark func(n int) string) string {
		var b strings.Builder
		end := 0
		for _, t := range splitTokens(text) {
			word := t.Text(text)
			if t.Kind != sqltext.Param || word[0] != '?' {
				continue
			}
			if numbers[word] == 0 {
				numbers[word] = len(numbers) + 1
			} else {
				twice = true
			}
			b.WriteString(text[end:t.Start] + mark(numbers[word]))
			end = t.End
		}
		return b.String() + text[end:]
	}
	if plain := write(func(int) string { return "?" }); !twice {
		return plain
	}
	return write(func(n int) string { return fmt.Sprintf("?%d", n) })
}

// replaceOnce replaces what occurs once in a text; "" if it occurs more often.
func replaceOnce(text, old, new string) string {
	if old == "" || strings.Count(text, old) != 1 {
		return ""
	}
	return strings.Replace(text, old, new, 1)
}
