package async

import "sync"

// noticesKept bounds what a slow listener has not been told yet. The oldest is dropped first.
const noticesKept = 64

// notifier tells a listener what happened, in order, on a goroutine of its own that ends when nothing is
// left to tell. Whoever reports never waits for the listener and never meets its panic.
type notifier[E any] struct {
	listen func(E)

	mu      sync.Mutex
	pending []E
	telling bool
	dropped uint64
}

// tell hands e on.
func (n *notifier[E]) tell(e E) {
	if n.listen == nil {
		return
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if len(n.pending) == noticesKept {
		n.pending = n.pending[1:]
		n.dropped++
	}
	n.pending = append(n.pending, e)
	if !n.telling {
		n.telling = true
		go n.run()
	}
}

func (n *notifier[E]) run() {
	for {
		n.mu.Lock()
		if len(n.pending) == 0 {
			n.telling = false
			n.mu.Unlock()
			return
		}
		e := n.pending[0]
		n.pending = n.pending[1:]
		n.mu.Unlock()
		_ = safely(func() error { n.listen(e); return nil })
	}
}

// inflight counts calls until it is closed, and then says when the last has ended.
type inflight struct {
	mu     sync.Mutex
	n      int
	closed bool
	done   chan struct{} // made by close
}

// begin counts a call, unless closed.
func (f *inflight) begin() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return false
	}
	f.n++
	return true
}

// more counts what a call that began does beside it, such as a hedge.
func (f *inflight) more() {
	f.mu.Lock()
	f.n++
	f.mu.Unlock()
}

func (f *inflight) end() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.n--; f.n == 0 && f.closed {
		close(f.done)
	}
}

// close refuses calls from now on. The channel is closed once none is left.
func (f *inflight) close() <-chan struct{} {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.closed {
		f.closed, f.done = true, make(chan struct{})
		if f.n == 0 {
			close(f.done)
		}
	}
	return f.done
}

func (f *inflight) count() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.n
}
