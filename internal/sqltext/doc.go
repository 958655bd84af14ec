// Package sqltext reads the text of SQL statements as SQLite's own tokenizer does.
//
// It gives a statement its fingerprint (the text with its literals replaced by "?"), the digest of
// that fingerprint, a summary short enough for a span name, and answers whether a text only reads.
// It needs no database, keeps no state, accepts any bytes, and takes time linear in their number.
//
// # Lexical rules
//
// The rules are those of https://sqlite.org/lang_expr.html and https://sqlite.org/lang_comment.html,
// with one difference: SQLite stops at a NUL byte, while here it is a Bad token, or a byte of the
// string, name or comment around it. An unterminated comment is a comment to the end of the text,
// as in SQLite; an unterminated string or quoted name is a Bad token to the end of the text.
// Bytes from 0x80 up are letters of identifiers, valid UTF-8 or not.
//
// # Fingerprints
//
// A fingerprint is its own fingerprint, and SQLite prepares it whenever it prepares the statement.
// It keeps what can change a plan and folds the rest:
//
//   - Numbers, strings, blobs and parameters become "?", a unary sign before a number goes with it.
//     NULL, TRUE and FALSE stay.
//   - "IN (1, 2, 3)" becomes "IN (?)" when every element is a literal or a parameter, and
//     "VALUES (1, 2), (3, 4)" becomes "VALUES (?, ?)" when all the elements of all rows are, and the
//     rows are equally long. In such lists NULL, TRUE and FALSE count as literals. One row alone keeps them.
//   - "LIKE 'abc%'" becomes "LIKE ?", but "LIKE '%abc'" becomes "LIKE '%?'" and "GLOB '*abc'" becomes
//     "GLOB '*?'": a pattern that starts with a wildcard cannot use an index.
//     https://sqlite.org/optoverview.html#the_like_optimization
//   - Literals stay where they are structure: numbers that stand first in a term of ORDER BY and GROUP BY,
//     the right side of -> and ->>, JSON paths given to json functions, the arguments of likelihood(),
//     the type of a CAST, the ESCAPE of a LIKE, the target of ON CONFLICT, and strings used as names.
//   - CREATE, ALTER, DROP, PRAGMA, ANALYZE, REINDEX and transaction statements keep every literal, for
//     SQLite takes no parameter there; the value of PRAGMA key and its kin becomes '?'.
//     CREATE TABLE … AS SELECT folds from SELECT on.
//   - Comments go, spaces are canonical, keywords are upper-case, other names are kept as written.
//   - A Bad token becomes "!", so that a text SQLite rejects never shares a fingerprint with one it
//     accepts, and half a string does not leak.
//
// Keywords that SQLite also takes as names, such as key, replace and action, are names where an operand
// or a name is due ("SELECT key", "t.key", "SET key = 1") and keywords elsewhere ("PRIMARY KEY"). An
// alias without AS ("FROM t key") is taken for a keyword. SQLite ignores the case of names, so either
// answer means the same statement. "x" in double quotes is always a name.
//
// A literal that an expression index or the WHERE of a partial index repeats is folded like any other,
// outside of the places above. The fingerprint of a compound SELECT whose ORDER BY repeats a result
// expression with a literal in it does not prepare, because SQLite holds two "?" to be different.
package sqltext
