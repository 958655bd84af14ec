package driver

import (
	"runtime"
	"strings"
	"time"

	"github.com/sqliteperf/sqliteperf/internal/capture"
)

// skipped are the packages whose functions are never a call site: the way from the application to
// the driver, and libraries that run statements in the application's name.
var skipped = []string{
	"database/sql", "runtime", "reflect",
	"github.com/ngrok/sqlmw", "github.com/sqliteperf/sqliteperf/driver", "github.com/sqliteperf/sqliteperf/driver/",
	"gorm.io/", "github.com/jmoiron/sqlx", "github.com/jmoiron/sqlx/", "github.com/uptrace/bun", "github.com/uptrace/bun/",
	"entgo.io/ent/", "xorm.io/", "github.com/Masterminds/squirrel", "github.com/doug-martin/goqu/",
	"github.com/stephenafamo/bob", "github.com/stephenafamo/bob/", "github.com/go-gorp/gorp/", "github.com/georgysavva/scany/",
	"github.com/pressly/goose/", "github.com/riverqueue/river/riverdriver/",
}

// skip says that a function of this name in this file is not the application's. Test files are,
// those of this package too.
func skip(function, file string, more []string) bool {
	if strings.HasSuffix(file, "_test.go") {
		return false
	}
	pkg := packageOf(function)
	return listed(skipped, pkg) || listed(more, pkg)
}

// listed says that pkg is in the list, or under an entry that ends in "/".
func listed(list []string, pkg string) bool {
	for _, entry := range list {
		if pkg == entry || strings.HasSuffix(entry, "/") && strings.HasPrefix(pkg, entry) {
			return true
		}
	}
	return false
}

// packageOf is the import path in a function's name: "a.b/c.(*T).M" is of "a.b/c".
func packageOf(function string) string {
	slash := strings.LastIndexByte(function, '/') + 1
	if bracket := strings.IndexByte(function, '['); bracket >= 0 && bracket < slash { // a type argument's path
		slash = strings.LastIndexByte(function[:bracket], '/') + 1
	}
	if dot := strings.IndexByte(function[slash:], '.'); dot >= 0 {
		return function[:slash+dot]
	}
	return function
}

// callerDepth bounds the frames between a call site and the driver. Mappers need some thirty.
const callerDepth = 64

// walkCallers finds the call site by the runtime's unwinder, inlined functions included, or nil if
// the whole stack is of packages that are skipped.
func walkCallers(more []string) *capture.Site {
	var pcs [callerDepth]uintptr
	frames := runtime.CallersFrames(pcs[:runtime.Callers(2, pcs[:])])
	for {
		frame, next := frames.Next()
		if frame.Function != "" && !skip(frame.Function, frame.File, more) {
			return capture.SiteOf(capture.Site{Function: frame.Function, File: frame.File, Line: frame.Line})
		}
		if !next {
			return nil
		}
	}
}

// Where frames cannot be walked cheaply, call sites are sampled: the first of a statement's calls,
// then one in so many, and those that were slow.
const (
	sampledFirst = 8
	sampledEvery = 32
	slowCall     = 10 * time.Millisecond
)

// sampledCaller finds the call site of some of the statement's calls, and nil of the others.
func sampledCaller(s *capture.Statement, more []string) *capture.Site {
	if s != nil {
		if n := s.Called(); n >= sampledFirst && n%sampledEvery != 0 {
			return nil
		}
	}
	return walkCallers(more)
}
