#ifndef ALLOCATION_COUNTER_H
#define ALLOCATION_COUNTER_H

/// How many blocks this thread has asked the heap for so far. The executable that links this
/// target has its malloc, calloc, realloc and aligned allocation counted.
long allocation_count(void);

/// Gives memory that is free back to the system.
void allocation_trim(void);

#endif
