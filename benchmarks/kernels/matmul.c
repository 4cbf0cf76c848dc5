/* f64 multiply and add: a 16 by 16 matrix times another, n times, the first
 * being the fractional parts of the last product. The answer is the trace, times 2^20. */
#include "kernel.h"

#define SIZE 16
static f64 a[SIZE][SIZE], b[SIZE][SIZE], c[SIZE][SIZE];

EXPORT("run") i32 run(i32 n) {
    u64 seed = 3;
    for (i32 i = 0; i < SIZE; i++)
        for (i32 j = 0; j < SIZE; j++) {
            a[i][j] = (f64)(lcg(&seed) >> 16) / 65536.0;
            b[i][j] = (f64)(lcg(&seed) >> 16) / 65536.0;
        }
    for (i32 round = 0; round < n; round++) {
        for (i32 i = 0; i < SIZE; i++)
            for (i32 j = 0; j < SIZE; j++) {
                f64 s = 0;
#pragma clang loop unroll(disable)
                for (i32 k = 0; k < SIZE; k++) s += a[i][k] * b[k][j];
                c[i][j] = s;
            }
        for (i32 i = 0; i < SIZE; i++)
            for (i32 j = 0; j < SIZE; j++) a[i][j] = c[i][j] - (i32)c[i][j];
    }
    f64 trace = 0;
    for (i32 i = 0; i < SIZE; i++) trace += a[i][i];
    return (i32)(trace * 1048576.0);
}
