package sqlite

import (
	"time"

	"golang.org/x/sys/unix"
)

// threadTime is the processor time the calling thread has used, which what else runs on the machine
// changes little.
func threadTime() time.Duration {
	var ts unix.Timespec
	if unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &ts) != nil {
		return time.Duration(time.Now().UnixNano())
	}
	return time.Duration(ts.Nano())
}
