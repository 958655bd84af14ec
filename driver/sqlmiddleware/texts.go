package sqlmiddleware

import (
	"strings"
	"sync"
)

// An application has tens to hundreds of texts. One that writes literals into them has any number, and
// then 512 texts of 4 KiB bound what is kept to 2 MiB.
const (
	textsKept = 512
	textBytes = 4 << 10
)

// texts remembers what read says of a text. When it is full it is emptied: that costs one reading of
// each text in use, and needs no order to be kept on the hot path.
type texts[V any] struct {
	read func(text string) V

	mu    sync.RWMutex
	known map[string]V
}

func (t *texts[V]) of(text string) V {
	if len(text) > textBytes {
		return t.read(text)
	}
	t.mu.RLock()
	v, ok := t.known[text]
	t.mu.RUnlock()
	if ok {
		return v
	}
	text = strings.Clone(text) // it may be part of something larger
	v = t.read(text)
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.known == nil || len(t.known) >= textsKept {
		t.known = map[string]V{}
	}
	t.known[text] = v
	return v
}
