#include "textflag.h"

// func prefetch(base unsafe.Pointer, offset *uint64, stride, n uintptr)
TEXT ·prefetch(SB), NOSPLIT, $0-32
	MOVQ base+0(FP), AX
	MOVQ offset+8(FP), BX
	MOVQ stride+16(FP), CX
	MOVQ n+24(FP), DX
	TESTQ DX, DX
	JEQ end
line:
	MOVQ (BX), SI
	PREFETCHT0 (AX)(SI*1)
	ADDQ CX, BX
	DECQ DX
	JNE line
end:
	RET
