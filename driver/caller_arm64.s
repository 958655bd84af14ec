#include "textflag.h"

// func framePointers(pcs *uintptr, limit int) (n int, hash uintptr)
TEXT ·framePointers(SB), NOSPLIT|NOFRAME, $0-32
	MOVD pcs+0(FP), R0
	MOVD limit+8(FP), R1
	MOVD R29, R2 // the caller's frame: its caller's frame pointer, then its return address
	MOVD ZR, R3
	MOVD ZR, R5
	MOVD $0x9E3779B97F4A7C15, R6

next:
	CBZ  R2, done
	CMP  R1, R3
	BGE  done
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
