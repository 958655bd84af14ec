package main

import (
	"fmt"
	"math"
	"os"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/mattn/go-isatty"
	"github.com/sqliteperf/sqliteperf/advisor"
)

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

func cut(text string, n int) string {
	if r := []rune(text); len(r) > n {
		return string(r[:n]) + "…"
	}
	return text
}

// clean keeps control characters out of a terminal: the text of statements comes from anywhere.
func clean(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069 {
			return '�'
		}
		return r
	}, text)
}

// duration writes milliseconds with three digits and a unit that fits.
func duration(ms float64) string {
	switch {
	case ms >= 1000:
		return fmt.Sprintf("%.3g s", ms/1000)
	case ms >= 1:
		return fmt.Sprintf("%.3g ms", ms)
	}
	return fmt.Sprintf("%.3g µs", ms*1000)
}

// figure writes what a fact says: its text, its value in its unit, or both.
func figure(f advisor.Fact) string {
	switch {
	case f.Text == "":
		return value(f)
	case f.Value == 0:
		return f.Text
	}
	return f.Text + " · " + value(f)
}

var ofNumber = regexp.MustCompile(`^of \d`)

// value writes a value in its unit, which may be a share, a rate or a factor in words.
func value(f advisor.Fact) string {
	unit, rest, _ := strings.Cut(f.Unit, " ")
	switch {
	case f.Unit == f.Name:
		return number(f.Value)
	case unit == "bytes":
		return strings.TrimSpace(size(f.Value) + " " + rest)
	case unit == "times":
		return strings.TrimSpace(fmt.Sprintf("%.3g× %s", f.Value, rest))
	case f.Unit == "s":
		return duration(f.Value * 1000)
	case f.Unit == "ms":
		return duration(f.Value)
	case f.Unit == "µs":
		return duration(f.Value / 1000)
	case unit == "of" && !ofNumber.MatchString(f.Unit):
		return fmt.Sprintf("%.3g %% %s", f.Value*100, f.Unit)
	case f.Value == 1 && rest == "" && unit != "":
		return "1 " + strings.TrimSuffix(unit, "s")
	}
	return strings.TrimSpace(number(f.Value) + " " + f.Unit)
}

// number writes whole numbers and large ones exactly, others with three digits.
func number(x float64) string {
	if x == math.Trunc(x) || math.Abs(x) >= 1000 {
		return strconv.FormatFloat(x, 'f', 0, 64)
	}
	return fmt.Sprintf("%.3g", x)
}

// size writes bytes with three digits and a unit that fits.
func size(bytes float64) string {
	units := []string{"B", "KiB", "MiB", "GiB", "TiB"}
	for math.Abs(bytes) >= 999.5 && len(units) > 1 {
		bytes, units = bytes/1024, units[1:]
	}
	return fmt.Sprintf("%.3g %s", bytes, units[0])
}

// progress shows what is being done on a terminal, and nothing elsewhere.
type progress struct {
	terminal bool
	last     time.Time
}

func newProgress() *progress { return &progress{terminal: isTerminal(os.Stderr)} }

func isTerminal(f *os.File) bool { return isatty.IsTerminal(f.Fd()) }

func (p *progress) show(phase, detail string, done float64) {
	if !p.terminal || time.Since(p.last) < 100*time.Millisecond {
		return
	}
	p.last = time.Now()
	fmt.Fprintf(os.Stderr, "\r\x1b[K%s %3.0f %% %s", phase, done*100, clean(cut(detail, 60)))
}

func (p *progress) clear() {
	if p.terminal {
		fmt.Fprint(os.Stderr, "\r\x1b[K")
	}
}
