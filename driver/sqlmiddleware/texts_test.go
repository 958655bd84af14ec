package sqlmiddleware

import (
	"testing"
	"time"
)

func TestTextsAreBounded(t *testing.T) {
	g := Guard(GuardConfig{Forbid: DDL})
	for i := range textsKept * 3 {
		must(t, g.check("SELECT "+string(make([]byte, i%7))+time.Duration(i).String()))
	}
	must(t, g.check("SELECT '"+string(make([]byte, textBytes))+"'"))
	if n := len(g.verdicts.known); n == 0 || n > textsKept {
		t.Errorf("%d texts, want 1 to %d", n, textsKept)
	}
}
