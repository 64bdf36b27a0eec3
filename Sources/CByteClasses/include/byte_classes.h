#ifndef STRATA_BYTE_CLASSES_H
#define STRATA_BYTE_CLASSES_H

#include <stdint.h>

// Which of 64 bytes belong to which class: the first byte's answer stands in the lowest bit.
//
// Written with the vectors of the compiler, which makes of it what the processor has: one
// instruction for a class where vectors are as long, four where they are of 16 bytes, and plain
// code where there are none.

/// What the structure of a text in JSON (RFC 8259) is told by.
typedef struct {
    uint64_t quote, backslash, space, control, high, comma, colon;
    /// Brackets and braces; `curly` tells braces from brackets, and means nothing elsewhere.
    uint64_t opening, closing, curly;
    uint64_t digit, zero;
} strata_json_classes;

/// What numbers are made of beside digits.
typedef struct {
    uint64_t minus, plus, point, exponent;
} strata_number_classes;

/// What characters of several bytes are told by (RFC 3629 section 4): bytes from a value on, those
/// that go on with a character, those below a value, and those of one value.
typedef struct {
    uint64_t from_c2, from_e0, from_f0, from_f5, continuation, below_90, below_a0, e0, ed, f0, f4;
} strata_utf8_classes;

strata_json_classes strata_classify_json(const void *bytes);
strata_number_classes strata_classify_numbers(const void *bytes);
strata_utf8_classes strata_classify_utf8(const void *bytes);
/// Tabulators, line feeds and carriage returns.
uint64_t strata_classify_breaks(const void *bytes);

#endif
