package advisor

// coveringIndex is IX02: the index holds every column that a statement reads, so that the table is not read
// besides: one search per row less. https://sqlite.org/queryplanner.html#_covering_indexes
//
// Why it is not the rule: each column more is copied into every entry. The search weighs that with the writes.
var coveringIndex = indexKind{
	code: "IX02",
	why:  "It holds all that they read, so the table is not looked up for each row.",
}
