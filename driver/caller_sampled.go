//go:build !amd64 && !arm64

package driver

import "github.com/sqliteperf/sqliteperf/internal/capture"

// callerCache is empty where frames are not walked.
type callerCache struct{}

// caller finds the line that runs a statement, of some of its calls.
func (c *conn) caller(s *capture.Statement) *capture.Site {
	return sampledCaller(s, c.config.CallerSkip)
}
