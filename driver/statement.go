package driver

import (
	"strings"
	"sync"
	"unsafe"

	"github.com/sqliteperf/sqliteperf/internal/capture"
	"github.com/sqliteperf/sqliteperf/internal/sqltext"
)

// statementCache finds the statement of a text that the connection has run before by the text's
// address, without reading it. Each slot keeps its text alive, so an address cannot come to mean
// another text. It is direct-mapped: a text that loses its slot is found in the shared table.
type statementCache [64]struct {
	text      string
	statement *capture.Statement
}

// cachedText is the longest text kept alive for its address, in bytes.
const cachedText = 64 << 10

func (c *statementCache) find(text string) *capture.Statement {
	address := uintptr(unsafe.Pointer(unsafe.StringData(text)))
	slot := &c[(address>>4^address>>10^uintptr(len(text)))&uintptr(len(c)-1)]
	if slot.statement != nil && len(slot.text) == len(text) &&
		unsafe.StringData(slot.text) == unsafe.StringData(text) {
		return slot.statement
	}
	statement := shared.find(text)
	if len(text) <= cachedText {
		slot.text, slot.statement = text, statement
	}
	return statement
}

// Bounds of the table that connections share. When one is reached the map starts afresh, which
// costs a fingerprint per live text and loses sampled parameters, never an event.
const (
	sharedTextBytes  = 4 << 20 // texts with their map entries
	sharedStatements = 10_000
	entryBytes       = 48 // a map entry of string and pointer at the map's usual load
)

// statementTable is what all connections know of texts and fingerprints.
type statementTable struct {
	mu        sync.RWMutex
	byText    map[string]*capture.Statement
	textBytes int
	byDigest  map[uint64]*capture.Statement
}

var shared = statementTable{byText: map[string]*capture.Statement{}, byDigest: map[uint64]*capture.Statement{}}

func (t *statementTable) find(text string) *capture.Statement {
	t.mu.RLock()
	statement := t.byText[text]
	t.mu.RUnlock()
	if statement != nil {
		return statement
	}
	return t.add(text, sqltext.Fingerprint(text))
}

func (t *statementTable) add(text, fingerprint string) *capture.Statement {
	digest := sqltext.Digest(fingerprint)
	t.mu.Lock()
	defer t.mu.Unlock()
	statement := t.byDigest[digest]
	if statement == nil {
		if len(t.byDigest) >= sharedStatements {
			clear(t.byDigest)
		}
		statement = newStatement(digest, text, fingerprint)
		t.byDigest[digest] = statement
	}
	if size := len(text) + entryBytes; len(text) <= cachedText {
		if t.textBytes += size; t.textBytes > sharedTextBytes {
			clear(t.byText)
			t.textBytes = size
		}
		t.byText[text] = statement
	}
	return statement
}

func newStatement(digest uint64, text, fingerprint string) *capture.Statement {
	s := &capture.Statement{
		Digest: digest, Text: text, Fingerprint: fingerprint,
		Summary: sqltext.Summary(text), ReadOnly: sqltext.ReadOnly(text),
	}
	switch verb, _, _ := strings.Cut(s.Summary, " "); verb {
	case "INSERT", "UPDATE", "DELETE", "REPLACE":
		s.Changes = true
	default:
		s.Changes = strings.HasPrefix(fingerprint, "WITH ") && !s.ReadOnly
	}
	return s
}
