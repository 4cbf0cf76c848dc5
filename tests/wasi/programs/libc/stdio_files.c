/* Files through <stdio.h>: every mode, seeking, end of file, errors, renaming and removing. */
#include <stdlib.h>
#include <unistd.h>
#include "check.h"

static void test(int argc, char **argv) {
    char line[64];
    (void)argc, (void)argv;
    FILE *f = fopen("/hello.txt", "r");
    HOLDS("open for reading", f);
    HOLDS("a line", fgets(line, sizeof line, f) && !strcmp(line, "hello, file\n"));
    HOLDS("then the end", !fgets(line, sizeof line, f) && feof(f) && !ferror(f));
    EQUALS("it cannot be written", fputs("x", f) < 0 || fflush(f) < 0, 1);
    fclose(f);
    FAILS("what is not there", fopen("/none.txt", "r"), ENOENT, ENOENT);
    FAILS("a directory", fopen("/tree", "w"), EISDIR, EISDIR);

    f = fopen("/written.txt", "w");
    HOLDS("open for writing", f);
    EQUALS("printf", fprintf(f, "%d-%s-%.3f\n", 42, "text", 3.14159), 14);
    for (int i = 0; i < 1000; i++) fprintf(f, "line %d\n", i);
    EQUALS("close", fclose(f), 0);
    f = fopen("/written.txt", "r+");
    HOLDS("open for both", f);
    int lines = 0;
    while (fgets(line, sizeof line, f)) lines++;
    EQUALS("all lines", lines, 1001);
    EQUALS("seek to the start", fseek(f, 3, SEEK_SET), 0);
    EQUALS("a character", fgetc(f), 't');
    EQUALS("put it back", ungetc('t', f), 't');
    EQUALS("where", ftell(f), 3);
    EQUALS("seek", fseek(f, 0, SEEK_SET), 0);
    fputs("24", f);
    rewind(f);
    HOLDS("overwritten", fgets(line, sizeof line, f) && !strcmp(line, "24-text-3.142\n"));
    EQUALS("seek to the end", fseek(f, -9, SEEK_END), 0);
    HOLDS("the last line", fgets(line, sizeof line, f) && !strcmp(line, "line 999\n"));
    fclose(f);
    f = fopen("/written.txt", "a+");
    fputs("appended\n", f);
    fclose(f);
    f = fopen("/written.txt", "r");
    fseek(f, -9, SEEK_END);
    HOLDS("appended", fgets(line, sizeof line, f) && !strcmp(line, "appended\n"));
    fclose(f);
    f = fopen("/written.txt", "w");
    fclose(f);
    f = fopen("/written.txt", "r");
    EQUALS("truncated", fgetc(f), EOF);
    fclose(f);
    FAILS("exclusive", fopen("/written.txt", "wx"), EEXIST, EEXIST);
    EQUALS("rename", rename("/written.txt", "/renamed.txt"), 0);
    FAILS("the old name", fopen("/written.txt", "r"), ENOENT, ENOENT);
    EQUALS("remove", remove("/renamed.txt"), 0);
    FAILS("remove again", remove("/renamed.txt"), ENOENT, ENOENT);
    EQUALS("remove a directory", rmdir("/tree/sub") == -1 && errno == ENOTEMPTY, 1);

    /* No descriptor is lost. */
    for (int i = 0; i < 500; i++) {
        f = fopen("/hello.txt", "r");
        if (!f) { failed("open 500 times", i); break; }
        fclose(f);
    }
    puts("standard output");
    fprintf(stderr, "standard error\n");
}
