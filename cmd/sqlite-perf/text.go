package main

import (
	"fmt"
	"os"
	"strings"
	"time"
	"unicode"

	"github.com/mattn/go-isatty"
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
