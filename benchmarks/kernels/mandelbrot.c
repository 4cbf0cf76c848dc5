/* f64 arithmetic with an exit on a comparison: the Mandelbrot set on a grid of n by
 * 16 points, at most 50 steps each. The answer is the number of steps. */
#include "kernel.h"

EXPORT("run") i32 run(i32 n) {
    i32 steps = 0;
    for (i32 row = 0; row < n; row++)
        for (i32 column = 0; column < 16; column++) {
            f64 cx = -2.0 + 3.0 * column / 16.0, cy = -1.0 + 2.0 * row / n;
            f64 x = 0, y = 0;
            for (i32 k = 0; k < 50; k++) {
                f64 xx = x * x, yy = y * y;
                if (xx + yy > 4.0) break;
                y = 2.0 * x * y + cy;
                x = xx - yy + cx;
                steps++;
            }
        }
    return steps;
}
