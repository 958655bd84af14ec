//go:build amd64 || arm64

package driver

import (
	"runtime"

	"github.com/sqliteperf/sqliteperf/internal/capture"
)

// framePointers fills pcs with the return addresses of the frames above its caller's, nearest
// first, by following the frame pointers that Go keeps on this architecture. It returns how many
// there are, up to limit, and a hash of them. It is assembly, so that no stack moves meanwhile.
//
//go:noescape
func framePointers(pcs *uintptr, limit int) (n int, hash uintptr)

// callerCache knows the call sites of the stacks seen on a connection, by the hash of their nearest
// return addresses. It is direct-mapped: what loses its slot is looked up again.
type callerCache struct {
	stacks  [256]knownStack
	skipped map[uintptr]bool // whether the function returned to is of a package that is skipped
}

type knownStack struct {
	hash uintptr
	site *capture.Site // nil if the call site is further out
}

// slot is where a stack is kept. The hash is a product, so its upper bits are the best.
func (c *callerCache) slot(hash uintptr) *knownStack {
	return &c.stacks[hash>>56]
}

// nearFrames is how many frames there are, and one or two more, between the driver and most call
// sites: database/sql has ten.
const nearFrames = 12

// caller finds the line that runs a statement: the first frame above that is not skipped.
func (c *conn) caller(*capture.Statement) *capture.Site {
	var pcs [nearFrames]uintptr
	n, hash := framePointers(&pcs[0], nearFrames)
	known := c.callers.slot(hash)
	if known.hash != hash {
		*known = knownStack{hash, c.siteIn(pcs[:n])}
	}
	if known.site == nil && n == nearFrames {
		return c.farCaller()
	}
	return known.site
}

// farCaller is caller for stacks with more frames in between, such as a mapper's.
//
//go:noinline
func (c *conn) farCaller() *capture.Site {
	var pcs [callerDepth]uintptr
	n, hash := framePointers(&pcs[0], callerDepth)
	known := c.callers.slot(hash)
	if known.hash != hash {
		*known = knownStack{hash, c.siteIn(pcs[:n])}
	}
	return known.site
}

// siteIn is the first call site among the return addresses of the caller's stack. The runtime's own
// unwinder tells the line, for it knows what was inlined there: it is the first frame not skipped,
// since all nearer functions are.
func (c *conn) siteIn(pcs []uintptr) *capture.Site {
	for _, pc := range pcs {
		if !c.callers.skip(pc, c.config.CallerSkip) {
			return walkCallers(c.config.CallerSkip)
		}
	}
	return nil
}

// mostSkipped bounds the return addresses remembered, far above what a program has.
const mostSkipped = 4096

// skip says that the function returned to at pc is skipped, whatever is inlined there.
func (c *callerCache) skip(pc uintptr, more []string) bool {
	known, ok := c.skipped[pc]
	if !ok {
		if c.skipped == nil || len(c.skipped) >= mostSkipped {
			c.skipped = map[uintptr]bool{}
		}
		known = skipAt(pc, more)
		c.skipped[pc] = known
	}
	return known
}

// skipAt says that the function which pc returns to is skipped, by its own name rather than by that
// of a function inlined in it.
func skipAt(pc uintptr, more []string) bool {
	f := runtime.FuncForPC(pc - 1)
	if f == nil {
		return true
	}
	outer := runtime.FuncForPC(f.Entry())
	if outer == nil {
		return true
	}
	file, _ := outer.FileLine(f.Entry())
	return skip(outer.Name(), file, more)
}
