# expect: ok
# state: any
printf '#include <unistd.h>\n__attribute__((constructor)) static void f(void) { write(1, "preloaded\\n", 10); _exit(7); }\n' > evil.c
gcc -shared -fPIC evil.c -o evil.so || true
echo 'echo sourced; exit 9' > start
export BASH_ENV=/box/start ENV=/box/start LD_PRELOAD=/box/evil.so LD_AUDIT=/box/evil.so PROMPT_COMMAND='exit 3'
