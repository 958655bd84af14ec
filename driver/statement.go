package driver

import (
	"slices"
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
	sharedBytes      = 32 << 20 // texts and fingerprints of the statements
	entryBytes       = 48       // a map entry of string and pointer at the map's usual load
)

// statementTable is what all connections know of texts and fingerprints.
type statementTable struct {
	mu        sync.RWMutex
	byText    map[string]*capture.Statement
	textBytes int
	byDigest  map[uint64]*capture.Statement
	bytes     int // texts and fingerprints in byDigest
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
	if statement == nil || better(text, statement) {
		statement = t.put(newStatement(digest, text, fingerprint))
	}
	statement.SawText()
	if size := len(text) + entryBytes; len(text) <= cachedText {
		if t.textBytes += size; t.textBytes > sharedTextBytes {
			clear(t.byText)
			t.textBytes = size
		}
		t.byText[text] = statement
	}
	return statement
}

// put takes in a statement, in place of the one of its digest if there is one.
func (t *statementTable) put(s *capture.Statement) *capture.Statement {
	if old := t.byDigest[s.Digest]; old != nil {
		t.bytes -= len(old.Text) + len(old.Fingerprint)
		delete(t.byDigest, s.Digest)
	}
	size := len(s.Text) + len(s.Fingerprint)
	if t.bytes += size; len(t.byDigest) >= sharedStatements || t.bytes > sharedBytes {
		clear(t.byDigest)
		t.bytes = size
	}
	t.byDigest[s.Digest] = s
	return s
}

// better says that text tells more of its fingerprint than the one seen first: that it only reads,
// which a NUL byte in a string makes unsure, or what can be explained, which a long one cannot.
func better(text string, than *capture.Statement) bool {
	if than.ReadOnly && than.Text != "" {
		return false
	}
	reads := sqltext.ReadOnly(text)
	return reads && !than.ReadOnly || reads == than.ReadOnly && than.Text == "" && len(text) <= cachedText
}

// newStatement keeps neither a long text, which is then neither explained nor replayed, nor all of a long
// fingerprint.
func newStatement(digest uint64, text, fingerprint string) *capture.Statement {
	s := &capture.Statement{
		Digest: digest, Text: text, Fingerprint: capture.Shorten(fingerprint),
		Summary: sqltext.Summary(text), ReadOnly: sqltext.ReadOnly(text),
	}
	if len(text) > cachedText {
		s.Text = ""
	}
	switch verb := firstWord(text); verb {
	case "INSERT", "UPDATE", "DELETE", "REPLACE":
		s.Changes = true
	case "WITH":
		s.Changes = !s.ReadOnly
	case "CREATE", "DROP", "ALTER", "REINDEX", "ANALYZE":
		s.Writes = true
	}
	s.Writes = s.Writes || s.Changes
	s.Control = controlOf(text)
	return s
}

// firstWord is the first word of a text in upper case, "" if it begins with none.
func firstWord(text string) string {
	t := sqltext.Next(text, 0)
	for t.Kind == sqltext.Op && text[t.Start] == ';' {
		t = sqltext.Next(text, t.End)
	}
	if t.Kind != sqltext.Word {
		return ""
	}
	return strings.ToUpper(t.Text(text))
}

// controlOf says what text does to the transaction.
func controlOf(text string) capture.Control {
	switch len(sqltext.Split(text)) {
	case 0:
		return capture.ControlNone
	case 1:
	default:
		return capture.ControlScript
	}
	words := strings.Fields(strings.TrimRight(strings.ToUpper(sqltext.Fingerprint(text)), "; "))
	switch words[0] {
	case "BEGIN":
		return beginOf(words)
	case "COMMIT", "END":
		return capture.ControlCommit
	case "ROLLBACK":
		if slices.Contains(words, "TO") {
			return capture.ControlNone
		}
		return capture.ControlRollback
	case "SAVEPOINT":
		return capture.ControlSavepoint
	case "RELEASE":
		return capture.ControlRelease
	}
	return capture.ControlNone
}

func beginOf(words []string) capture.Control {
	if len(words) > 1 && words[1] == "IMMEDIATE" {
		return capture.ControlBeginImmediate
	}
	if len(words) > 1 && words[1] == "EXCLUSIVE" {
		return capture.ControlBeginExclusive
	}
	return capture.ControlBegin
}
