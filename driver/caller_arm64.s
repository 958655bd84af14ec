#include "textflag.h"

// func framePointers(pcs *uintptr, limit int) (n int, hash uintptr)
TEXT ·framePointers(SB), NOSPLIT|NOFRAME, $0-32
	MOVD pcs+0(FP), R0
	MOVD limit+8(FP), R1
	MOVD R29, R2 // the caller's frame: its caller's frame pointer, then its return address
	MOVD ZR, R3
	MOVD ZR, R5
	MOVD $0x9E3779B97F4A7C15, R6

	// Frames lie one above the other on the goroutine's stack. What points elsewhere is the last
	// frame's 0, or what C code had in the register before it called back.
	MOVD 0(g), R7 // the bounds of its stack
	MOVD 8(g), R8
	SUB  $16, R8, R8

next:
	CMP  R7, R2
	BLS  done
	CMP  R8, R2
	BHI  done
	CMP  R1, R3
	BGE  done
	MOVD R2, R7
	MOVD 8(R2), R4
	MOVD R4, (R0)(R3<<3)
	EOR  R4, R5, R5
	MUL  R6, R5, R5
	ADD  $1, R3
	MOVD (R2), R2
	B    next

done:
	MOVD R3, n+16(FP)
	MOVD R5, hash+24(FP)
	RET
