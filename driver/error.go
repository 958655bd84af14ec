package driver

import (
	"context"
	"errors"

	"github.com/sqliteperf/sqliteperf/internal/capture"
	"modernc.org/sqlite"
)

// classes maps SQLite's primary result codes. https://sqlite.org/rescode.html
var classes = map[int]capture.ErrorClass{
	5:  capture.ErrorBusy,
	6:  capture.ErrorLocked,
	9:  capture.ErrorInterrupted,
	11: capture.ErrorCorrupt,
	13: capture.ErrorFull,
	19: capture.ErrorConstraint,
	26: capture.ErrorCorrupt, // not a database
}

func classify(err error) capture.ErrorClass {
	if err == nil {
		return capture.ErrorNone
	}
	var failure *sqlite.Error
	if errors.As(err, &failure) {
		if class, ok := classes[failure.Code()&0xff]; ok {
			return class
		}
		return capture.ErrorOther
	}
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return capture.ErrorInterrupted
	}
	return capture.ErrorOther
}
