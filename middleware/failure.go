package middleware

import (
	"errors"
	"fmt"
	"net/http"
	"runtime"
	"strings"

	"github.com/sqliteperf/sqliteperf/internal/capture"
)

// failed notes what the handler of scope's request panicked with. It is called by what the panic made run,
// while the stack is still there. http.ErrAbortHandler is no failure.
func failed(scope *capture.Scope, panicked any) {
	if panicked == nil || panicked == http.ErrAbortHandler || scope.Muted() {
		return
	}
	if have := scope.Failure(); have == nil || !have.Panic {
		scope.Fail(&capture.Failure{Type: fmt.Sprintf("%T", panicked), Panic: true, Site: panicSite()})
	}
}

// returned notes an error that the handler returned.
func returned(scope *capture.Scope, err error) {
	if !scope.Muted() {
		scope.Fail(&capture.Failure{Type: fmt.Sprintf("%T", cause(err))})
	}
}

// causesRead bounds how deep errors are looked into: one may be its own cause.
const causesRead = 32

// cause is the innermost error, whose type says more than that of fmt.Errorf's.
func cause(err error) error {
	for range causesRead {
		inner := errors.Unwrap(err)
		if inner == nil {
			break
		}
		err = inner
	}
	return err
}

// blame sets in ev why its request failed. An error that was answered with a status below 500 is the client's.
func blame(ev *capture.Event, why *capture.Failure) {
	switch {
	case why == nil:
	case why.Panic:
		ev.Flags |= capture.FlagPanicked
		ev.Error, ev.Site = capture.ErrorPanic, why.Site
	case ev.Status >= 500:
		ev.Error = capture.ErrorReturned
	}
}

// panicSite is the line that panicked first: further down the stack than those that panicked again with it.
func panicSite() *capture.Site {
	var pcs [64]uintptr
	frames := runtime.CallersFrames(pcs[:runtime.Callers(2, pcs[:])])
	var site *capture.Site
	for below := false; ; {
		f, more := frames.Next()
		switch {
		case f.Function == "runtime.gopanic":
			below = true
		case below && f.Function != "" && !strings.HasPrefix(f.Function, "runtime."):
			site = &capture.Site{Function: f.Function, File: f.File, Line: f.Line}
			below = false
		}
		if !more {
			break
		}
	}
	if site == nil {
		return nil
	}
	return capture.SiteOf(*site)
}
