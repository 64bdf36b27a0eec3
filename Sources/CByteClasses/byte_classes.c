#include "byte_classes.h"

#include <stdbool.h>
#include <string.h>

typedef uint8_t block __attribute__((ext_vector_type(64)));
typedef bool flags __attribute__((ext_vector_type(64)));

// Each function is made once for each kind of vectors, and the program's start chooses. Sanitizers
// are not ready that early.
#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define STRATA_SANITIZED
#endif
#endif
#if defined(__x86_64__) && defined(__linux__) && defined(__GLIBC__) && !defined(STRATA_SANITIZED)
#define STRATA_CLONES __attribute__((target_clones("avx512bw", "avx2", "default")))
#else
#define STRATA_CLONES
#endif

// Macros, because a function's vectors would be passed as its own target passes them.
#define BITS(condition) \
    __extension__({ \
        flags found = __builtin_convertvector((condition), flags); \
        uint64_t bits; \
        memcpy(&bits, &found, sizeof bits); \
        bits; \
    })
#define LOAD(bytes) \
    __extension__({ \
        block loaded; \
        memcpy(&loaded, (bytes), sizeof loaded); \
        loaded; \
    })

STRATA_CLONES strata_json_classes strata_classify_json(const void *bytes) {
    block b = LOAD(bytes);
    block lower = b | (uint8_t)0x20;
    strata_json_classes classes;
    classes.quote = BITS(b == (uint8_t)'"');
    classes.backslash = BITS(b == (uint8_t)'\\');
    classes.space = BITS(b == (uint8_t)' ');
    classes.control = BITS(b < (uint8_t)0x20);
    classes.high = BITS(b >= (uint8_t)0x80);
    classes.comma = BITS(b == (uint8_t)',');
    classes.colon = BITS(b == (uint8_t)':');
    classes.opening = BITS(lower == (uint8_t)'{');
    classes.closing = BITS(lower == (uint8_t)'}');
    classes.curly = BITS((b & (uint8_t)0x20) != (uint8_t)0);
    classes.digit = BITS((block)(b - (uint8_t)'0') < (uint8_t)10);
    classes.zero = BITS(b == (uint8_t)'0');
    return classes;
}

STRATA_CLONES strata_number_classes strata_classify_numbers(const void *bytes) {
    block b = LOAD(bytes);
    strata_number_classes classes;
    classes.minus = BITS(b == (uint8_t)'-');
    classes.plus = BITS(b == (uint8_t)'+');
    classes.point = BITS(b == (uint8_t)'.');
    classes.exponent = BITS((b | (uint8_t)0x20) == (uint8_t)'e');
    return classes;
}

STRATA_CLONES strata_utf8_classes strata_classify_utf8(const void *bytes) {
    block b = LOAD(bytes);
    strata_utf8_classes classes;
    classes.from_c2 = BITS(b >= (uint8_t)0xC2);
    classes.from_e0 = BITS(b >= (uint8_t)0xE0);
    classes.from_f0 = BITS(b >= (uint8_t)0xF0);
    classes.from_f5 = BITS(b >= (uint8_t)0xF5);
    classes.continuation = BITS((b & (uint8_t)0xC0) == (uint8_t)0x80);
    classes.below_90 = BITS(b < (uint8_t)0x90);
    classes.below_a0 = BITS(b < (uint8_t)0xA0);
    classes.e0 = BITS(b == (uint8_t)0xE0);
    classes.ed = BITS(b == (uint8_t)0xED);
    classes.f0 = BITS(b == (uint8_t)0xF0);
    classes.f4 = BITS(b == (uint8_t)0xF4);
    return classes;
}

STRATA_CLONES uint64_t strata_classify_breaks(const void *bytes) {
    block b = LOAD(bytes);
    return BITS(b == (uint8_t)'\t') | BITS(b == (uint8_t)'\n') | BITS(b == (uint8_t)'\r');
}
