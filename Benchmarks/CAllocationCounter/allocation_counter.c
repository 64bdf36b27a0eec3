#include "allocation_counter.h"

#include <errno.h>
#include <malloc.h>
#include <stddef.h>

// The functions of glibc that the ones counted here stand in front of.
extern void *__libc_malloc(size_t);
extern void *__libc_calloc(size_t, size_t);
extern void *__libc_realloc(void *, size_t);
extern void *__libc_memalign(size_t, size_t);

// The initial-exec model keeps the access from allocating by itself.
static __thread long count __attribute__((tls_model("initial-exec")));

long allocation_count(void) { return count; }

void *malloc(size_t size) {
    count++;
    return __libc_malloc(size);
}

void *calloc(size_t number, size_t size) {
    count++;
    return __libc_calloc(number, size);
}

void *realloc(void *block, size_t size) {
    count++;
    return __libc_realloc(block, size);
}

void *aligned_alloc(size_t alignment, size_t size) {
    count++;
    return __libc_memalign(alignment, size);
}

int posix_memalign(void **block, size_t alignment, size_t size) {
    count++;
    *block = __libc_memalign(alignment, size);
    return *block ? 0 : ENOMEM;
}

void allocation_trim(void) {
    // From here on what is large goes back as soon as it is free, whatever was freed before.
    mallopt(M_MMAP_THRESHOLD, 128 * 1024);
    malloc_trim(0);
}
