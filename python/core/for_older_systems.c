/* SPDX-License-Identifier: MIT */
/* Two things that static libraries ask of the C library, and how they get them in a module (CMakeLists.txt: --wrap). */
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

/* The standard streams: code made for programs reaches these variables where only a program may have them. */
extern FILE *__real_stdin, *__real_stdout, *__real_stderr;
FILE *__wrap_stdin __attribute__((visibility("hidden")));
FILE *__wrap_stdout __attribute__((visibility("hidden")));
FILE *__wrap_stderr __attribute__((visibility("hidden")));

__attribute__((constructor(101))) static void take_streams(void) {
  __wrap_stdin = __real_stdin;
  __wrap_stdout = __real_stdout;
  __wrap_stderr = __real_stderr;
}

/* glibc has it since 2.36, Ubuntu 22.04 has 2.35. */
void __wrap_arc4random_buf(void *buffer, size_t size);
void __wrap_arc4random_buf(void *buffer, size_t size) {
  for (unsigned char *at = buffer; size > 0;) {
    const ssize_t got = getrandom(at, size < 256 ? size : 256, 0);
    if (got > 0) at += got, size -= (size_t)got;
  }
}
