package advisor

import (
	"context"
	"fmt"
	"sync"
	"time"
)

const (
	pulseSeconds = 60 // how long "recently" is
	pulseLeast   = 10 // seconds to know before a moment can be called quiet
	quietShare   = 2  // a quiet second has at most one in this many of the recent average
)

// pulse is how busy the application has been: the statements of each of the last seconds. The drain
// beats; who changes a database waits for a quiet moment. The zero value is ready to use.
type pulse struct {
	mu      sync.Mutex
	seconds []int         // the oldest first
	beaten  chan struct{} // closed at the next beat; nil if nobody waits
}

// beat takes in one second.
func (p *pulse) beat(statements int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.seconds) == pulseSeconds {
		p.seconds = p.seconds[:copy(p.seconds, p.seconds[1:])]
	}
	p.seconds = append(p.seconds, statements)
	if p.beaten != nil {
		close(p.beaten)
		p.beaten = nil
	}
}

// quiet says whether the last second was quiet, and returns what the next beat closes. An application
// at rest is quiet; one whose traffic is even never is, and nothing is gained by waiting for it.
func (p *pulse) quiet() (yes bool, next <-chan struct{}) {
	p.mu.Lock()
	defer p.mu.Unlock()
	sum := 0
	for _, n := range p.seconds {
		sum += n
	}
	if n := len(p.seconds); n >= pulseLeast {
		last := p.seconds[n-1]
		yes = last == 0 || last*n*quietShare <= sum
	}
	if p.beaten == nil {
		p.beaten = make(chan struct{})
	}
	return yes, p.beaten
}

// wait returns at a quiet moment. It fails with ErrNotQuiet, wrapped, after limit.
func (p *pulse) wait(ctx context.Context, limit time.Duration) error {
	timeout := time.NewTimer(limit)
	defer timeout.Stop()
	for {
		yes, next := p.quiet()
		if yes {
			return nil
		}
		select {
		case <-next:
		case <-timeout.C:
			return fmt.Errorf("%w within %v", ErrNotQuiet, limit)
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
