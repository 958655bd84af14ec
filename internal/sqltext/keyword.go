package sqltext

import "strings"

// IsKeyword reports whether SQLite's tokenizer takes the word for a keyword, in any case. Many of
// them may still be names. TRUE and FALSE are none. https://sqlite.org/lang_keywords.html
func IsKeyword(word string) bool {
	kw := lookup(word)
	return kw != 0 && kw < kwTrue
}

// trait says how a keyword stands among its neighbours.
type trait uint8

const (
	nameable  trait = 1 << iota // SQLite also takes it for a name: %fallback ID in its parse.y, and the words of joins
	opens                       // an operand or a name follows
	ends                        // ends an operand, as NULL does
	constWord                   // a literal spelled as a word
)

const (
	nameableWords = `ABORT ACTION AFTER ALWAYS ANALYZE ASC ATTACH BEFORE BEGIN BY CASCADE CAST COLUMN CONFLICT CROSS
CURRENT CURRENT_DATE CURRENT_TIME CURRENT_TIMESTAMP DATABASE DEFERRED DESC DETACH DO EACH END EXCLUDE EXCLUSIVE
EXPLAIN FAIL FALSE FILTER FIRST FOLLOWING FOR FULL GENERATED GLOB GROUPS IF IGNORE IMMEDIATE INDEXED INITIALLY INNER
INSTEAD KEY LAST LEFT LIKE MATCH MATERIALIZED NATURAL NO NULLS OF OFFSET OTHERS OUTER OVER PARTITION PLAN PRAGMA
PRECEDING QUERY RAISE RANGE RECURSIVE REGEXP REINDEX RELEASE RENAME REPLACE RESTRICT RIGHT ROLLBACK ROW ROWS
SAVEPOINT TEMP TEMPORARY TIES TRIGGER TRUE UNBOUNDED VACUUM VIEW VIRTUAL WINDOW WITH WITHOUT`
	opensWords = `ALL AND AS BETWEEN BY CASE COLLATE COLUMN CONSTRAINT DEFAULT DISTINCT ELSE ESCAPE EXISTS FROM GLOB
HAVING IN INDEX INTO IS JOIN LIKE LIMIT MATCH NOT OFFSET ON OR PRAGMA REFERENCES REGEXP RETURNING SAVEPOINT SELECT
SET TABLE THEN TO TRIGGER UPDATE VIEW WHEN WHERE WINDOW WITH`
	endsWords     = `CURRENT_DATE CURRENT_TIME CURRENT_TIMESTAMP END FALSE ISNULL NOTNULL NULL TRUE`
	constantWords = `FALSE NULL TRUE`
)

// A keyword is found by its length, its first two bytes and its last: buckets holds the first keyword of each
// hash, chain the next one with the same.
var (
	keywords [keywordEnd]string
	buckets  [1024]keyword
	chain    [keywordEnd]keyword
	traits   [keywordEnd]trait
)

func init() {
	for i, name := range strings.Fields(keywordNames) {
		kw, h := keyword(i+1), hash(name)
		keywords[kw], chain[kw], buckets[h] = name, buckets[h], kw
	}
	for words, t := range map[string]trait{
		nameableWords: nameable, opensWords: opens, endsWords: ends, constantWords: constWord,
	} {
		for _, w := range strings.Fields(words) {
			traits[lookup(w)] |= t
		}
	}
}

// maxKeyword is the length of CURRENT_TIMESTAMP; no keyword has one letter.
const maxKeyword = 17

// hash spreads the keywords so that most other words meet an empty bucket.
func hash(word string) uint {
	a, b, z := uint(word[0]|0x20), uint(word[1]|0x20), uint(word[len(word)-1]|0x20)
	return (a*33 ^ b*5 ^ z<<5 ^ uint(len(word))<<3) % 1024
}

// lookup returns the number of a keyword, TRUE and FALSE included, or 0.
func lookup(word string) keyword {
	if len(word) < 2 || len(word) > maxKeyword {
		return 0
	}
	kw := buckets[hash(word)]
	for kw != 0 && !sameWord(word, keywords[kw]) {
		kw = chain[kw]
	}
	return kw
}

// sameWord compares with an upper-case keyword. The bit that makes a letter upper-case also turns
// DEL into "_", so DEL is refused.
func sameWord(word, upper string) bool {
	if len(word) != len(upper) {
		return false
	}
	for i := range len(word) {
		if word[i]&^0x20 != upper[i] || word[i] == 0x7f {
			return false
		}
	}
	return true
}

func (kw keyword) is(t trait) bool { return traits[kw]&t != 0 }
