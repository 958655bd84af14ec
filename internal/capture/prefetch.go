//go:build amd64 || arm64

package capture

// prefetch begins to fetch an event's memory for writing. It never faults, whatever ev is.
//
//go:noescape
func prefetch(ev *Event)
