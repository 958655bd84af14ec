#include "textflag.h"

// func prefetch(ev *Event)
TEXT ·prefetch(SB), NOSPLIT|NOFRAME, $0-8
	MOVQ ev+0(FP), AX

	// PREFETCHW (AX) and 64(AX), which the assembler does not know. Processors without it do nothing.
	BYTE $0x0F; BYTE $0x0D; BYTE $0x08
	BYTE $0x0F; BYTE $0x0D; BYTE $0x48; BYTE $0x40
	RET
