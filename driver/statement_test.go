package driver

import (
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/sqliteperf/sqliteperf/internal/capture"
	"github.com/sqliteperf/sqliteperf/internal/sqltext"
)

func newTable() *statementTable {
	return &statementTable{byText: map[string]*capture.Statement{}, byDigest: map[uint64]*capture.Statement{}}
}

func TestTextsOfOneFingerprintShareAStatement(t *testing.T) {
	table := newTable()
	one, other := table.find("SELECT v FROM t WHERE id = 1"), table.find("select v from t where id=2 -- two")
	if one != other {
		t.Errorf("%q and %q are two statements", one.Fingerprint, other.Fingerprint)
	}
	if one.Text != "SELECT v FROM t WHERE id = 1" || one.Digest != sqltext.Digest(one.Fingerprint) || !one.ReadOnly {
		t.Errorf("%+v", one)
	}
	if third := table.find("SELECT v FROM t WHERE id > 1"); third == one || third.Digest == one.Digest {
		t.Errorf("%q is %q", third.Fingerprint, one.Fingerprint)
	}
}

func TestStatementsThatChangeRows(t *testing.T) {
	for text, want := range map[string]bool{
		"INSERT INTO t VALUES(1)": true, "insert or ignore into t values(1)": true, "REPLACE INTO t VALUES(1)": true,
		"UPDATE t SET a = 1": true, "/* why */ DELETE FROM t": true, "DELETE FROM t RETURNING *": true,
		"WITH x AS (SELECT 1) INSERT INTO t SELECT * FROM x":                    true,
		"WITH RECURSIVE x(i) AS (SELECT 1 UNION SELECT i FROM x) DELETE FROM t": true,
		"WITH x AS (SELECT 1) SELECT * FROM x":                                  false,
		"SELECT 1":                                                              false, "CREATE TABLE t(x)": false, "PRAGMA user_version = 1": false, "BEGIN": false, "": false,
		"EXPLAIN INSERT INTO t VALUES(1)": false,
	} {
		if got := newTable().find(text).Changes; got != want {
			t.Errorf("%s: %v, want %v", text, got, want)
		}
	}
}

// TestAnAddressNeverComesToMeanAnotherText builds texts at ever new addresses, with collections
// that would let addresses be used again, and asks a connection's cache for each twice.
func TestAnAddressNeverComesToMeanAnotherText(t *testing.T) {
	var cache statementCache
	for i := range 20_000 {
		text := fmt.Sprintf("SELECT %c%d FROM t", 'a'+i%7, i%500)
		for range 2 {
			if got := cache.find(text); got.Fingerprint != text {
				t.Fatalf("%q was found as %q", text, got.Fingerprint)
			}
		}
		if i%1000 == 0 {
			runtime.GC()
		}
	}
}

// TestTextsWithinATextAreTold looks up prefixes, which share their address with the whole.
func TestTextsWithinATextAreTold(t *testing.T) {
	var cache statementCache
	whole := "SELECT a" + strings.Repeat(", a", 2*len(cache)) // prefixes meet in every slot
	for range 3 {
		for n := range len(whole) + 1 {
			if got, want := cache.find(whole[:n]).Fingerprint, sqltext.Fingerprint(whole[:n]); got != want {
				t.Errorf("%q was found as %q", whole[:n], got)
			}
		}
	}
}

func TestSameStatementAtAnyAddress(t *testing.T) {
	var one, other statementCache
	text := "SELECT same FROM t WHERE id = 5"
	want := one.find(text)
	for _, found := range []*capture.Statement{one.find(text), other.find(text), one.find(strings.Clone(text)), other.find(strings.Clone(text))} {
		if found != want {
			t.Errorf("found %p, want %p", found, want)
		}
	}
}

func TestLongTextsAreFoundButNotKept(t *testing.T) {
	var cache statementCache
	text := "SELECT long FROM t WHERE id = 1 --" + strings.Repeat("x", cachedText)
	if first, second := cache.find(text), cache.find(text); first != second {
		t.Error("a long text is two statements")
	}
	for _, slot := range cache {
		if len(slot.text) > cachedText {
			t.Errorf("a text of %d bytes is kept by its address", len(slot.text))
		}
	}
	if _, kept := shared.byText[text]; kept {
		t.Error("a long text is kept in the shared table")
	}
}

