#include "textflag.h"

// func framePointers(pcs *uintptr, limit int) (n int, hash uintptr)
TEXT ·framePointers(SB), NOSPLIT|NOFRAME, $0-32
	MOVQ pcs+0(FP), DI
	MOVQ limit+8(FP), SI
	MOVQ BP, AX // the caller's frame: its caller's frame pointer, then its return address
	XORQ CX, CX
	XORQ BX, BX
	MOVQ $0x9E3779B97F4A7C15, R8

	// Frames lie one above the other on the goroutine's stack. What points elsewhere is the last
	// frame's 0, or what C code had in the register before it called back.
	MOVQ TLS, R9
	MOVQ 0(R9)(TLS*1), R9 // g, which begins with the bounds of its stack
	MOVQ 8(R9), R10
	SUBQ $16, R10
	MOVQ 0(R9), R9

next:
	CMPQ  AX, R9
	JLS   done
	CMPQ  AX, R10
	JHI   done
	CMPQ  CX, SI
	JGE   done
	MOVQ  AX, R9
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
