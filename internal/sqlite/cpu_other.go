//go:build !linux

package sqlite

import "time"

var started = time.Now()

// threadTime is wall time here: there is no portable clock of a thread's processor time.
func threadTime() time.Duration { return time.Since(started) }
