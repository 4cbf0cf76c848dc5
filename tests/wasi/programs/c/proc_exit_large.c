/* A code that a process of most systems cannot have is the guest's all the same. */
#include "check.h"

static void test(void) { proc_exit(200); }
