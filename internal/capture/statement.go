package capture

import (
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"unicode/utf8"
)

// Statement is one fingerprint, shared by every event of every text that has it.
type Statement struct {
	Digest      uint64 // hash of Fingerprint
	Fingerprint string // literals as "?"
	Summary     string // verb and tables, such as "SELECT orders customers"
	ReadOnly    bool   // certainly only reads: SELECT, VALUES, EXPLAIN or a WITH around them
	Changes     bool   // INSERT, UPDATE, DELETE or REPLACE, whose affected rows count
	Writes      bool   // Changes, or changes the schema
	Control     Control

	// Text is the first text seen, as written. It may hold literals, so it stays in memory: it is
	// explained and replayed, never stored or shown.
	Text string

	Samples Samples

	calls atomic.Uint32 // counted where call sites are sampled
	texts atomic.Uint32
}

// FingerprintBytes is how much of a fingerprint is kept.
const FingerprintBytes = 64 << 10

// cut ends a fingerprint of which not all was kept.
const cut = "…"

// Shorten cuts a fingerprint that is too long to be kept.
func Shorten(fingerprint string) string {
	if len(fingerprint) <= FingerprintBytes {
		return fingerprint
	}
	return strings.ToValidUTF8(fingerprint[:FingerprintBytes], "") + cut
}

// Shortened says that a fingerprint is one that Shorten cut: no statement, though it may read as one.
func Shortened(fingerprint string) bool {
	return len(fingerprint) > FingerprintBytes-utf8.UTFMax && strings.HasSuffix(fingerprint, cut)
}

// Called counts a call and says how many there were before. It stops being exact after four billion.
func (s *Statement) Called() uint32 { return s.calls.Add(1) - 1 }

// SawText counts a text of the fingerprint that was not known before. Texts are forgotten when there are too
// many, and then count anew.
func (s *Statement) SawText() { s.texts.Add(1) }

// Texts is how many texts of the fingerprint were seen. It is 0 for a statement of the history.
func (s *Statement) Texts() uint32 { return s.texts.Load() }

// Control says what a statement does to the transaction. https://sqlite.org/lang_transaction.html
type Control uint8

// The kinds of control. A ROLLBACK TO is none, for the transaction goes on.
const (
	ControlNone Control = iota
	ControlBegin
	ControlBeginImmediate
	ControlBeginExclusive
	ControlCommit
	ControlRollback
	ControlSavepoint
	ControlRelease
	ControlScript // several statements, of which some may be any of these
)

// Samples keeps a few parameter lists of one statement. It is empty unless the application
// allowed values to be kept. Safe for concurrent use.
type Samples struct {
	mu   sync.Mutex
	seen uint64
	list [][]any
}

// samplesKept bounds the parameter lists kept per statement: the proof wants common and rare
// values, and 32 draws miss a value that 10 % of the calls have with a chance of 3 %.
const samplesKept = 32

// Offer keeps args with the chance that makes every list offered so far equally likely to be
// among those kept (algorithm R, Vitter 1985). make copies the arguments, only if they are to be
// kept; it returns nil for a list unfit to keep, which holds its place in the draw unseen.
func (s *Samples) Offer(random func(n uint64) uint64, make func() []any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.seen++
	i := uint64(len(s.list))
	if i == samplesKept {
		if i = random(s.seen); i >= samplesKept {
			return
		}
	}
	if i == uint64(len(s.list)) {
		s.list = append(s.list, nil)
	}
	s.list[i] = make()
}

// List returns the parameter lists kept.
func (s *Samples) List() [][]any {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(s.list), func(list []any) bool { return list == nil })
}

// Source is one database as the application opened it. Connections of one file share it.
type Source struct {
	ID   uint32 // numbered from 1 in order of first use
	Path string // absolute path of the main database file, "" in memory
	DSN  string // as given to sql.Open, the first if there were several

	open *openConns // nil for a database known only from a file
}

// Name is a short name for the database: its file's, or ":memory:".
func (s *Source) Name() string {
	if s.Path == "" {
		return ":memory:"
	}
	return filepath.Base(s.Path)
}

var sources struct {
	sync.Mutex
	byKey  map[string]*Source
	memory int
}

// Opened says whether this process has opened the database at path.
func Opened(path string) bool {
	sources.Lock()
	defer sources.Unlock()
	return sources.byKey[path] != nil
}

// memorySources bounds the databases in memory that are told apart. Programs may invent names for
// them without end, and a source is never forgotten: of files, because they may be open.
const memorySources = 256

// SourceOf returns the source of the database at path, or of dsn if it is in memory. Beyond the first
// 256, all those in memory are one.
func SourceOf(path, dsn string) *Source {
	sources.Lock()
	defer sources.Unlock()
	if sources.byKey == nil {
		sources.byKey = map[string]*Source{}
	}
	key := path
	if key == "" {
		key = "\x00" + dsn
		if sources.memory >= memorySources && sources.byKey[key] == nil {
			key, dsn = "\x00", ":memory:"
		}
	}
	s := sources.byKey[key]
	if s == nil {
		s = &Source{ID: uint32(len(sources.byKey) + 1), Path: path, DSN: dsn, open: &openConns{list: map[*Conn]struct{}{}}}
		sources.byKey[key] = s
		if path == "" {
			sources.memory++
		}
	}
	return s
}
