#include "textflag.h"

// func prefetch(ev *Event)
TEXT ·prefetch(SB), NOSPLIT|NOFRAME, $0-8
	MOVD ev+0(FP), R0
	PRFM (R0), PSTL1KEEP
	PRFM 64(R0), PSTL1KEEP
	RET
