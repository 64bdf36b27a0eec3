#include <isa-l/igzip_lib.h>

// Swift doesn't import macros made of macros.
static const uint32_t isal_level_1_buffer_size = ISAL_DEF_LVL1_DEFAULT;
