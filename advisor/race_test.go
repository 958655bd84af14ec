//go:build race

package advisor

// underRace thins out the tests that search and prove: under the race detector SQLite, which is Go here, takes
// six times as long. All of them run without it as well.
const underRace = true
