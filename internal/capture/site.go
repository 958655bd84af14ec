package capture

import (
	"fmt"
	"sync"
)

// Site is a line of the application that runs statements.
type Site struct {
	Function string // with its import path, as the runtime names it
	File     string
	Line     int
}

// String returns the file and the line, as compilers write them.
func (s *Site) String() string {
	if s == nil {
		return ""
	}
	return fmt.Sprintf("%s:%d", s.File, s.Line)
}

var sites sync.Map // Site to *Site

// SiteOf returns the one Site that equals s, so that sites can be compared by address. There are
// as many as the program has lines which run statements.
func SiteOf(s Site) *Site {
	if known, ok := sites.Load(s); ok {
		return known.(*Site)
	}
	known, _ := sites.LoadOrStore(s, &s)
	return known.(*Site)
}
