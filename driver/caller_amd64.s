#include "textflag.h"

// func framePointers(pcs *uintptr, limit int) (n int, hash uintptr)
TEXT ·framePointers(SB), NOSPLIT|NOFRAME, $0-32
	MOVQ pcs+0(FP), DI
	MOVQ limit+8(FP), SI
	MOVQ BP, AX // the caller's frame: its caller's frame pointer, then its return address
	XORQ CX, CX
	XORQ BX, BX
	MOVQ $0x9E3779B97F4A7C15, R8

next:
	TESTQ AX, AX
	JEQ   done
	CMPQ  CX, SI
	JGE   done
	MOVQ  8(AX), DX
	MOVQ  DX, (DI)(CX*8)
	XORQ  DX, BX
	IMULQ R8, BX
	INCQ  CX
	MOVQ  (AX), AX
	JMP   next

done:
	MOVQ CX, n+16(FP)
	MOVQ BX, hash+24(FP)
	RET
