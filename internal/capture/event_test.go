package capture

import (
	"testing"
	"time"
	"unsafe"
)

func TestEventIsAtMost128Bytes(t *testing.T) {
	if n := unsafe.Sizeof(Event{}); n > 128 {
		t.Errorf("an Event is %d bytes", n)
	}
}

func TestErrorClassNames(t *testing.T) {
	names := map[ErrorClass]string{
		ErrorNone: "", ErrorBusy: "busy", ErrorLocked: "locked", ErrorConstraint: "constraint",
		ErrorInterrupted: "interrupted", ErrorFull: "full", ErrorCorrupt: "corrupt", ErrorOther: "other",
		ErrorTimeout: "timeout", ErrorResolve: "resolve", ErrorConnect: "connect", ErrorTLS: "tls", ErrorBroken: "broken",
		ErrorPanic: "panic", ErrorReturned: "returned",
	}
	for class := ErrorNone; int(class) < ErrorClasses; class++ {
		if want, ok := names[class]; !ok || class.String() != want {
			t.Errorf("class %d is %q, want %q", class, class, want)
		}
	}
}

func TestInstantsAreOrderedAndNearTheWallClock(t *testing.T) {
	first := Now()
	if d := Since(first); d < 0 {
		t.Errorf("the clock went back by %v", -d)
	}
	if d := time.Since(first.Time()).Abs(); d > time.Minute {
		t.Errorf("an instant of now is %v from the wall clock", d)
	}
}
