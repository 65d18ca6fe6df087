/* Where static libraries find the standard streams in a module: see CMakeLists.txt (the linker's --wrap). */
#include <stdio.h>

extern FILE *__real_stdin, *__real_stdout, *__real_stderr;
FILE *__wrap_stdin __attribute__((visibility("hidden")));
FILE *__wrap_stdout __attribute__((visibility("hidden")));
FILE *__wrap_stderr __attribute__((visibility("hidden")));

__attribute__((constructor(101))) static void take_streams(void) {
  __wrap_stdin = __real_stdin;
  __wrap_stdout = __real_stdout;
  __wrap_stderr = __real_stderr;
}
