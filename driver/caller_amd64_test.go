package driver

import (
	"testing"
	"unsafe"
)

// C code may keep anything in the frame pointer's register, so that the frames above a callback from
// it lead anywhere.
func TestFramePointersStayOnTheStack(t *testing.T) {
	for _, wrong := range []uintptr{0, 1, 0x17, 1 << 40, ^uintptr(0), ^uintptr(0) - 15} {
		if n := framesBelow(wrong); n != 1 {
			t.Errorf("%d frames below a frame pointer of %#x, want 1", n, wrong)
		}
	}
}

// framesBelow counts the frames that are found when the one above its own has another frame pointer.
//
//go:noinline
func framesBelow(wrong uintptr) int {
	var pcs [8]uintptr
	framePointers(&pcs[0], len(pcs))
	saved := unsafe.Pointer(&pcs[len(pcs)-1])
	for *(*uintptr)(unsafe.Add(saved, 8)) != pcs[0] { // the return address, above the frame pointer
		saved = unsafe.Add(saved, 8)
	}
	right := *(*uintptr)(saved)
	*(*uintptr)(saved) = wrong
	n, _ := framePointers(&pcs[0], len(pcs))
	*(*uintptr)(saved) = right
	return n
}

func TestReturnAddressesRememberedAreBounded(t *testing.T) {
	var c callerCache
	for pc := range uintptr(2*mostSkipped + 1) {
		if c.skip(pc, nil); len(c.skipped) > mostSkipped {
			t.Fatalf("%d are remembered", len(c.skipped))
		}
	}
}
