/* br_table: a stack machine of twelve operations runs a loop of n turns. */
#include "kernel.h"

enum { PUSH, ADD, SUB, MUL, XOR, SHR, DUP, SWAP, LOAD, STORE, JNZ, HALT };

/* acc = 1; i = n; do { acc = (acc * 33 ^ i) + (acc >> 7); i--; } while (i);
 * acc = 1 - acc; acc ^= acc >> 5; */
static const u8 program[] = {
    LOAD, 0, PUSH, 33, MUL, LOAD, 1, XOR, LOAD, 0, PUSH, 7, SHR, ADD, STORE, 0,
    LOAD, 1, PUSH, 1, SUB, DUP, STORE, 1, JNZ, 0,
    LOAD, 0, PUSH, 1, SWAP, SUB, DUP, PUSH, 5, SHR, XOR, HALT,
};

static u32 stack[16];
static u32 variables[2];

static NOINLINE u32 execute(const u8 *code) {
    u32 pc = 0;
    u32 *top = stack;
    for (;;) {
        switch (code[pc++]) {
        case PUSH: *top++ = code[pc++]; break;
        case ADD: top--; top[-1] += top[0]; break;
        case SUB: top--; top[-1] -= top[0]; break;
        case MUL: top--; top[-1] *= top[0]; break;
        case XOR: top--; top[-1] ^= top[0]; break;
        case SHR: top--; top[-1] >>= top[0] & 31; break;
        case DUP: top[0] = top[-1]; top++; break;
        case SWAP: { u32 t = top[-1]; top[-1] = top[-2]; top[-2] = t; break; }
        case LOAD: *top++ = variables[code[pc++]]; break;
        case STORE: variables[code[pc++]] = *--top; break;
        case JNZ: { u32 to = code[pc++]; if (*--top) pc = to; break; }
        case HALT: return top[-1];
        default: __builtin_trap();
        }
    }
}

EXPORT("run") i32 run(i32 n) {
    variables[0] = 1;
    variables[1] = (u32)n;
    return (i32)execute(program);
}
