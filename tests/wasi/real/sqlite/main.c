/* A small shell over SQLite: `sqlite DATABASE` runs the statements that come on standard input, one
   after the other, and prints each result or error. Written for the test; SQLite itself is fetched. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "sqlite3.h"

static int failed;

static void run(sqlite3 *db, const char *sql) {
    while (*sql) {
        sqlite3_stmt *statement = 0;
        const char *rest = sql;
        int code = sqlite3_prepare_v2(db, sql, -1, &statement, &rest);
        if (code != SQLITE_OK) {
            printf("error %d: %s\n", code, sqlite3_errmsg(db));
            failed++;
            return;
        }
        if (!statement) return; /* only space or a comment */
        int columns = sqlite3_column_count(statement);
        while ((code = sqlite3_step(statement)) == SQLITE_ROW) {
            for (int i = 0; i < columns; i++) {
                const unsigned char *text = sqlite3_column_text(statement, i);
                printf("%s%s", i ? "|" : "", text ? (const char *)text : "NULL");
            }
            putchar('\n');
        }
        if (code != SQLITE_DONE) {
            printf("error %d: %s\n", sqlite3_extended_errcode(db), sqlite3_errmsg(db));
            failed++;
        }
        sqlite3_finalize(statement);
        sql = rest;
    }
}

int main(int argc, char **argv) {
    sqlite3 *db;
    if (argc != 2) {
        fprintf(stderr, "usage: %s DATABASE\n", argv[0]);
        return 2;
    }
    if (sqlite3_open(argv[1], &db) != SQLITE_OK) {
        fprintf(stderr, "cannot open %s: %s\n", argv[1], sqlite3_errmsg(db));
        return 1;
    }
    size_t room = 1 << 16, n = 0;
    char *sql = malloc(room);
    int c, statements = 0;
    while (sql && (c = getchar()) != EOF) {
        if (n + 2 > room) sql = realloc(sql, room *= 2);
        sql[n++] = (char)c;
        sql[n] = 0;
        if (c == ';' && sqlite3_complete(sql)) {
            run(db, sql);
            statements++;
            n = 0;
        }
    }
    printf("%d statements, %d errors, %d changes\n", statements, failed, sqlite3_total_changes(db));
    sqlite3_close(db);
    return 0;
}
