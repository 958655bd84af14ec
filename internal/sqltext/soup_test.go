package sqltext

import (
	"math/rand/v2"
	"strings"
	"testing"
)

// soup holds words that meet in the rules of fingerprints; random sequences of them reach places that
// random bytes do not.
var soup = append(strings.Fields(keywordNames), strings.Fields(`a t json_extract likelihood "q" [q] 's' 's' '$.a' '%x' '*x' '' x'00' 1 -1
.5 0xf 1_0 1. ? ?1 :a $a::b(c) - - + ~ * / -> ->> = == || < . . , , , ( ( ( ( ) ) ) ) ; ; ! # 'open 1a key select select from
from order by by group in in in values values values like like glob cast as as on conflict do or insert insert into set null true
update with rows range end create trigger table pragma rekey explain`)...)

// TestFingerprintSoup checks the laws of FuzzFingerprint on random sequences of words.
func TestFingerprintSoup(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	separators := []string{" ", " ", "", "\n", "/**/"}
	for range 100_000 {
		var b strings.Builder
		for range r.IntN(25) {
			w := soup[r.IntN(len(soup))]
			if r.IntN(2) == 0 {
				w = soup[len(soup)-1-r.IntN(120)] // half of them from what matters most
			}
			b.WriteString(w + separators[r.IntN(len(separators))])
		}
		checkLaws(t, b.String())
	}
}