// A text that SQLite reads in part, or one too long to be kept, must not speak for all of its fingerprint.
func TestBetterTextsSpeakForTheirFingerprint(t *testing.T) {
	long := "SELECT '" + strings.Repeat("x", cachedText) + "'"
	for name, texts := range map[string][]string{
		"a zero byte": {"SELECT 'a\x00b'", "SELECT 'c'"}, "a long text": {long, "SELECT 'c'"},
		"both": {"SELECT 'a\x00b'", long, "SELECT 'c'"}, "the other way": {"SELECT 'c'", long, "SELECT 'a\x00b'"},
	} {
		table := newTable()
		for _, text := range texts {
			table.find(text)
		}
		s := table.find("SELECT 'd'")
		if !s.ReadOnly || s.Text != "SELECT 'c'" {
			t.Errorf("%s: %q, read only %v", name, s.Text, s.ReadOnly)
		}
		if held := len(s.Text) + len(s.Fingerprint); len(table.byDigest) != 1 || table.bytes != held {
			t.Errorf("%s: %d statements of %d bytes, want one of %d", name, len(table.byDigest), table.bytes, held)
		}
	}
}

func TestSharedTableIsBounded(t *testing.T) {
	for name, text := range map[string]func(i int) string{
		"many fingerprints":  func(i int) string { return fmt.Sprintf("SELECT c%d", i) },
		"many short texts":   func(i int) string { return fmt.Sprint("SELECT ", i) },
		"few but long texts": func(i int) string { return fmt.Sprintf("SELECT '%d%s'", i, strings.Repeat("x", 20_000)) },
	} {
		t.Run(name, func(t *testing.T) {
			table := newTable()
			var most, mostTexts int
			for i := range 5 * sharedStatements / (1 + len(text(0))/1000) {
				if s := table.find(text(i)); s.Fingerprint == "" {
					t.Fatal("a text has no statement")
				}
				most, mostTexts = max(most, len(table.byDigest)), max(mostTexts, len(table.byText))
			}
			if most > sharedStatements {
				t.Errorf("%d statements, want at most %d", most, sharedStatements)
			}
			if limit := sharedTextBytes / (entryBytes + len(text(0))); mostTexts > limit {
				t.Errorf("%d texts, want at most %d", mostTexts, limit)
			}
			held := 0
			for kept := range table.byText {
				held += len(kept) + entryBytes
			}
			if held != table.textBytes || held > sharedTextBytes {
				t.Errorf("%d bytes of texts, counted as %d, want at most %d", held, table.textBytes, sharedTextBytes)
			}
		})
	}
}

func TestSharedTableIsSafeForManyConnections(t *testing.T) {
	table := newTable()
	var asking sync.WaitGroup
	found := make([][]*capture.Statement, 8)
	for i := range found {
		asking.Go(func() {
			for n := range 300 {
				found[i] = append(found[i], table.find(fmt.Sprintf("SELECT c%d", n)))
			}
		})
	}
	asking.Wait()
	for _, list := range found {
		for n, s := range list {
			if s != found[0][n] {
				t.Fatalf("text %d has two statements", n)
			}
		}
	}
}

// TestTheTableIsBoundedInBytes: a program that builds megabyte texts without end keeps little of them.
func TestTheTableIsBoundedInBytes(t *testing.T) {
	table := newTable()
	for i := range 200 {
		s := table.find(fmt.Sprintf("SELECT c%d /* %s */ AS \"%s\"", i, strings.Repeat("x", 1<<20), strings.Repeat("é", 1<<19)))
		if s.Text != "" || len(s.Fingerprint) > cachedText+8 || !strings.HasSuffix(s.Fingerprint, "é…") {
			t.Fatalf("kept %d bytes of text, %d of fingerprint", len(s.Text), len(s.Fingerprint))
		}
	}
	for i := range 2000 {
		table.find(fmt.Sprintf("SELECT c%d AS %s", i, strings.Repeat("y", 60<<10)))
	}
	kept := 0
	for _, s := range table.byDigest {
		kept += len(s.Text) + len(s.Fingerprint)
	}
	if kept > sharedBytes || kept != table.bytes {
		t.Errorf("%d bytes kept, %d counted, %d allowed", kept, table.bytes, sharedBytes)
	}
}
