package advisor

// partialIndex is IX03: the index leaves out the rows that the statements never ask for, such as those deleted
// softly or done long ago. It is smaller, and writes to other rows do not touch it.
// https://sqlite.org/partialindex.html
var partialIndex = indexKind{
	code: "IX03",
	why:  "It holds only the rows that they ask for.",
	risk: "SQLite uses it only where the statement's text has the same condition: a parameter in its place does not do.",
}
