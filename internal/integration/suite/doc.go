// Package suite runs modernc.org/sqlite's own tests on the driver "sqlite-perf".
//
// They are read from the module cache when the test runs, turned into a package outside of
// modernc's by text edits that keep every line where it was, and built by an overlay, so nothing
// of them is kept here and nothing is left behind. Declarations that need modernc's unexported
// names cannot live outside and are dropped, with all that needs them. What is left runs once on
// the driver "sqlite" and once on ours: a test that passes there must pass here.
package suite
